"""The owner's consent: from our link to Tesla and back, until the tokens are attached to what they were given for.

Who lures someone else into consenting has no claim code, because it goes to the consenting browser; who is lured has
no grant for the lurer's order. Tokens attach only where claim and grant come together, and are erased otherwise.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from shared import log
from shared.accounts.grants import digest
from shared.accounts.keeper import TokenKeeper
from shared.accounts.messages import TOPIC, TokenUpkeep
from shared.accounts.model import Account, Product, account_id
from shared.platform.documents import Collection
from shared.platform.due import DueList
from shared.platform.once import Claim, Once
from shared.platform.ports import Clock, DocumentStore, Event
from shared.platform.sealing import Sealer
from shared.tesla.catalogue import ENERGY_SCOPES, Contract
from shared.tesla.errors import ConnectionLost, RateLimited, ServerError
from shared.tesla.oauth import BadIdentity, TeslaAuth, TokenSet, read_claims
from shared.tesla.scopes import LOCATION, energy_family, energy_scopes, holds, missing
from shared.typed import from_json

_LEASE_S = 60.0
_LONGEST_CODE = 4096
_EXCHANGES, _PAUSE_S, _OWNER_WAITS_S = 3, 0.5, 5.0
"""Tries of a code, and how long they may pause: the owner's browser waits meanwhile."""
_FAMILY_KEPT = timedelta(days=1)
"""How long it is remembered which energy scopes Tesla refused for a grant."""


class ConsentError(Exception):
    """The consent cannot go on; `outcome` is the stable code of why.

    `denied`, `invalid_scope`, `state_unknown`, `state_expired`, `state_used`, `code_missing`, `tesla_error`,
    `claim_unknown`.
    """

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class OAuthState(msgspec.Struct, frozen=True, kw_only=True):
    """A consent on its way, under the sha256 of its state. `location`: it asked for the vehicle's place."""

    grant: str
    product: Product
    region: str
    scopes: tuple[str, ...]
    nonce: str
    verifier: bytes
    expires_at: datetime
    location: bool = False


class PendingConsent(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that wait to be claimed, under the sha256 of the claim code."""

    grant: str
    product: Product
    region: str
    asked: tuple[str, ...]
    tokens: bytes
    expires_at: datetime
    location: bool = False


class EnergyFamily(msgspec.Struct, frozen=True, kw_only=True):
    """The energy scopes that a grant asks for next, because Tesla refused the others."""

    contract: Contract
    expires_at: datetime


class Started(msgspec.Struct, frozen=True):
    """A consent to send the owner to."""

    auth_url: str
    state: str
    expires_at: datetime


class Attached(msgspec.Struct, frozen=True):
    """A consent attached: the account, what it is granted by now, and what was asked for but left out.

    `location`: this consent asked for the vehicle's place, whether or not the account has it from another one.
    """

    account: str
    region: str
    product: Product
    scopes: tuple[str, ...]
    missing: tuple[str, ...]
    location: bool = False


class ConsentRules(msgspec.Struct, frozen=True):
    """What consents are asked with: the vehicle scopes, the energy contract, our redirect URI, how long one may take.

    `auto`: where Tesla refuses the energy scopes of one contract, those of the other are asked for next.
    """

    vehicle_scopes: tuple[str, ...]
    energy: Contract
    auto: bool
    redirect_uri: str
    life_s: int


class Consent:
    """Runs consents. Collections: `oauth_states`, `pending_consents`, `energy_families`."""

    def __init__(
        self,
        store: DocumentStore,
        sealer: Sealer,
        auth: TeslaAuth,
        keeper: TokenKeeper,
        due: DueList,
        clock: Clock,
        rules: ConsentRules,
    ) -> None:
        self._states = Collection(store, "oauth_states", OAuthState)
        self._pending = Collection(store, "pending_consents", PendingConsent)
        self._families = Collection(store, "energy_families", EnergyFamily)
        self._once = Once(store, clock, collection="claims")
        self._sealer, self._auth, self._keeper = sealer, auth, keeper
        self._due, self._clock, self._rules = due, clock, rules

    def initiate(
        self, grant: str, *, product: Product, region: str, location: bool, held: tuple[str, ...] = ()
    ) -> Started:
        """A consent link for the order or enrolment of a grant, given by its key.

        `held`: what a connected account has already, which is asked for again so that the new tokens do not lack it.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        scopes = self._scopes(grant, product)
        location = location and product == "vehicle"
        if location:
            scopes = (*scopes, LOCATION)
        scopes = (*scopes, *(scope for scope in dict.fromkeys(held) if not holds(scopes, scope)))
        key, expires_at = digest(state), self._clock.now() + timedelta(seconds=self._rules.life_s)
        self._states.create(
            key,
            OAuthState(
                grant=grant,
                product=product,
                region=region,
                scopes=scopes,
                nonce=nonce,
                verifier=self._sealer.seal(verifier.encode(), bound_to=f"state:{key}"),
                expires_at=expires_at,
                location=location,
            ),
        )
        url = self._auth.authorize_url(
            scopes=scopes, state=state, nonce=nonce, verifier=verifier, redirect_uri=self._rules.redirect_uri
        )
        return Started(url, state, expires_at)

    def callback(self, *, state: str, code: str, error: str) -> str:
        """Tesla sent the owner back: consume the state, exchange the code; gives the claim code.

        Raises ConsentError, and TeslaError when the token endpoint fails.
        """
        key, record = self._consume(state)
        if error:
            raise self._not_given(record, error)
        if not code or len(code) > _LONGEST_CODE:
            raise ConsentError("code_missing", "Tesla sent no authorization code")
        verifier = self._sealer.open(record.verifier, bound_to=f"state:{key}").decode()
        return self._hold(record, self._exchange(code, verifier, record.region))

    def attach(self, grant: str, claim: str, approve: Callable[[Attached], bool]) -> Attached:
        """Attach the claimed consent to the grant's owner. May be repeated until `finish`.

        `approve` sees it first and may raise: then nothing is stored, and what an earlier consent of the same account
        gave to other orders stays as it was. It tells whether others rely on the account (see `TokenKeeper.attach`).

        Raises ConsentError(`claim_unknown`) for a claim that is unknown, used, expired or another grant's, and what
        `approve` raises.
        """
        key = digest(claim)
        stored = self._pending.get(key)
        if stored is None or stored.value.expires_at <= self._clock.now() or stored.value.grant != grant:
            raise ConsentError("claim_unknown", "the claim code is unknown, used or expired")
        pending = stored.value
        tokens = from_json(self._sealer.open(pending.tokens, bound_to=f"pending:{key}"), TokenSet)
        claims = read_claims(tokens.access_token)
        account, life = account_id(pending.product, claims.subject), timedelta(seconds=self._rules.life_s)
        lacking = missing(pending.asked, claims.scopes)
        attached = Attached(
            account, pending.region, pending.product, claims.scopes, lacking, location=pending.location
        )
        relied_on = approve(attached)
        issued_at = pending.expires_at - life  # the tokens' life began at their exchange, not now
        value = Account(
            product=pending.product,
            region=pending.region,
            scopes=claims.scopes,
            state="active",
            tokens=b"",
            audiences=self._auth.audiences(claims),
            access_issued_at=issued_at,
            access_expires_at=issued_at + timedelta(seconds=tokens.expires_in),
            needed_until=self._clock.now() + life,
        )
        scopes = self._keeper.attach(account, value, tokens, relied_on=relied_on).scopes
        return msgspec.structs.replace(attached, scopes=scopes, missing=missing(pending.asked, scopes))

    def finish(self, claim: str) -> None:
        """The claim has done its work and is not accepted again."""
        self.drop(digest(claim))

    def drop(self, pending: str) -> None:
        """Erase a pending consent by its key: claimed, or never claimed in time."""
        self._pending.delete(pending)
        self._due.done(_due_key(pending))

    def _scopes(self, grant: str, product: Product) -> tuple[str, ...]:
        if product == "vehicle":
            return self._rules.vehicle_scopes
        family = self._families.get(grant) if self._rules.auto else None
        known = family is not None and family.value.expires_at > self._clock.now()
        return energy_scopes(family.value.contract if family and known else self._rules.energy)

    def _not_given(self, record: OAuthState, error: str) -> ConsentError:
        """Why Tesla gave no code; a refused family of energy scopes is remembered, so that the other is tried."""
        refused = energy_family(record.scopes)
        if error != "invalid_scope" or refused is None:
            outcome = {"access_denied": "denied", "invalid_scope": "invalid_scope"}.get(error, "tesla_error")
            return ConsentError(outcome, "Tesla reports that the consent was not given")
        other = refused.other
        names = " and ".join(ENERGY_SCOPES[other])
        if not self._rules.auto:
            return ConsentError("invalid_scope", f"Tesla refuses these energy scopes; {names} are the other ones")
        expires_at = self._clock.now() + _FAMILY_KEPT
        self._families.put(record.grant, EnergyFamily(contract=other, expires_at=expires_at))
        return ConsentError(
            "invalid_scope", f"Tesla refuses these energy scopes; start again, and {names} are asked for"
        )

    def _consume(self, state: str) -> tuple[str, OAuthState]:
        """The state's record; exactly one caller ever gets it."""
        key = digest(state)
        stored = self._states.get(key)
        if stored is None:
            raise ConsentError("state_unknown", "this consent was not started here")
        # The mark outlives the state's document: a replay is told from an unknown state even when that has expired.
        # It is complete before the code is exchanged: a code is good for one try, whoever dies with it.
        claim = self._once.claim(f"state.{key}", lease_s=_LEASE_S)
        if not isinstance(claim, Claim):
            raise ConsentError("state_used", "this consent was used already")
        self._once.complete(claim)
        if stored.value.expires_at <= self._clock.now():
            raise ConsentError("state_expired", "this consent took too long")
        return key, stored.value

    def _exchange(self, code: str, verifier: str, region: str) -> TokenSet:
        """The code for tokens, again after a short pause where Tesla may not have taken it: the state is spent.

        A code that was taken after all is refused then, which is true. Raises TeslaError.
        """
        uri = self._rules.redirect_uri
        exchange = partial(self._auth.exchange, code, verifier=verifier, region=region, redirect_uri=uri)
        for attempt in range(1, _EXCHANGES):
            try:
                return exchange()
            except (ConnectionLost, RateLimited, ServerError) as error:
                pause_s = error.retry_after_s if isinstance(error, RateLimited) else _PAUSE_S * attempt
                if pause_s > _OWNER_WAITS_S:
                    raise
            self._clock.sleep(pause_s)
        return exchange()

    def _hold(self, record: OAuthState, tokens: TokenSet) -> str:
        """Keep the tokens, sealed, until they are claimed; they are erased if nobody does."""
        subject = read_claims(tokens.access_token).subject
        verified = self._auth.verify_identity(tokens.id_token, nonce=record.nonce) if tokens.id_token else None
        if verified is not None and verified != subject:
            raise BadIdentity("the id_token names another subject")
        log.info("identity checked", verified=verified is not None)
        claim = secrets.token_urlsafe(32)
        key, expires_at = digest(claim), self._clock.now() + timedelta(seconds=self._rules.life_s)
        erase = Event(TOPIC, msgspec.json.encode(TokenUpkeep(pending_consent=key)))
        self._due.plan(_due_key(key), expires_at, erase)  # first: tokens that nobody would erase are never stored
        self._pending.create(
            key,
            PendingConsent(
                grant=record.grant,
                product=record.product,
                region=record.region,
                asked=record.scopes,
                tokens=self._sealer.seal(msgspec.json.encode(tokens), bound_to=f"pending:{key}"),
                expires_at=expires_at,
                location=record.location,
            ),
        )
        return claim


def _due_key(pending: str) -> str:
    return f"pending.{pending}"

"""The keeper of tokens: everyone who needs an access token asks here, and at most one refreshes.

The rules are Tesla's: a refresh token is good for one use, the most recently used one stays good for 24 hours, and
`login_required` ends everything until the owner consents again. So there is one refresher per account (lease), the
new pair is stored before anyone uses it, a write from a refresher that lost its lease is refused by the document's
version, and after a crash the stored token, being the most recently used one, is simply used again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus

import msgspec

from shared import log
from shared.accounts.grants import digest
from shared.accounts.messages import TOPIC
from shared.accounts.model import Account, AccountState, TokenPair, sealed_for
from shared.accounts.token_pause import TokenPause
from shared.platform.documents import Collection, Stored
from shared.platform.due import DueList
from shared.platform.errors import AlreadyExists, NotFound, VersionChanged
from shared.platform.once import Claim, Once
from shared.platform.ports import Clock, DocumentStore, Event
from shared.platform.sealing import Sealer
from shared.tesla.account_costs import AccountCosts
from shared.tesla.client import Access
from shared.tesla.errors import (
    ApplicationRefused,
    AudienceMissing,
    LoginRequired,
    NoAnswer,
    RateLimited,
    Rejected,
    TeslaError,
    Unreadable,
)
from shared.tesla.oauth import TeslaAuth, TokenSet, read_claims
from shared.typed import from_json

_LEASE_S = 60.0
_WAIT_S, _STEP_S = 20.0, 0.2
_SOONEST_S = 60.0
"""A planned refresh that Tesla turned away is tried again no sooner: that often the due list is looked at."""
_MARGIN = timedelta(seconds=120)


class Disconnected(TeslaError):
    """The account was disconnected or erased."""

    reason = "disconnected"


class RefreshBusy(NoAnswer):
    """Another worker is refreshing this account and has not finished in time."""

    reason = "refresh_busy"


class TokenKeeper:
    """Stores, refreshes and hands out the tokens of connected accounts."""

    def __init__(
        self,
        store: DocumentStore,
        sealer: Sealer,
        auth: TeslaAuth,
        due: DueList,
        clock: Clock,
        message: Callable[[str], bytes],
    ) -> None:
        self._accounts = Collection(store, "accounts", Account)
        self._once = Once(store, clock, collection="claims")
        self._pause, self._costs = TokenPause(store, clock), AccountCosts(store, clock)
        self._sealer, self._auth, self._due, self._clock, self._message = sealer, auth, due, clock, message

    def attach(self, account: str, value: Account, tokens: TokenSet, *, relied_on: bool = False) -> Account:
        """Store a freshly consented account over whatever was known of it, and plan its refresh; gives the result.

        A second consent never narrows what an earlier one is still needed for: `needed_until` only grows. At Tesla an
        owner's consents to one application add up, but the tokens of each carry only what that one asked for and the
        owner left ticked. So the newest tokens count, with one exception: where they grant strictly less than the
        stored ones and others still rely on the account (`relied_on`), the stored ones stay in use and the new
        refresh token is kept as their spare. If the owner took a scope back, or Tesla ended the earlier tokens, the
        next refresh shows it: scopes follow the refreshed token, and the spare takes over.
        """
        pair = TokenPair(access=tokens.access_token, refresh=tokens.refresh_token)
        first = msgspec.structs.replace(value, tokens=self._seal(account, pair))

        def over(old: Account) -> Account:
            if relied_on and old.state == "active" and set(first.scopes) < set(old.scopes):
                return self._with_spare(account, old, first, tokens.refresh_token)
            return _succeeding(old, first)

        self._plan(account, first)  # before: tokens that nobody would refresh or erase are never stored
        # By version: what a refresh or another order's need stores meanwhile is not written over.
        stored = self._change_or_create(account, first, over)
        self._plan(account, stored)
        return stored

    def _change_or_create(self, account: str, first: Account, change: Callable[[Account], Account]) -> Account:
        try:
            return self._accounts.update(account, change).value
        except NotFound:
            try:
                return self._accounts.create(account, first).value
            except AlreadyExists:
                return self._accounts.update(account, change).value

    def _with_spare(self, account: str, old: Account, new: Account, refresh: str) -> Account:
        """The stored account with the refresh token of a consent that granted less as its spare."""
        pair = msgspec.structs.replace(self._open(account, old), spare_refresh=refresh)
        grown = _succeeding(old, new)
        return msgspec.structs.replace(
            old, tokens=self._seal(account, pair), fence=grown.fence, needed_until=grown.needed_until
        )

    def get(self, account: str) -> Account:
        """The account. Raises Disconnected."""
        stored = self._accounts.get(account)
        if stored is None:
            raise Disconnected("the Tesla account is not connected any more")
        return stored.value

    def usable(self, account: str) -> Account:
        """The account, if anything may be called for it. Raises Disconnected, LoginRequired, AudienceMissing."""
        return _usable(self.get(account))

    def access(self, account: str, *, instead_of: str = "") -> Access:
        """A valid access token, refreshed if need be; `instead_of` names one that Tesla has just refused.

        Raises Disconnected, LoginRequired, AudienceMissing, RefreshBusy and what the token endpoint raises.
        """
        value, pair = self._current(account, instead_of) or self.refresh(account, instead_of=instead_of)
        return _access(_usable(value), pair)

    def held(self, account: str) -> tuple[Access, datetime]:
        """The stored access token as it is, never refreshed, and when it expires.

        Raises Disconnected, LoginRequired, AudienceMissing.
        """
        value = self.usable(account)
        return _access(value, self._open(account, value)), value.access_expires_at

    def refresh(self, account: str, *, instead_of: str = "") -> tuple[Account, TokenPair]:
        """Refresh unless another worker does or did: then its result. `instead_of` as in `access`."""
        deadline = self._clock.monotonic() + _WAIT_S
        while True:
            claim = self._once.claim(f"refresh.{account}", lease_s=_LEASE_S)
            if isinstance(claim, Claim):
                try:
                    # Looked at again under the lease: the holder before us may have refreshed while we waited, and a
                    # second refresh would spend the token that it has just stored.
                    return self._current(account, instead_of) or self._refresh_alone(account)
                finally:
                    self._once.release(claim)
            if self._clock.monotonic() > deadline:
                raise RefreshBusy("another worker is refreshing this account")
            self._clock.sleep(_STEP_S * random.uniform(0.5, 1.5))  # noqa: S311  jitter, not a secret
            current = self._current(account, instead_of)
            if current is not None:
                return current

    def needed(self, account: str, until: datetime) -> None:
        """Keep the tokens fresh at least until then. Raises Disconnected, LoginRequired, AudienceMissing."""

        def change(value: Account) -> Account:
            late = _usable(value).needed_until < until
            return msgspec.structs.replace(value, needed_until=until) if late else value

        try:
            self._accounts.update(account, change)
        except NotFound:
            raise Disconnected("the Tesla account is not connected any more") from None

    def remember_region(self, account: str, region: str) -> None:
        """Tesla told us where the account lives, or answered there."""

        def change(value: Account) -> Account:
            if value.region_confirmed and value.region == region:
                return value
            # Tokens that were for the wrong region may be for this one.
            moved = value.state == "audience_missing" and value.region != region
            state: AccountState = "active" if moved else value.state
            return msgspec.structs.replace(value, region=region, region_confirmed=True, state=state)

        try:
            self._accounts.update(account, change)
        except NotFound:
            return

    def erase(self, account: str) -> None:
        """Forget the account, its tokens and what its calls cost."""
        self._accounts.delete(account)
        self._costs.forget(account)
        self._due.done(_due_key(account))

    def upkeep(self, account: str, pace: Callable[[], None], *, refused: str = "") -> None:
        """The planned refresh: refresh when `pace` lets it, or erase what nobody needs any more.

        `refused`: the digest of an access token that Tesla did not take; if that is still the stored one, it is
        refreshed now, whatever its age.
        """
        stored = self._accounts.get(account)
        if stored is None:
            self._due.done(_due_key(account))
        elif stored.value.needed_until <= self._clock.now():
            self._erase_unneeded(stored)
        elif stored.value.state != "active":
            # Nothing is called for it any more, but somebody has to come back and erase it.
            self._plan_at(account, stored.value.needed_until)
        elif self._clock.now() < _half_life(stored.value) and not self._is_refused(stored, refused):
            self._plan(account, stored.value)
        else:
            pace()
            self._refresh_planned(stored)

    def _refresh_planned(self, stored: Stored[Account]) -> None:
        """Refresh, or come back when Tesla says: a message would be delivered again long before that."""
        try:
            self.refresh(stored.key, instead_of=self._open(stored.key, stored.value).access)
        except RateLimited as error:
            spread = random.uniform(1.0, 1.5)  # noqa: S311  jitter, not a secret
            wait = timedelta(seconds=max(error.retry_after_s, _SOONEST_S) * spread)
            log.info("refresh put off", account=stored.key, seconds=wait.total_seconds())
            self._plan_at(stored.key, self._clock.now() + wait)

    def _is_refused(self, stored: Stored[Account], refused: str) -> bool:
        return bool(refused) and digest(self._open(stored.key, stored.value).access) == refused

    def _erase_unneeded(self, stored: Stored[Account]) -> None:
        """Erase the account unless somebody came to need it since it was read."""
        try:
            self._accounts.delete(stored.key, version=stored.version)
        except VersionChanged:
            self._plan_at(stored.key, self._clock.now())
        else:
            self._due.done(_due_key(stored.key))

    def _current(self, account: str, instead_of: str) -> tuple[Account, TokenPair] | None:
        """The stored tokens if they can be used. Raises Disconnected, LoginRequired, AudienceMissing."""
        value = self.usable(account)
        pair = self._open(account, value)
        fresh = value.access_expires_at - _MARGIN > self._clock.now() and pair.access != instead_of
        return (value, pair) if fresh and value.reaches_region else None

    def _refresh_alone(self, account: str) -> tuple[Account, TokenPair]:
        stored = self._accounts.get(account)
        if stored is None:
            raise Disconnected("the Tesla account is not connected any more")
        pair = self._open(account, stored.value)
        with self._pause.watch():
            tokens, used = self._exchange(stored, pair)
        return self._keep(account, stored, pair.after(tokens, used, self._clock.now()), tokens)

    def _exchange(self, stored: Stored[Account], pair: TokenPair) -> tuple[TokenSet, str]:
        """The token call, with the first refresh token that Tesla accepts; gives that too.

        A token that is not for the owner's region is exchanged for one that is, if Tesla gives one.
        """
        region = "" if stored.value.reaches_region else stored.value.region
        for token in pair.candidates(self._clock.now()):
            try:
                return self._auth.refresh(token, region=region), token
            except LoginRequired:
                log.info("refresh token refused", account=stored.key)
            except Rejected as error:
                if not region or isinstance(error, ApplicationRefused):
                    raise
                self._mark(stored, "audience_missing")
                raise AudienceMissing(region) from None
        self._mark(stored, "login_required")
        raise LoginRequired(HTTPStatus.UNAUTHORIZED)

    def _keep(
        self, account: str, stored: Stored[Account], pair: TokenPair, tokens: TokenSet
    ) -> tuple[Account, TokenPair]:
        """Store the new pair.

        Something else of the account may have changed meanwhile (region, need): the tokens go over it, unless newer
        ones came in with a new consent or the account was erased.
        """
        sealed, now = self._seal(account, pair), self._clock.now()
        renewed = self._renewed(stored.value, sealed, tokens, now)
        try:
            current = self._accounts.replace(stored, renewed(stored.value)).value
        except VersionChanged:
            current = self._keep_over_change(account, stored.value.fence, renewed)
        self._plan(account, current)
        log.info("tokens refreshed", account=account)
        # Not by the fence: a consent that came in meanwhile counted it up from the same number.
        return current, pair if current.tokens == sealed else self._open(account, current)

    def _renewed(
        self, asked: Account, sealed: bytes, tokens: TokenSet, now: datetime
    ) -> Callable[[Account], Account]:
        """The change that new tokens make: what they carry counts from now on.

        What the owner changed at Tesla applies from the next refresh on (Tesla, third-party tokens). A token whose
        claims cannot be read changes nothing of that.
        """
        carried = self._carried(tokens)
        wanted = "" if asked.reaches_region else asked.region

        def change(value: Account) -> Account:
            fresh = msgspec.structs.replace(
                value,
                tokens=sealed,
                access_issued_at=now,
                access_expires_at=now + timedelta(seconds=tokens.expires_in),
                fence=value.fence + 1,
                **carried,
            )
            refused = wanted == fresh.region and not fresh.reaches_region
            return msgspec.structs.replace(fresh, state="audience_missing") if refused else fresh

        return change

    def _carried(self, tokens: TokenSet) -> dict[str, tuple[str, ...]]:
        """Scopes and audiences of a refreshed token, as far as it tells."""
        try:
            claims = read_claims(tokens.access_token)
        except Unreadable:
            return {}
        scopes = {"scopes": claims.scopes} if claims.scopes else {}
        return {"audiences": self._auth.audiences(claims), **scopes}

    def _keep_over_change(self, account: str, fence: int, renewed: Callable[[Account], Account]) -> Account:
        def change(current: Account) -> Account:
            return renewed(current) if current.fence == fence else current

        try:
            return self._accounts.update(account, change).value
        except NotFound:
            raise Disconnected("the Tesla account was disconnected") from None

    def _mark(self, stored: Stored[Account], state: AccountState) -> None:
        """Only a new consent helps: nothing is called any more. One that came in meanwhile decides."""
        log.info("consent needed", account=stored.key, reason=state)

        def change(value: Account) -> Account:
            same = value.fence == stored.value.fence
            return msgspec.structs.replace(value, state=state) if same else value

        try:
            self._accounts.update(stored.key, change)
        except NotFound:
            return

    def _plan(self, account: str, value: Account) -> None:
        """The next refresh at 50-80 % of the token's life, scattered so that accounts do not come due together."""
        life = value.access_expires_at - value.access_issued_at
        self._plan_at(
            account,
            value.access_issued_at + life * random.uniform(0.5, 0.8),  # noqa: S311  jitter, not a secret
        )

    def _plan_at(self, account: str, at: datetime) -> None:
        self._due.plan(_due_key(account), at, Event(TOPIC, self._message(account)))

    def _seal(self, account: str, pair: TokenPair) -> bytes:
        return self._sealer.seal(msgspec.json.encode(pair), bound_to=sealed_for(account))

    def _open(self, account: str, value: Account) -> TokenPair:
        return from_json(self._sealer.open(value.tokens, bound_to=sealed_for(account)), TokenPair)


def _succeeding(old: Account, new: Account) -> Account:
    """A new consent in an earlier one's place: need and fence only grow, where the owner lives stays known."""
    region = old.region if old.region_confirmed else new.region
    return msgspec.structs.replace(
        new,
        region=region,
        region_confirmed=old.region_confirmed,
        fence=old.fence + 1,
        needed_until=max(old.needed_until, new.needed_until),
    )


def _access(value: Account, pair: TokenPair) -> Access:
    """What calls of the account are made with."""
    return Access(
        pair.access,
        value.region,
        frozenset(value.scopes),
        audiences=frozenset(value.audiences),
        confirmed=value.region_confirmed,
    )


def _usable(value: Account) -> Account:
    """The account, if anything may be called for it. Raises LoginRequired, AudienceMissing."""
    if value.state == "login_required":
        raise LoginRequired(HTTPStatus.UNAUTHORIZED)
    if value.state == "audience_missing":
        raise AudienceMissing(value.region)
    return value


def _half_life(value: Account) -> datetime:
    return value.access_issued_at + (value.access_expires_at - value.access_issued_at) * 0.5


def _due_key(account: str) -> str:
    return f"refresh.{account}"

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
from shared.accounts.model import Account, TokenPair, sealed_for
from shared.platform.documents import Collection, Stored
from shared.platform.due import DueList
from shared.platform.errors import NotFound, VersionChanged
from shared.platform.once import Claim, Once
from shared.platform.ports import Clock, DocumentStore, Event
from shared.platform.sealing import Sealer
from shared.tesla.client import Access
from shared.tesla.errors import LoginRequired, NoAnswer, TeslaError, Unreadable
from shared.tesla.oauth import TeslaAuth, TokenSet, read_claims
from shared.typed import from_json

TOPIC = "refresh-tokens"
_LEASE_S = 60.0
_WAIT_S, _STEP_S = 20.0, 0.2
_MARGIN = timedelta(seconds=120)
_OF_A_REFRESH = ("tokens", "scopes", "access_issued_at", "access_expires_at", "fence")


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
        self._sealer, self._auth, self._due, self._clock, self._message = sealer, auth, due, clock, message

    def attach(self, account: str, value: Account, tokens: TokenSet) -> None:
        """Store a freshly consented account over whatever was known of it, and plan its refresh.

        A second consent never narrows what an earlier one is still needed for: `needed_until` only grows.
        """
        pair = TokenPair(access=tokens.access_token, refresh=tokens.refresh_token)
        old = self._accounts.get(account)
        if old is not None:
            needed = max(old.value.needed_until, value.needed_until)
            value = msgspec.structs.replace(value, fence=old.value.fence + 1, needed_until=needed)
        value = msgspec.structs.replace(value, tokens=self._seal(account, pair))
        self._accounts.put(account, value)
        self._plan(account, value)

    def get(self, account: str) -> Account:
        """The account. Raises Disconnected."""
        stored = self._accounts.get(account)
        if stored is None:
            raise Disconnected("the Tesla account is not connected any more")
        return stored.value

    def access(self, account: str, *, instead_of: str = "") -> Access:
        """A valid access token, refreshed if need be; `instead_of` names one that Tesla has just refused.

        Raises Disconnected, LoginRequired, RefreshBusy and what the token endpoint raises.
        """
        value, pair = self._current(account, instead_of) or self.refresh(account, instead_of=instead_of)
        return Access(pair.access, value.region, frozenset(value.scopes))

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
        """Keep the account's tokens fresh at least until then. Raises Disconnected, LoginRequired."""

        def change(value: Account) -> Account:
            if value.state == "login_required":
                raise LoginRequired(HTTPStatus.UNAUTHORIZED)
            return value if value.needed_until >= until else msgspec.structs.replace(value, needed_until=until)

        try:
            self._accounts.update(account, change)
        except NotFound:
            raise Disconnected("the Tesla account is not connected any more") from None

    def remember_region(self, account: str, region: str) -> None:
        """Tesla told us where the account lives."""

        def change(value: Account) -> Account:
            return value if value.region == region else msgspec.structs.replace(value, region=region)

        try:
            self._accounts.update(account, change)
        except NotFound:
            return

    def erase(self, account: str) -> None:
        """Forget the account and its tokens."""
        self._accounts.delete(account)
        self._due.done(_due_key(account))

    def upkeep(self, account: str) -> None:
        """The planned refresh: refresh, or erase what nobody needs any more."""
        stored = self._accounts.get(account)
        if stored is None:
            self._due.done(_due_key(account))
        elif stored.value.needed_until <= self._clock.now():
            self._erase_unneeded(stored)
        elif stored.value.state == "login_required":
            # Nothing is called for it any more, but somebody has to come back and erase it.
            self._plan_at(account, stored.value.needed_until)
        elif self._clock.now() < _half_life(stored.value):
            self._plan(account, stored.value)
        else:
            self.refresh(account, instead_of=self._open(account, stored.value).access)

    def _erase_unneeded(self, stored: Stored[Account]) -> None:
        """Erase the account unless somebody came to need it since it was read."""
        try:
            self._accounts.delete(stored.key, version=stored.version)
        except VersionChanged:
            self._plan_at(stored.key, self._clock.now())
        else:
            self._due.done(_due_key(stored.key))

    def _current(self, account: str, instead_of: str) -> tuple[Account, TokenPair] | None:
        """The stored tokens if they can be used. Raises Disconnected, LoginRequired."""
        value = self.get(account)
        if value.state == "login_required":
            raise LoginRequired(HTTPStatus.UNAUTHORIZED)
        pair = self._open(account, value)
        usable = value.access_expires_at - _MARGIN > self._clock.now() and pair.access != instead_of
        return (value, pair) if usable else None

    def _refresh_alone(self, account: str) -> tuple[Account, TokenPair]:
        stored = self._accounts.get(account)
        if stored is None:
            raise Disconnected("the Tesla account is not connected any more")
        pair = self._open(account, stored.value)
        tokens = self._exchange(stored, pair)
        return self._keep(account, stored, pair.after(tokens, self._clock.now()), tokens)

    def _exchange(self, stored: Stored[Account], pair: TokenPair) -> TokenSet:
        """The token call: with the current refresh token, and with the one before it while Tesla may accept it."""
        if not pair.refresh:  # the consent came without one: its access token was all there is
            self._mark_login_required(stored)
            raise LoginRequired(HTTPStatus.UNAUTHORIZED)
        try:
            return self._auth.refresh(pair.refresh)
        except LoginRequired:
            # Two refreshers whose leases overlapped may have stored the older of two new pairs. The token that both
            # used is then the most recently used one, which Tesla still takes.
            previous = pair.previous_refresh
            if previous and pair.previous_until and self._clock.now() < pair.previous_until:
                try:
                    return self._auth.refresh(previous)
                except LoginRequired:
                    log.info("previous refresh token refused too", account=stored.key)
            self._mark_login_required(stored)
            raise

    def _keep(
        self, account: str, stored: Stored[Account], pair: TokenPair, tokens: TokenSet
    ) -> tuple[Account, TokenPair]:
        now = self._clock.now()
        value = msgspec.structs.replace(
            stored.value,
            tokens=self._seal(account, pair),
            scopes=_granted(tokens) or stored.value.scopes,
            access_issued_at=now,
            access_expires_at=now + timedelta(seconds=tokens.expires_in),
            fence=stored.value.fence + 1,
        )
        try:
            self._accounts.replace(stored, value)
        except VersionChanged:
            return self._keep_over_change(account, stored, value, pair)
        self._plan(account, value)
        log.info("tokens refreshed", account=account)
        return value, pair

    def _keep_over_change(
        self, account: str, stored: Stored[Account], value: Account, pair: TokenPair
    ) -> tuple[Account, TokenPair]:
        """Something else of the account changed meanwhile (region, need): our tokens go over it, unless newer ones
        came in with a new consent or the account was erased.
        """
        fields = {name: getattr(value, name) for name in _OF_A_REFRESH}

        def change(current: Account) -> Account:
            return msgspec.structs.replace(current, **fields) if current.fence == stored.value.fence else current

        try:
            current = self._accounts.update(account, change).value
        except NotFound:
            raise Disconnected("the Tesla account was disconnected") from None
        self._plan(account, current)
        # Not by the fence: a consent that came in meanwhile counted it up from the same number.
        return current, pair if current.tokens == value.tokens else self._open(account, current)

    def _mark_login_required(self, stored: Stored[Account]) -> None:
        log.info("login required", account=stored.key)
        try:
            self._accounts.replace(stored, msgspec.structs.replace(stored.value, state="login_required"))
        except VersionChanged:
            return  # a new consent came in: it decides

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


def _granted(tokens: TokenSet) -> tuple[str, ...]:
    """The scopes of a refreshed token: what the owner changed at Tesla applies from the next refresh on.

    Source: Tesla's Fleet API documentation, third-party tokens. Empty where the token says nothing of them.
    """
    try:
        return read_claims(tokens.access_token).scopes
    except Unreadable:
        return ()


def _half_life(value: Account) -> datetime:
    return value.access_issued_at + (value.access_expires_at - value.access_issued_at) * 0.5


def _due_key(account: str) -> str:
    return f"refresh.{account}"

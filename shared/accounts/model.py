"""What is stored of a connected Tesla account."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from shared.tesla.oauth import TokenSet

Product = Literal["vehicle", "energy"]
AccountState = Literal["active", "login_required", "audience_missing"]
PREVIOUS_LIFE = timedelta(hours=24)
"""Tesla accepts the most recently used refresh token that long."""


class TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed: the current tokens, and the refresh token they were got with. Its repr shows nothing.

    `spare_refresh`: the refresh token of a later consent that granted less, for when these are not accepted any more.
    """

    access: str
    refresh: str
    previous_refresh: str = ""
    previous_until: datetime | None = None
    spare_refresh: str = ""

    def __repr__(self) -> str:
        return "TokenPair(...)"

    def candidates(self, now: datetime) -> list[str]:
        """The refresh tokens that Tesla may accept, the likeliest first; none if the consent came without one."""
        previous = self.previous_refresh if self.previous_until and self.previous_until > now else ""
        return [token for token in dict.fromkeys((self.refresh, previous, self.spare_refresh)) if token]

    def after(self, tokens: TokenSet, used: str, now: datetime) -> TokenPair:
        """The pair after a refresh with the token `used`.

        A server that rotates nothing sends no new refresh token: the one used stays.
        """
        return TokenPair(
            access=tokens.access_token,
            refresh=tokens.refresh_token or used,
            previous_refresh=used,
            previous_until=now + PREVIOUS_LIFE,
            spare_refresh="" if used == self.spare_refresh else self.spare_refresh,
        )


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One Tesla subject and product. `tokens` is a sealed TokenPair bound to the account's id.

    `state`: `active`; `login_required` or `audience_missing` (its tokens are not for the owner's region): only a new
    consent helps, nothing is called any more. `needed_until`: tokens are kept fresh until then and erased after it.
    `fence` grows with every stored pair. `region_confirmed`: Tesla said so (its region endpoint, a 421) or answered
    there; until then the region is where the consent was asked for. `audiences`: the regions that the access token is
    for, none where it does not say.
    """

    product: Product
    region: str
    scopes: tuple[str, ...]
    state: AccountState
    tokens: bytes
    access_expires_at: datetime
    access_issued_at: datetime
    needed_until: datetime
    fence: int = 1
    region_confirmed: bool = False
    audiences: tuple[str, ...] = ()

    @property
    def reaches_region(self) -> bool:
        """Whether the owner's region would accept the access token."""
        return not self.audiences or self.region in self.audiences


def account_id(product: Product, subject: str) -> str:
    """The id under which a Tesla subject is kept per product; it does not tell who it is."""
    return hashlib.sha256(f"{product}:{subject}".encode()).hexdigest()[:32]


def sealed_for(account: str) -> str:
    """What an account's tokens are bound to."""
    return f"account:{account}"

"""What is stored of a connected Tesla account."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from shared.tesla.oauth import TokenSet

Product = Literal["vehicle", "energy"]
PREVIOUS_LIFE = timedelta(hours=24)
"""Tesla accepts the most recently used refresh token that long."""


class TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed: the current tokens, and the refresh token they were got with. Its repr shows nothing."""

    access: str
    refresh: str
    previous_refresh: str = ""
    previous_until: datetime | None = None

    def __repr__(self) -> str:
        return "TokenPair(...)"

    def after(self, tokens: TokenSet, now: datetime) -> TokenPair:
        """The pair after a refresh. A server that rotates nothing sends no new refresh token: the old one stays."""
        return TokenPair(
            access=tokens.access_token,
            refresh=tokens.refresh_token or self.refresh,
            previous_refresh=self.refresh,
            previous_until=now + PREVIOUS_LIFE,
        )


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One Tesla subject and product. `tokens` is a sealed TokenPair bound to the account's id.

    `state`: `active`; `login_required` (only a new consent helps, nothing is called any more). `needed_until`: tokens
    are kept fresh until then and erased after it. `fence` grows with every stored pair.
    """

    product: Product
    region: str
    scopes: tuple[str, ...]
    state: Literal["active", "login_required"]
    tokens: bytes
    access_expires_at: datetime
    access_issued_at: datetime
    needed_until: datetime
    fence: int = 1


def account_id(product: Product, subject: str) -> str:
    """The id under which a Tesla subject is kept per product; it does not tell who it is."""
    return hashlib.sha256(f"{product}:{subject}".encode()).hexdigest()[:32]


def sealed_for(account: str) -> str:
    """What an account's tokens are bound to."""
    return f"account:{account}"

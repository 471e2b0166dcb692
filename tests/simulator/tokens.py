"""Access tokens, authorization codes and rotating refresh tokens of the simulated auth host."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal

from .clock import Clock
from .config import SimulatorConfig
from .keys import sign
from .world import Account

TokenKind = Literal["user", "partner"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who holds an access token, what it may do, on which hosts, until when (Unix s)."""

    kind: TokenKind
    sub: str
    account: Account | None
    scopes: frozenset[str]
    audiences: tuple[str, ...]
    expires_at_s: float


@dataclass(slots=True)
class Code:
    """An authorization code: exchanged once, before `expires_at_s`, by who knows the PKCE verifier."""

    account: Account
    scopes: frozenset[str]
    redirect_uri: str
    nonce: str | None
    challenge: str | None
    expires_at_s: float


@dataclass(slots=True)
class Family:
    """A line of refresh tokens from one consent.

    `current` was issued last and is unused; `previous` is the most recently used one, accepted until
    `grace_until_s` for clients that lost the answer (Tesla: third-party tokens).
    """

    account: Account
    scopes: frozenset[str]
    audience: str
    current: str
    issued_at_s: float
    previous: str | None = None
    grace_until_s: float = 0.0
    revoked: bool = False


class TokenStore:
    """Everything the auth host has handed out and still knows."""

    def __init__(self, config: SimulatorConfig, clock: Clock, issuer: str) -> None:
        self._config, self._clock, self.issuer = config, clock, issuer
        self._access: dict[str, Principal] = {}
        self._codes: dict[str, Code] = {}
        self._families: dict[str, Family] = {}

    def principal(self, token: str) -> Principal | None:
        """The holder of an access token, expired ones included; None when it was never issued."""
        return self._access.get(token)

    def issue_code(self, code: Code) -> str:
        """Keep a code under a fresh name."""
        name = f"{code.account.region.upper()}_{secrets.token_hex(30)}"
        self._codes[name] = code
        return name

    def redeem_code(self, name: str) -> Code | None:
        """The code, once; None when it is unknown, used or expired."""
        code = self._codes.pop(name, None)
        return code if code and self._clock.now() < code.expires_at_s else None

    def start_family(self, account: Account, scopes: frozenset[str], audience: str) -> Family:
        """The first refresh token of a consent."""
        family = Family(account, scopes, audience, self._refresh_name(account), self._clock.now())
        self._families[family.current] = family
        return family

    def rotate(self, token: str) -> Family | None:
        """Use a refresh token: the family with a new `current`, or None when the token is dead.

        The token itself stays good for the grace time; what came before it dies at once.
        """
        family = self._families.get(token)
        if family is None or family.revoked or not self._usable(family, token):
            return None
        if token == family.current:
            self._families.pop(family.previous or "", None)
            family.previous, family.grace_until_s = token, self._clock.now() + self._config.grace_s
        else:
            self._families.pop(family.current, None)
        family.current, family.issued_at_s = self._refresh_name(family.account), self._clock.now()
        self._families[family.current] = family
        return family

    def revoke(self, account: Account) -> None:
        """Withdraw the account's consent: access tokens are forgotten, refreshes say so."""
        account.consented = None
        for family in self._families.values():
            family.revoked = family.revoked or family.account is account
        self._access = {name: held for name, held in self._access.items() if held.account is not account}

    def is_revoked(self, token: str) -> bool:
        """Whether a refresh token belongs to an account that withdrew its consent."""
        family = self._families.get(token)
        return family is not None and family.revoked

    def access_token(
        self, kind: TokenKind, account: Account | None, scopes: frozenset[str], audiences: tuple[str, ...]
    ) -> str:
        """A signed access token with the claims Tesla's carry; partner tokens have the client as subject."""
        now, life = self._clock.now(), self._config.access_token_s
        sub = account.sub if account else self._config.client_id
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": [*audiences, self.issuer.replace("/nts", "/userinfo")],
            "azp": self._config.client_id,
            "sub": sub,
            "scp": sorted(scopes),
            "amr": ["pwd"],
            "exp": int(now + life),
            "iat": int(now),
            "auth_time": int(now),
            "ou_code": (account.region if account else "eu").upper(),
            "jti": secrets.token_hex(8),
        }
        token = sign(claims)
        self._access[token] = Principal(kind, sub, account, scopes, audiences, now + life)
        return token

    def id_token(self, account: Account, nonce: str | None) -> str:
        """A signed id_token; it names no e-mail address."""
        now = int(self._clock.now())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self._config.client_id,
            "sub": account.sub,
            "iat": now,
            "exp": now + self._config.access_token_s,
            "auth_time": now,
        }
        return sign(claims | ({"nonce": nonce} if nonce else {}))

    def _usable(self, family: Family, token: str) -> bool:
        now = self._clock.now()
        if token == family.current:
            return now < family.issued_at_s + self._config.refresh_token_s
        return token == family.previous and now < family.grace_until_s

    def _refresh_name(self, account: Account) -> str:
        return f"{account.region.upper()}_{secrets.token_hex(32)}"

"""Who calls: OIDC tokens of operators, of creators and of the account that pushes messages.

OidcError
├── Unauthenticated    no token, or one that proves nothing here
└── NotAllowed         a valid token of an account that may not do this

`jwks.KeysUnavailable` also leaves `OidcVerifier.verify`: the token may be good, its keys cannot be had now.

Cloud Run takes the signature out of a token after its own access check and leaves SIGNATURE_REMOVED_BY_GOOGLE in its
place. Anyone could write that word, so it counts only where Cloud Run has checked every caller (`iam_checked`, the
functions whose one invoker is the pusher) and only on Cloud Run (`K_SERVICE` is set): never on a public function.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from shared.edge.jwks import KeySet, KeysUnavailable
from shared.platform.ports import Clock
from shared.settings import Settings
from shared.typed import from_json

__all__ = ["Claims", "KeysUnavailable", "NotAllowed", "OidcError", "OidcVerifier", "Unauthenticated"]

T = TypeVar("T")

_ALGORITHM = "RS256"
_REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"
_GOOGLE = ("https://accounts.google.com", "accounts.google.com")
_LEEWAY_S = 30
_LONGEST_LIFE_S = 86_400
_LONGEST_TOKEN = 8192
_PARTS = 3


class OidcError(Exception):
    """Base of the refusals; the message says why and holds nothing of the token."""


class Unauthenticated(OidcError):
    """No token, or one that proves nothing here."""


class NotAllowed(OidcError):
    """The token is good, its account is not on the list."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. Times are seconds since 1970. A wrong type of any of them refuses the token."""

    iss: str
    aud: str
    email: str
    exp: int
    iat: int
    email_verified: bool = False
    sub: str = ""


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str = ""


class OidcVerifier:
    """Checks bearer tokens against the issuer, audience and keys of the settings. One per process."""

    def __init__(self, settings: Settings, clock: Clock, environ: Mapping[str, str]) -> None:
        self._audience, self._clock = settings.oidc_audience, clock
        self._issuers = _GOOGLE if settings.oidc_issuer in _GOOGLE else (settings.oidc_issuer,)
        self._keys = KeySet(settings.oidc_jwks_url, clock)
        self._on_cloud_run = "K_SERVICE" in environ

    def verify(self, authorization: str | None, *, emails: Collection[str], iam_checked: bool = False) -> Claims:
        """The claims of the bearer token in an Authorization header.

        Args:
            authorization: the header, or None.
            emails: the accounts that may; an empty list allows nobody.
            iam_checked: whether Cloud Run admits nobody else to this function, so that a removed signature counts.

        Raises:
            Unauthenticated, NotAllowed, KeysUnavailable.
        """
        token = _bearer(authorization)
        header = _decode_part(token.partition(".")[0], _Header)
        if header.alg != _ALGORITHM:
            raise Unauthenticated("the token is not signed with RS256")
        if not (iam_checked and self._on_cloud_run and token.endswith(f".{_REMOVED}")):
            self._check_signature(token, header.kid)
        claims = _decode_part(token.split(".")[1], Claims)
        self._check(claims)
        if claims.email.casefold() not in {email.casefold() for email in emails}:
            raise NotAllowed("this account may not call here")
        return claims

    def _check_signature(self, token: str, kid: str) -> None:
        from jwt import InvalidTokenError, PyJWS

        key = self._keys.find(kid)
        if key is None:
            raise Unauthenticated("the token is signed with an unknown key")
        try:
            PyJWS().decode(token, key, algorithms=[_ALGORITHM])
        except InvalidTokenError:
            raise Unauthenticated("the token's signature is wrong") from None

    def _check(self, claims: Claims) -> None:
        now = self._clock.now().timestamp()
        checks = [
            (claims.iss not in self._issuers, "is from another issuer"),
            (not self._audience or claims.aud != self._audience, "is for another audience"),
            (claims.exp + _LEEWAY_S <= now, "has expired"),
            (claims.iat - _LEEWAY_S > now, "is not valid yet"),
            (claims.exp - claims.iat > _LONGEST_LIFE_S, "lives too long"),
            (not claims.email_verified, "has no verified e-mail address"),
        ]
        for wrong, text in checks:
            if wrong:
                raise Unauthenticated(f"the token {text}")


def _bearer(authorization: str | None) -> str:
    """The token of an Authorization header, known to have three parts."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("a bearer token is needed")
    token = token.strip()
    if len(token) > _LONGEST_TOKEN or len(token.split(".")) != _PARTS:
        raise Unauthenticated("the bearer token is not an OIDC token")
    return token


def _decode_part(part: str, kind: type[T]) -> T:
    padded = part + "=" * (-len(part) % 4)
    try:
        return from_json(base64.b64decode(padded, altchars=b"-_", validate=True), kind)
    except (binascii.Error, ValueError, RecursionError):
        raise Unauthenticated("the bearer token cannot be read") from None

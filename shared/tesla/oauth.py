"""Tesla's authorization server: consent URL, token exchange, refresh, partner tokens, identity.

Token calls are form encoded and go to their own host (Tesla, "Third-party tokens"); nothing here stores anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec

from shared import log
from shared.tesla import errors
from shared.tesla.answers import refusal
from shared.tesla.regions import Regions
from shared.tesla.transport import Transport
from shared.typed import from_json, from_plain

_CODE_REFUSED = ("invalid_auth_code", "invalid_grant", "invalid_redirect_url", "invalid_redirect_uri")
"""Errors of a code exchange that another consent mends."""
_CLIENT_REFUSED = ("unauthorized_client", "invalid_client")
_LEEWAY_S = 60
_ERROR_CODE = re.compile(r"[a-z_]{3,40}")
"""How much of an error code is logged."""
_LONGEST_LIFE_S = 366 * 86_400


class BadIdentity(errors.TeslaError):
    """The id_token is not Tesla's, not for us, or not for this consent."""

    reason = "bad_identity"


class ConsentRefused(errors.TeslaError):
    """Tesla does not accept the authorization code (expired, used, or for another redirect URI)."""

    reason = "code_refused"


class TokenSet(msgspec.Struct, frozen=True, kw_only=True):
    """What a token call gives; life in seconds. Its repr shows nothing."""

    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    expires_in: Annotated[float, msgspec.Meta(ge=0, le=_LONGEST_LIFE_S)]
    refresh_token: str = ""
    id_token: str = ""

    def __repr__(self) -> str:
        return "TokenSet(...)"


class TokenClaims(msgspec.Struct, frozen=True):
    """The claims of an access token that steer calls: subject, granted scopes, audiences."""

    subject: str
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The application's id and secret."""

    client_id: str
    client_secret: str = field(repr=False)


class AuthUrls(msgspec.Struct, frozen=True):
    """Where consent is asked, tokens are exchanged and id_token keys are served."""

    authorize: str
    token: str
    jwks: str


class TeslaAuth:
    """The authorization server as this application uses it. `credentials` is asked when they are first needed."""

    def __init__(
        self, transport: Transport, urls: AuthUrls, regions: Regions, credentials: Callable[[], Credentials]
    ) -> None:
        self._transport, self._urls, self._regions, self._credentials = transport, urls, regions, credentials

    def authorize_url(
        self, *, scopes: tuple[str, ...], state: str, nonce: str, verifier: str, redirect_uri: str
    ) -> str:
        """The consent page with this request. PKCE (S256) is sent along although Tesla does not document it."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._credentials().client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "prompt_missing_scopes": "true",
        }
        return f"{self._urls.authorize}?{urlencode(query)}"

    def exchange(self, code: str, *, verifier: str, region: str, redirect_uri: str) -> TokenSet:
        """An authorization code for tokens whose audience is the region.

        Raises ConsentRefused where a new consent helps, ApplicationRefused where only the operator can, TeslaError.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
            "audience": self._regions.base_url(region),
        }
        try:
            return self._token(form, secret=True)
        except errors.ApplicationRefused:
            raise
        except (errors.Rejected, errors.LoginRequired) as error:
            if error.text in _CODE_REFUSED:
                raise ConsentRefused("Tesla did not accept the authorization code") from error
            # Only what is a plain error code: anything else Tesla says may repeat what we sent.
            code = error.text if _ERROR_CODE.fullmatch(error.text) else "other"
            log.error("code exchange refused", status=error.status, error=code)
            raise errors.ApplicationRefused(error.status, error.text) from error

    def refresh(self, refresh_token: str, *, region: str = "") -> TokenSet:
        """A new pair for a refresh token, which is spent by it; for a region if one is named.

        Tesla documents no audience here. It is sent only where the token at hand is of no use without it.

        Raises LoginRequired, TeslaError.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if region:
            form["audience"] = self._regions.base_url(region)
        return self._token(form, secret=False)

    def audiences(self, claims: TokenClaims) -> tuple[str, ...]:
        """The regions that a token is for; none where its claims do not say."""
        return self._regions.named(claims.audiences)

    def partner_token(self, region: str, scopes: tuple[str, ...]) -> TokenSet:
        """A token of the application itself, for one region. Raises TeslaError."""
        audience = self._regions.base_url(region)
        form = {"grant_type": "client_credentials", "audience": audience, "scope": " ".join(scopes)}
        return self._token(form, secret=True)

    def verify_identity(self, id_token: str, *, nonce: str) -> str | None:
        """The subject of a valid id_token, or None where Tesla's keys cannot be had. Raises BadIdentity."""
        import jwt

        try:
            reply = self._transport.send("GET", self._urls.jwks)
            keys = jwt.PyJWKSet.from_json(reply.body.decode()) if reply.status == HTTPStatus.OK else None
        except (errors.NoAnswer, jwt.PyJWKSetError, ValueError, TypeError, AttributeError, RecursionError):
            keys = None  # PyJWT takes the shape of the answer for granted
        if keys is None:
            return None
        try:
            key = keys[jwt.get_unverified_header(id_token)["kid"]]
            claims = jwt.decode(
                id_token,
                key,
                algorithms=["RS256", "ES256"],
                audience=self._credentials().client_id,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "sub"], "verify_iat": False},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise BadIdentity(f"the id_token is not valid ({type(error).__name__})") from None
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise BadIdentity("the id_token belongs to another consent")
        return str(claims["sub"])

    def _token(self, form: Mapping[str, str], *, secret: bool) -> TokenSet:
        credentials = self._credentials()
        form = {**form, "client_id": credentials.client_id}
        if secret:
            form["client_secret"] = credentials.client_secret
        reply = self._transport.send("POST", self._urls.token, form=form)
        if reply.status != HTTPStatus.OK:
            error = _token_refusal(reply.status, reply.body) or refusal(reply, self._regions)
            if isinstance(error, errors.ApplicationRefused):
                log.error("Tesla does not accept the client id and secret", status=error.status)
            raise error
        try:
            # What is not given may be null; to refuse that would lose a pair whose predecessor is spent.
            given = {
                name: value for name, value in from_json(reply.body, dict[str, Any]).items() if value is not None
            }
            return from_plain(given, TokenSet, strict=False)
        except (msgspec.DecodeError, RecursionError):
            raise errors.Unreadable("the token answer cannot be read") from None


def _token_refusal(status: int, body: bytes) -> errors.Refused | None:
    """`login_required` and its kin (Tesla lists no `invalid_grant`; it would mean the same).

    None where the status alone tells: being asked to wait is no verdict on the token, nor is a server in trouble.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    try:
        code = str(json.loads(body).get("error", ""))
    except (ValueError, AttributeError, RecursionError):
        return None
    if code in ("login_required", "invalid_grant"):
        return errors.LoginRequired(status, code)
    if code in _CLIENT_REFUSED:
        return errors.ApplicationRefused(status, code)
    return errors.Rejected(status, code)


def read_claims(access_token: str) -> TokenClaims:
    """The claims of an access token, unverified: it came from the token endpoint itself. Raises Unreadable."""
    try:
        part = access_token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return TokenClaims(str(claims["sub"]), _texts(claims.get("scp")), _texts(claims.get("aud")))
    except (IndexError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise errors.Unreadable("the access token carries no claims") from None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

"""/oauth2/v3/token: authorization_code, refresh_token and client_credentials; form or JSON."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from urllib.parse import parse_qsl

import msgspec

from .answers import Answer, Json, Refusal, json_answer
from .config import FIXED_SCOPES
from .scopes import grantable, partner_scopes
from .state import Exchange
from .tokens import Code, Family

NEEDED = {
    "authorization_code": ("client_id", "client_secret", "code", "redirect_uri", "audience"),
    "refresh_token": ("client_id", "refresh_token"),
    "client_credentials": ("client_id", "client_secret", "audience", "scope"),
}
"""Parameters of each grant (Tesla: third-party tokens, partner tokens)."""


def exchange_token(exchange: Exchange) -> Answer:
    """POST token: one of three grants."""
    form = _form(exchange)
    grant = form.get("grant_type", "")
    if grant not in NEEDED:
        raise oauth_error(400, "unsupported_grant_type", f"Unsupported grant_type: {grant}")
    missing = [name for name in NEEDED[grant] if not form.get(name)]
    if missing:
        raise oauth_error(400, "invalid_request", f"Missing parameter: {', '.join(missing)}")
    _check_client(exchange, form)
    return GRANTS[grant](exchange, form)


def oauth_error(status: int, error: str, description: str) -> Refusal:
    """An error of the token endpoint, with the reference that Tesla adds."""
    body = {"error": error, "error_description": description, "referenceID": secrets.token_hex(16)}
    return Refusal(json_answer(body, status))


def _form(exchange: Exchange) -> dict[str, str]:
    """Parameters from a form, the documented way, or from a JSON object, which works too."""
    try:
        if exchange.content_type == "application/json":
            return msgspec.json.decode(exchange.body, type=dict[str, str])
        return dict(parse_qsl(exchange.body.decode("utf-8"), keep_blank_values=True))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise oauth_error(400, "invalid_request", "The body cannot be read") from error


def _check_client(exchange: Exchange, form: dict[str, str]) -> None:
    """The secret must be right where it is given; the refresh grant may leave it out."""
    config = exchange.state.config
    secret = form.get("client_secret", config.client_secret)
    if form["client_id"] != config.client_id or not secrets.compare_digest(
        secret.encode(), config.client_secret.encode()
    ):
        text = "We don't recognize this client_id and client_secret combination"
        raise oauth_error(400, "unauthorized_client", text)


def _audiences(exchange: Exchange, audience: str) -> tuple[str, ...]:
    """Fleet hosts the token is good for."""
    urls = exchange.state.urls
    named = audience.rstrip("/")
    if named not in urls.fleets():
        raise oauth_error(400, "invalid_request", "The audience is not a Fleet API base URL")
    return urls.fleets() if exchange.state.config.audience_mode == "all" else (named,)


def _by_code(exchange: Exchange, form: dict[str, str]) -> Answer:
    audiences = _audiences(exchange, form["audience"])
    code = exchange.state.tokens.redeem_code(form["code"])
    if code is None:
        raise oauth_error(400, "invalid_auth_code", "The authorization code is invalid or has expired")
    exchange.sub = code.account.sub
    if form["redirect_uri"] != code.redirect_uri:
        raise oauth_error(400, "invalid_redirect_url", "The redirect_uri does not match the authorization request")
    if not _proves(code, form.get("code_verifier")):
        raise oauth_error(400, "invalid_auth_code", "The code_verifier does not match the code_challenge")
    tokens = exchange.state.tokens
    family = tokens.start_family(code.account, code.scopes, form["audience"].rstrip("/"))
    body = _pair(exchange, family, audiences)
    if "openid" in code.scopes:
        body["id_token"] = tokens.id_token(code.account, code.nonce)
    return json_answer(body)


def _proves(code: Code, verifier: str | None) -> bool:
    """PKCE with S256; a request without a challenge needs no verifier."""
    if code.challenge is None:
        return True
    digest = hashlib.sha256((verifier or "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == code.challenge


def _by_refresh(exchange: Exchange, form: dict[str, str]) -> Answer:
    tokens, name = exchange.state.tokens, form["refresh_token"]
    fixed = exchange.state.config.audience_mode == "consented"
    audiences = _audiences(exchange, form["audience"]) if form.get("audience") and not fixed else None
    if tokens.is_revoked(name):
        raise oauth_error(401, "login_required", "User revoked consent")
    family = tokens.rotate(name)
    if family is None:
        raise oauth_error(401, "login_required", "Login required")
    exchange.sub = family.account.sub
    if audiences is not None:
        family.audience = form["audience"].rstrip("/")
    return json_answer(_pair(exchange, family, audiences or _audiences(exchange, family.audience)))


def _pair(exchange: Exchange, family: Family, audiences: tuple[str, ...]) -> Json:
    """The answer's tokens; scopes follow what the owner consents to by now."""
    state, account = exchange.state, family.account
    allowed = (account.consented or frozenset()) | set(FIXED_SCOPES)
    scopes = family.scopes & allowed & grantable(state.config)
    body: Json = {
        "access_token": state.tokens.access_token("user", account, scopes, audiences),
        "expires_in": state.config.access_token_s,
        "token_type": "Bearer",
    }
    if "offline_access" in scopes:
        body["refresh_token"] = family.current
    return body


def _by_credentials(exchange: Exchange, form: dict[str, str]) -> Answer:
    state, asked = exchange.state, frozenset(form["scope"].split())
    _audiences(exchange, form["audience"])
    if not asked <= partner_scopes(state.config):
        raise oauth_error(400, "invalid_scope", "The requested scope is invalid, unknown, or malformed")
    exchange.sub = state.config.client_id
    token = state.tokens.access_token("partner", None, asked, (form["audience"].rstrip("/"),))
    return json_answer({"access_token": token, "expires_in": state.config.access_token_s, "token_type": "Bearer"})


GRANTS: dict[str, Callable[[Exchange, dict[str, str]], Answer]] = {
    "authorization_code": _by_code,
    "refresh_token": _by_refresh,
    "client_credentials": _by_credentials,
}

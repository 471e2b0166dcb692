"""The auth host's routes: authorize, token, key set, metadata, and the page that revokes consent."""

from __future__ import annotations

from urllib.parse import parse_qsl

from .answers import Answer, html_answer, json_answer, redirect
from .authorize_endpoint import decide, show
from .keys import public_jwk
from .pages import page, revoke_page
from .routes import RouteTable
from .scopes import partner_scopes
from .state import Endpoint, Exchange
from .token_endpoint import exchange_token

METADATA_PATH = "/oauth2/v3/thirdparty/.well-known/openid-configuration"
JWKS_PATH = "/oauth2/v3/discovery/thirdparty/keys"


def metadata(exchange: Exchange) -> Answer:
    """OpenID metadata. Like Tesla's it names the browser host's token URL."""
    state, base = exchange.state, f"{exchange.state.urls.auth}/oauth2/v3"
    return json_answer(
        {
            "issuer": state.tokens.issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{state.urls.auth}{JWKS_PATH}",
            "userinfo_endpoint": f"{base}/userinfo",
            "scopes_supported": sorted(partner_scopes(state.config)),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


def jwks(_: Exchange) -> Answer:
    """The key set that signatures are checked with."""
    return json_answer({"keys": [public_jwk()]})


def revoke_form(exchange: Exchange) -> Answer:
    """GET user/revoke/consent: a form."""
    query = exchange.query
    emails = [account.email for account in exchange.state.world.accounts[:50]]
    return html_answer(revoke_page(query.get("revoke_client_id", ""), query.get("back_url", ""), emails))


def revoke(exchange: Exchange) -> Answer:
    """POST user/revoke/consent: withdraws consent and goes back to the application."""
    form = dict(parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True))
    state = exchange.state
    known = {account.email: account for account in state.world.accounts}
    account = known.get(form.get("email", ""))
    if account is None or form.get("revoke_client_id") != state.config.client_id:
        return html_answer(page("Something went wrong", "<p>Nothing to remove.</p>"), 400)
    exchange.sub = account.sub
    state.tokens.revoke(account)
    back = form.get("back_url", "")
    return redirect(back) if back else html_answer(page("Access removed", "<p>You can close this page.</p>"))


def auth_routes() -> RouteTable[Endpoint]:
    """The route table of the auth host."""
    table: RouteTable[Endpoint] = RouteTable()
    for method, path, name, handler in (
        ("GET", "/oauth2/v3/authorize", "authorize", show),
        ("POST", "/oauth2/v3/authorize", "authorize", decide),
        ("POST", "/oauth2/v3/token", "token", exchange_token),
        ("GET", JWKS_PATH, "jwks", jwks),
        ("GET", METADATA_PATH, "metadata", metadata),
        ("GET", "/user/revoke/consent", "revoke", revoke_form),
        ("POST", "/user/revoke/consent", "revoke", revoke),
    ):
        table.add(method, path, Endpoint(name, handler, token="none"))
    return table

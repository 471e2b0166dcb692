"""/oauth2/v3/authorize and the consent page behind it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from .answers import Answer, Refusal, html_answer, redirect, refuse
from .config import FIXED_SCOPES
from .pages import consent_page, page
from .scopes import LABELS, grantable, requestable
from .state import Exchange, State
from .tokens import Code
from .world import Account

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
MAX_ACCOUNTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """A validated authorize request that waits for the owner's decision."""

    redirect_uri: str
    scopes: frozenset[str]
    state: str
    nonce: str | None
    challenge: str | None
    ask_missing: bool
    fixed: bool
    locale: str

    def back(self, **values: str) -> Answer:
        """A redirect to the application with these query parameters and the state."""
        query = urlencode(values | {"state": self.state})
        glue = "&" if urlsplit(self.redirect_uri).query else "?"
        return redirect(f"{self.redirect_uri}{glue}{query}")


def show(exchange: Exchange) -> Answer:
    """GET authorize: the consent page, or a redirect with an error."""
    request = _validated(exchange)
    ticket = secrets.token_urlsafe(24)
    exchange.state.tickets[ticket] = request
    return _page(exchange.state, ticket, request)


def decide(exchange: Exchange) -> Answer:
    """POST of the consent page: a redirect with a code, or with access_denied."""
    form = parse_qs(exchange.body.decode("utf-8", "replace"), keep_blank_values=True)
    ticket = form.get("ticket", [""])[0]
    request = exchange.state.tickets.get(ticket)
    if not isinstance(request, AuthorizeRequest):
        raise _error_page("This page has expired. Start again in the application.")
    if form.get("action", [""])[0] != "allow":
        del exchange.state.tickets[ticket]
        return request.back(error="access_denied", error_description="User did not consent")
    account = _account(exchange.state, form.get("email", [""])[0])
    exchange.sub = account.sub
    del exchange.state.tickets[ticket]
    return _grant(exchange.state, account, request, frozenset(form.get("scope", [])))


def _grant(state: State, account: Account, request: AuthorizeRequest, ticked: frozenset[str]) -> Answer:
    """Remember the consent and hand out a code.

    An owner who consented before is asked again only when the request says prompt_missing_scopes; else the
    earlier consent stands and new scopes are left out (Tesla: third-party tokens).
    """
    offered = request.scopes & grantable(state.config)
    chosen = offered if request.fixed else offered & (ticked | set(FIXED_SCOPES))
    earlier = account.consented
    if earlier is not None and state.config.remember_consent and not request.ask_missing:
        chosen = offered & (earlier | set(FIXED_SCOPES))
    account.consented = (earlier or frozenset()) - offered | chosen
    expires_at_s = state.clock.now() + state.config.code_s
    code = Code(account, chosen, request.redirect_uri, request.nonce, request.challenge, expires_at_s)
    return request.back(code=state.tokens.issue_code(code), issuer=state.tokens.issuer)


def _validated(exchange: Exchange) -> AuthorizeRequest:
    """The request, or the answer that refuses it.

    Raises:
        Refusal: An error page while the redirect URI is not proven, a redirect with `error` afterwards.
    """
    query, config = exchange.query, exchange.state.config
    if query.get("client_id") != config.client_id:
        raise _error_page("We don't recognize this client_id.")
    if not _allowed_redirect(query.get("redirect_uri", ""), config.redirect_uri):
        raise _error_page("The redirect_uri is not registered for this application.")
    request = AuthorizeRequest(
        redirect_uri=query["redirect_uri"],
        scopes=frozenset(query.get("scope", "").split()),
        state=query.get("state", ""),
        nonce=query.get("nonce"),
        challenge=query.get("code_challenge"),
        ask_missing=query.get("prompt_missing_scopes") == "true",
        fixed=query.get("require_requested_scopes") == "true",
        locale=query.get("locale", "en-US"),
    )
    problem = _problem(request, query, requestable(config))
    if problem is not None:
        error, description = problem
        raise Refusal(request.back(error=error, error_description=description))
    return request


def _problem(request: AuthorizeRequest, query: dict[str, str], known: frozenset[str]) -> tuple[str, str] | None:
    """What is wrong with a request whose redirect URI is good: error code and description."""
    if query.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if not request.state:
        return "invalid_request", "state is required"
    unknown = sorted(request.scopes - known)
    if unknown or not request.scopes:
        return "invalid_scope", f"The requested scope is invalid, unknown, or malformed: {' '.join(unknown)}"
    if request.challenge is not None and query.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    return None


def _allowed_redirect(uri: str, registered: tuple[str, ...]) -> bool:
    if registered:
        return uri in registered
    parts = urlsplit(uri)
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK and not parts.fragment


def _page(state: State, ticket: str, request: AuthorizeRequest) -> Answer:
    offered = request.scopes & grantable(state.config) - set(FIXED_SCOPES)
    labelled = [(name, LABELS.get(name, name)) for name in sorted(offered)]
    emails = [account.email for account in state.world.accounts[:MAX_ACCOUNTS_SHOWN]]
    return html_answer(consent_page(ticket, emails, labelled, fixed=request.fixed, locale=request.locale))


def _account(state: State, email: str) -> Account:
    try:
        return state.world.account(email)
    except KeyError:
        raise refuse(400, "invalid_request", "no such account") from None


def _error_page(text: str) -> Refusal:
    return Refusal(html_answer(page("Something went wrong", f"<p>{text}</p>"), 400))

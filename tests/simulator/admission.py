"""Who may call a fleet endpoint: token, audience, registration, region, scope, in Tesla's order."""

from __future__ import annotations

from .answers import Refusal, refuse
from .scopes import ANY_ENERGY_READ, ANY_ENERGY_WRITE
from .state import Endpoint, Exchange
from .tokens import Principal

ANY_ENERGY = ANY_ENERGY_READ | ANY_ENERGY_WRITE
PAGE = "https://developer.tesla.com/docs/fleet-api"


def admit(exchange: Exchange, endpoint: Endpoint) -> None:
    """Set the exchange's principal.

    Raises:
        Refusal: 401, 403, 412 or 421.
    """
    principal = _authenticated(exchange)
    if endpoint.token != principal.kind:
        raise missing_scopes()
    _check_region(exchange, endpoint, principal)
    if not _meant_for(exchange, endpoint, principal):
        raise refuse(401, "invalid bearer token")
    if endpoint.scopes and not endpoint.scopes & principal.scopes:
        raise missing_scopes()


def _authenticated(exchange: Exchange) -> Principal:
    """The holder of a token that was issued here and has not expired."""
    principal = identify(exchange)
    if principal is None:
        raise refuse(401, "invalid bearer token")
    if exchange.state.clock.now() >= principal.expires_at_s:
        raise refuse(401, "token expired (401)")
    return principal


def _check_region(exchange: Exchange, endpoint: Endpoint, principal: Principal) -> None:
    """The application's region first (412), then the owner's (421, or 404 as recipes have it)."""
    if endpoint.registered and exchange.host not in exchange.state.regions:
        raise _unregistered(exchange)
    if endpoint.at_home and principal.account and principal.account.region != exchange.host:
        raise _elsewhere(exchange, endpoint, principal.account.region)


def identify(exchange: Exchange) -> Principal | None:
    """The holder of the bearer token, noted for the ledger whether it is still good or not."""
    scheme, _, token = exchange.authorization.partition(" ")
    principal = exchange.state.tokens.principal(token.strip()) if scheme.lower() == "bearer" else None
    if principal is not None:
        exchange.sub, exchange.principal = principal.sub, principal
    return principal


def _meant_for(exchange: Exchange, endpoint: Endpoint, principal: Principal) -> bool:
    """Whether the token's audience names this host; users/region answers an owner everywhere."""
    lenient = principal.kind == "user" and not endpoint.at_home
    return lenient or exchange.state.urls.fleet(exchange.host) in principal.audiences


def missing_scopes() -> Refusal:
    """403 of a call that the token's scopes or kind do not cover."""
    return refuse(403, "Unauthorized missing scopes")


def _unregistered(exchange: Exchange) -> Refusal:
    url, client = exchange.state.urls.fleet(exchange.host), exchange.state.config.client_id
    text = f"Account {client} must be registered in the current region {url}, please see {PAGE}/partner-endpoints"
    return refuse(412, text)


def _elsewhere(exchange: Exchange, endpoint: Endpoint, region: str) -> Refusal:
    config = exchange.state.config
    is_brief = config.energy_contract == "brief" and bool(endpoint.scopes & ANY_ENERGY)
    if config.wrong_region == "404" or (config.wrong_region == "contract" and is_brief):
        return refuse(404, "not_found")
    url = exchange.state.urls.fleet(region)
    return refuse(421, f"user out of region, use base URL: {url}, see {PAGE}/getting-started/base-urls")

"""Endpoints under /api/1/partner_accounts: registering the application in a region."""

from __future__ import annotations

import re
from http import HTTPStatus

import aiohttp

from .answers import Answer, Refusal, not_found, refuse, respond
from .clock import iso_z
from .keys import partner_key_pem, uncompressed_point
from .state import Exchange

DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d+)?")
MAX_KEY_BYTES = 4096
FETCH_S = 5


async def register(exchange: Exchange) -> Answer:
    """POST partner_accounts: registers the application in this host's region."""
    domain = exchange.json_body().get("domain")
    if not isinstance(domain, str) or not DOMAIN.fullmatch(domain):
        raise refuse(400, f"Invalid domain: {domain}")
    state, pem = exchange.state, await _public_key(exchange, domain)
    now = iso_z(state.clock.now())
    account = {
        "account_id": state.config.client_id,
        "domain": domain,
        "name": "Car Pulse Tracker",
        "description": "Vehicle report generation service",
        "client_id": state.config.client_id,
        "ca": None,
        "created_at": now,
        "updated_at": now,
        "enterprise_tier": "free",
        "csr": None,
        "public_key": pem,
    }
    state.registered[exchange.host][domain] = account
    state.regions.add(exchange.host)
    return respond(account)


def public_key(exchange: Exchange) -> Answer:
    """GET partner_accounts/public_key?domain=: the registered key as a hex point."""
    account = exchange.state.registered[exchange.host].get(exchange.query.get("domain", ""))
    if account is None:
        raise not_found()
    return respond({"public_key": uncompressed_point(account["public_key"])})


async def _public_key(exchange: Exchange, domain: str) -> str:
    """The PEM the partner hosts, or a stand-in where no key URL is configured."""
    template = exchange.state.config.key_url
    if not template:
        return partner_key_pem()
    url = template.replace("{domain}", domain)
    try:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            if answer.status != HTTPStatus.OK:
                raise _failed(url, f"status {answer.status}")
            pem = await answer.content.read(MAX_KEY_BYTES + 1)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _failed(url, type(error).__name__) from error
    return _checked(url, pem)


def _checked(url: str, pem: bytes) -> str:
    if len(pem) > MAX_KEY_BYTES:
        raise _failed(url, "too large")
    try:
        text = pem.decode("ascii")
        uncompressed_point(text)
    except ValueError as error:
        raise _failed(url, "not a P-256 public key") from error
    return text


def _failed(url: str, reason: str) -> Refusal:
    return refuse(424, f"Public key download failed for {url}, error: {reason}")

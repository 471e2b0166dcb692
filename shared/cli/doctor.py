"""Check an installation and explain how to mend it: secrets, public key, redirect URI, access, registration, clock.

It makes a few cheap calls: a partner token per region and product, the registered key, and with --account and --vin
one fleet_status.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives import serialization

from shared import bootstrap
from shared.api.partner_key import PATH
from shared.cli.output import Finding, Status
from shared.platform.errors import NotFound, PlatformError
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.client import Access
from shared.tesla.decode import Undecodable, decode
from shared.tesla.errors import Missing, RegionUnregistered, Rejected, TeslaError
from shared.tesla.models.partner import PartnerPublicKey

_TIMEOUT_S = 15
_SKEW_S = 60
_PRODUCTS = {
    "vehicle": ("openid", "vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs"),
    "energy": ("openid", "energy_device_data", "energy_cmds"),
}
_NO_ENERGY = "vehicle approval does not include energy: request it at developer.tesla.com"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--account", default="", help="id of a connected account, for --vin")
    parser.add_argument("--vin", default="", help="also ask fleet_status of this vehicle")


def run(options: argparse.Namespace) -> list[Finding]:
    """Every check, each on its own: one that cannot be made does not stop the others."""
    findings: list[Finding] = []
    for check in (_secrets, _redirect, _public_key, _access, _registrations, _clock):
        findings += _guarded(check)
    if options.vin and options.account:
        findings += _guarded(lambda: _fleet_status(options.account, options.vin))
    return findings


def _guarded(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    name = getattr(check, "__name__", "fleet_status").strip("_").replace("_", " ")
    try:
        return list(check())
    except (PlatformError, TeslaError, Undecodable, requests.RequestException) as error:
        return [Finding(name, "failed", f"{type(error).__name__}: {error}", "see the cause; then run this again")]


def _secrets() -> Iterator[Finding]:
    settings = bootstrap.settings()
    for name in (
        settings.tesla_client_id_secret,
        settings.tesla_client_secret_secret,
        settings.tesla_public_key_secret,
        settings.token_key_secret,
    ):
        try:
            version = bootstrap.secrets().get(name).version
        except NotFound:
            yield Finding(f"secret {name}", "failed", "it is missing", _how_to_store(name))
        else:
            yield Finding(f"secret {name}", "ok", f"version {version}")


def _how_to_store(name: str) -> str:
    if name == bootstrap.settings().tesla_public_key_secret:
        return "./run -a keygen"
    return f"gcloud secrets versions add {name} --data-file=-"


def _redirect() -> Iterator[Finding]:
    base = bootstrap.settings().public_url.rstrip("/")
    uri, parts = f"{base}/api/v1/tesla/oauth/callback", urlsplit(base)
    plain = parts.scheme == "https" and not parts.path and not parts.query
    yield Finding(
        "redirect URI",
        "ok" if plain else "failed",
        f"{uri} (has to be registered at developer.tesla.com to the letter)",
        "PUBLIC_URL has to be https:// and a host, nothing else",
    )


def _public_key() -> Iterator[Finding]:
    url = f"{bootstrap.settings().public_url.rstrip('/')}{PATH}"
    reply = requests.get(url, timeout=_TIMEOUT_S, allow_redirects=False)
    stored = bootstrap.secrets().get(bootstrap.settings().tesla_public_key_secret).value
    if reply.status_code != requests.codes.ok:
        yield Finding(
            "public key URL", "failed", f"{url} answers {reply.status_code}", "deploy partner_key, check DNS"
        )
    elif reply.content.split() != stored.split():
        yield Finding(
            "public key URL", "failed", "it serves another key than the stored one", "deploy partner_key again"
        )
    else:
        yield Finding("public key URL", "ok", url)


def _access() -> Iterator[Finding]:
    """Whether the application may have tokens with the scopes of each product, per region."""
    for region in bootstrap.settings().tesla_regions:
        for product, scopes in _PRODUCTS.items():
            try:
                bootstrap.tesla_auth().partner_token(region, scopes)
            except Rejected:
                needed: Status = "failed" if product == "vehicle" else "warning"
                remedy = (
                    _NO_ENERGY if product == "energy" else "tick the scopes of the application at developer.tesla.com"
                )
                yield Finding(f"access {region} {product}", needed, "Tesla refuses these scopes", remedy)
            else:
                yield Finding(f"access {region} {product}", "ok", "scopes granted")


def _registrations() -> Iterator[Finding]:
    domain = urlsplit(bootstrap.settings().public_url).hostname or ""
    point = _point(bootstrap.secrets().get(bootstrap.settings().tesla_public_key_secret).value)
    for region in bootstrap.settings().tesla_regions:
        subject, command = (
            f"registration {region}",
            f"REGION={region} DOMAIN={domain} ./run -a do_tesla_register_partner",
        )
        tokens = bootstrap.tesla_auth().partner_token(region, _PRODUCTS["vehicle"])
        access = Access(tokens.access_token, region, frozenset(_PRODUCTS["vehicle"]), kind="partner")
        try:
            answer = bootstrap.fleet_client().call(ENDPOINTS["partner_public_key"], access, query={"domain": domain})
        except (Missing, RegionUnregistered):
            yield Finding(subject, "failed", f"{domain} is not registered there", command)
            continue
        held = decode(answer.body, PartnerPublicKey).value.public_key or ""
        same = point is not None and held.lower().removeprefix("0x") == point
        yield Finding(
            subject, "ok" if same else "failed", "registered" if same else "Tesla holds another key", command
        )


def _point(pem: bytes) -> str | None:
    """The key as Tesla shows it: the uncompressed point in hex."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        return None
    x962, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    return key.public_bytes(x962, form).hex()


def _clock() -> Iterator[Finding]:
    reply = requests.head(bootstrap.settings().tesla_token_url, timeout=_TIMEOUT_S, allow_redirects=False)
    told = reply.headers.get("Date", "")
    skew_s = abs((parsedate_to_datetime(told) - bootstrap.clock.now()).total_seconds()) if told else 0.0
    status: Status = "ok" if skew_s <= _SKEW_S else "failed"
    yield Finding("clock", status, f"{skew_s:.0f} s from Tesla's", "set this machine's clock: tokens depend on it")


def _fleet_status(account: str, vin: str) -> Iterator[Finding]:
    answer = bootstrap.sessions().of(account).call("fleet_status", json={"vins": [vin]})
    yield Finding(f"fleet_status …{vin[-4:]}", "ok", f"{len(answer.body)} bytes")

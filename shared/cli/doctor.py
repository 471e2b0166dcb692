"""Check an installation and explain how to mend it: secrets, public key, redirect URI, access, registration, clock.

It makes a few cheap calls: a partner token per region and product, the registered key, and with --account and --vin
one fleet_status.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives import serialization

from shared import bootstrap
from shared.api.partner_key import PATH
from shared.cli.failures import expected, finding_of
from shared.cli.output import Finding, Status
from shared.cli.secrets import variable_of
from shared.platform.errors import NotFound
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.client import Access
from shared.tesla.decode import decode
from shared.tesla.errors import ApplicationRefused, Missing, RegionUnregistered, Rejected
from shared.tesla.metering import metered
from shared.tesla.models.partner import PartnerPublicKey
from shared.tesla.models.product import FleetStatus, FleetVehicleInfo

_TIMEOUT_S = 15
_SKEW_S = 60
_PRODUCTS = {
    "vehicle": ("openid", "vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs"),
    "energy": ("openid", "energy_device_data", "energy_cmds"),
}
_NO_ENERGY = "vehicle approval does not include energy: request it at developer.tesla.com"

Check = Callable[[], Iterator[Finding]]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--account", default="", help="id of a connected account, for --vin")
    parser.add_argument("--vin", default="", help="also ask fleet_status of this vehicle")


def run(options: argparse.Namespace) -> list[Finding]:
    """Every check, each on its own: one that cannot be made does not stop the others."""
    checks = _checks()
    if options.vin:
        # A finding names a vehicle by its last characters only.
        checks[f"fleet_status …{options.vin[-4:]}"] = partial(_fleet_status, options.account, options.vin)
    with metered(bootstrap.ledger().meter()):
        return [finding for name, check in checks.items() for finding in _guarded(name, check)]


def _checks() -> dict[str, Check]:
    """The checks by their names, those of each secret, region and product apart."""
    settings = bootstrap.settings()
    secrets = (
        settings.tesla_client_id_secret,
        settings.tesla_client_secret_secret,
        settings.tesla_public_key_secret,
        settings.token_key_secret,
    )
    checks: dict[str, Check] = {f"secret {name}": partial(_secret, name) for name in secrets}
    checks |= {"redirect URI": _redirect, "public key URL": _public_key}
    for region in settings.tesla_regions:
        checks |= {f"access {region} {product}": partial(_access, region, product) for product in _PRODUCTS}
    checks |= {f"registration {region}": partial(_registration, region) for region in settings.tesla_regions}
    return checks | {"clock": _clock}


def _guarded(name: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except expected() as error:
        yield finding_of(name, error)


def _secret(name: str) -> Iterator[Finding]:
    try:
        version = bootstrap.secrets().get(name).version
    except NotFound:
        yield Finding(f"secret {name}", "failed", "it is missing", _how_to_store(name))
    else:
        yield Finding(f"secret {name}", "ok", f"version {version}")


def _how_to_store(name: str) -> str:
    if bootstrap.settings().backend == "embedded":
        made = name == bootstrap.settings().tesla_public_key_secret
        return f"{'./run -a keygen, then ' if made else ''}set {variable_of(name)}"
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


def _access(region: str, product: str) -> Iterator[Finding]:
    """Whether the application may have tokens with the scopes of the product in the region."""
    subject = f"access {region} {product}"
    try:
        bootstrap.tesla_auth().partner_token(region, _PRODUCTS[product])
    except ApplicationRefused:
        detail = "Tesla does not accept the client id and secret"
        yield Finding(subject, "failed", detail, "store those of the application at developer.tesla.com")
    except Rejected:
        needed: Status = "failed" if product == "vehicle" else "warning"
        remedy = _NO_ENERGY if product == "energy" else "tick the scopes of the application at developer.tesla.com"
        yield Finding(subject, needed, "Tesla refuses these scopes", remedy)
    else:
        yield Finding(subject, "ok", "scopes granted")


def _registration(region: str) -> Iterator[Finding]:
    """Whether the application is registered in the region, with the key that is stored here."""
    installation = bootstrap.installation()
    domain = installation.domain
    point = _point(bootstrap.secrets().get(bootstrap.settings().tesla_public_key_secret).value)
    subject, command = f"registration {region}", installation.registration_command(region)
    tokens = bootstrap.tesla_auth().partner_token(region, _PRODUCTS["vehicle"])
    access = Access(tokens.access_token, region, frozenset(_PRODUCTS["vehicle"]), kind="partner")
    try:
        answer = bootstrap.fleet_client().call(ENDPOINTS["partner_public_key"], access, query={"domain": domain})
    except (Missing, RegionUnregistered):
        yield Finding(subject, "failed", f"{domain} is not registered there", command)
        return
    held = decode(answer.body, PartnerPublicKey).value.public_key or ""
    same = point is not None and held.lower().removeprefix("0x") == point
    yield Finding(subject, "ok" if same else "failed", "registered" if same else "Tesla holds another key", command)


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
    try:
        told = parsedate_to_datetime(reply.headers.get("Date", ""))
    except ValueError:
        yield Finding("clock", "warning", "Tesla's answer names no time", "compare this machine's clock with another")
        return
    skew_s = abs((told - bootstrap.clock.now()).total_seconds())
    status: Status = "ok" if skew_s <= _SKEW_S else "failed"
    yield Finding("clock", status, f"{skew_s:.0f} s from Tesla's", "set this machine's clock: tokens depend on it")


def _fleet_status(account: str, vin: str) -> Iterator[Finding]:
    """Whether the vehicle holds the application's key, and what its firmware asks for."""
    subject = f"fleet_status …{vin[-4:]}"
    if not account:
        yield Finding(subject, "failed", "no account is named", "give the connected account with --account")
        return
    answer = bootstrap.sessions().of(account).call("fleet_status", json={"vins": [vin]})
    status = decode(answer.body, FleetStatus).value
    known = vin in (*(status.key_paired_vins or ()), *(status.unpaired_vins or ()))
    if not known:
        yield Finding(subject, "failed", "Tesla does not know it", "is it a vehicle of this account?")
        return
    paired = (
        "holds the application's key" if vin in (status.key_paired_vins or ()) else "without the application's key"
    )
    info = (status.vehicle_info or {}).get(vin) or FleetVehicleInfo()
    signed = ", takes signed commands only" if info.vehicle_command_protocol_required else ""
    yield Finding(subject, "ok", f"{paired}, firmware {info.firmware_version or 'unknown'}{signed}")

"""Register the application at Tesla: REGION=na|eu|cn|all DOMAIN=<host> [ENV=dev] ./run -a do_tesla_register_partner.

Once per region and domain; the public key has to be reachable under the domain first. `all` means the regions of
TESLA_REGIONS. Credentials come from the secrets of the environment, or from TESLA_CLIENT_ID and TESLA_CLIENT_SECRET.
"""

from __future__ import annotations

import argparse
import os

from shared import bootstrap
from shared.accounts.registration import Registration, plain_host
from shared.cli.failures import expected
from shared.cli.output import Finding, Status
from shared.tesla.metering import metered

_REGIONS = ("eu", "na", "cn")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options; without them the environment's REGION and DOMAIN count."""
    parser.add_argument("--region", choices=(*_REGIONS, "all"), default=os.environ.get("REGION", "").lower() or None)
    parser.add_argument("--domain", default=os.environ.get("DOMAIN", ""), help="host that serves the public key")


def run(options: argparse.Namespace) -> list[Finding]:
    """Register, one finding per region."""
    if options.region not in (*_REGIONS, "all"):
        return [Finding("REGION", "failed", "no region is named", "set REGION=eu|na|cn|all")]
    domain = plain_host(options.domain)
    if not domain:
        return [Finding("DOMAIN", "failed", "no plain host is named", "set DOMAIN=api.example.com, without https://")]
    regions = _REGIONS if options.region == "all" else (options.region,)
    with metered(bootstrap.ledger().meter()):
        outcomes = [bootstrap.registrar().register(region, domain) for region in regions]
    return [_finding(outcome) for outcome in outcomes]


def _released(region: str) -> str:
    """What becomes of the work that waited for the registration, in words."""
    try:
        count = bootstrap.desk().release_region(region)
    except expected():
        return "; what waited for it goes on at its next try"  # without the rights or secrets of the service itself
    return f"; {count} piece(s) of work that waited for it go on" if count else ""


def _finding(outcome: Registration) -> Finding:
    status: Status = "ok" if outcome.status == "registered" else "failed" if outcome.status == "failed" else "skipped"
    words = {"registered": f"registered, tier {outcome.enterprise_tier or 'unknown'}", "not_needed": "not needed"}
    more = _released(outcome.region) if outcome.status == "registered" else ""
    return Finding(
        f"{outcome.region} {outcome.domain}",
        status,
        words.get(outcome.status, outcome.status) + more,
        outcome.detail,
        data=outcome,
    )

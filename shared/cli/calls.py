"""Run a read endpoint of the catalogue for a connected account: ./run -a call warranty --account ID --query vin=...

The answer is printed as Tesla gave it; it may hold personal data. Every call below 500 is billed.
"""

from __future__ import annotations

import argparse
import re

import msgspec

from shared import bootstrap
from shared.cli.output import Finding
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.client import Tally
from shared.tesla.errors import TeslaError

_READS = sorted(name for name, item in ENDPOINTS.items() if item.method == "GET" or name == "fleet_status")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("endpoint", choices=_READS, metavar="ENDPOINT", help=", ".join(_READS))
    parser.add_argument("--account", required=True, help="id of the connected account")
    parser.add_argument(
        "--path", action="append", default=[], metavar="NAME=VALUE", help="part of the path; repeatable"
    )
    parser.add_argument("--query", action="append", default=[], metavar="NAME=VALUE", help="parameter; repeatable")
    parser.add_argument("--vin", action="append", default=[], help="VIN of fleet_status; repeatable")


def run(options: argparse.Namespace) -> list[Finding]:
    """Make the call."""
    tally, endpoint = Tally(), ENDPOINTS[options.endpoint]
    path, query = _pairs(options.path), _pairs(options.query)
    lacking = sorted(set(re.findall(r"{(\w+)}", endpoint.path)) - set(path))
    if lacking:
        return [Finding(options.endpoint, "failed", f"the path lacks {', '.join(lacking)}", "give it with --path")]
    body = {"vins": options.vin} if options.endpoint == "fleet_status" else None
    try:
        session = bootstrap.sessions().of(options.account)
        answer = session.call(options.endpoint, path=path, query=query, json=body, tally=tally)
    except (TeslaError, ValueError) as error:
        return [Finding(options.endpoint, "failed", f"{type(error).__name__}: {error}", _cost(tally))]
    data = None if endpoint.pdf else msgspec.Raw(answer.body)
    shown = f"{len(answer.body)} bytes of PDF" if endpoint.pdf else answer.body.decode(errors="replace")
    return [Finding(options.endpoint, "ok", f"{_cost(tally)}\n{shown}", data=data)]


def _pairs(given: list[str]) -> dict[str, str]:
    return dict(text.split("=", 1) for text in given if "=" in text)


def _cost(tally: Tally) -> str:
    return f"{tally.calls} call(s), ${tally.price_usd:.3f}"

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
from shared.tesla.errors import RegionUnregistered, TeslaError
from shared.tesla.metering import metered

_READS = sorted(name for name, item in ENDPOINTS.items() if item.method == "GET" or name == "fleet_status")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("endpoint", choices=_READS, metavar="ENDPOINT", help=", ".join(_READS))
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--account", default="", help="id of the connected account, as log lines show it")
    whose.add_argument("--order", default="", help="id of an order that is connected to it")
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
    if body == {"vins": []}:
        return [Finding(options.endpoint, "failed", "no vehicle is named", "give it with --vin")]
    try:
        session = bootstrap.sessions().of(options.account or bootstrap.desk().book.get(options.order).account)
        with metered(bootstrap.ledger().meter()):
            answer = session.call(options.endpoint, path=path, query=query, json=body, tally=tally)
    except RegionUnregistered as error:
        detail = f"{error}: the application is not registered there; {_cost(tally)}"
        return [
            Finding(options.endpoint, "failed", detail, bootstrap.installation().registration_command(session.region))
        ]
    except (TeslaError, ValueError) as error:
        return [Finding(options.endpoint, "failed", f"{type(error).__name__}: {error}", _cost(tally))]
    data = None if endpoint.pdf else msgspec.Raw(answer.body)
    shown = f"{len(answer.body)} bytes of PDF" if endpoint.pdf else answer.body.decode(errors="replace")
    return [Finding(options.endpoint, "ok", f"{_cost(tally)}\n{shown}", data=data)]


def _pairs(given: list[str]) -> dict[str, str]:
    return dict(text.split("=", 1) for text in given if "=" in text)


def _cost(tally: Tally) -> str:
    return f"{tally.calls} call(s), ${tally.price_usd:.3f}"

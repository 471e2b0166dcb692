"""List the enrolled energy sites and why each does not count: ENV=dev ./run -a energy_sites [--reason CODE].

The figures are those of the last polls; Tesla is not asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice

from shared import bootstrap
from shared.api.energy.views import SiteView, site_view
from shared.cli.output import Finding
from shared.energy.desk import EnergyDesk
from shared.energy.reasons import Reason

_PAGE = 200


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    codes = [reason.value for reason in Reason]
    parser.add_argument("--reason", choices=codes, metavar="CODE", help=f"only sites of it: {', '.join(codes)}")
    parser.add_argument("--limit", type=int, default=1_000, help="most sites listed (1000)")


def run(options: argparse.Namespace) -> list[Finding]:
    """One finding per site."""
    if options.limit < 1:
        return [Finding("--limit", "failed", "no number of sites", "give 1 or more")]
    views = _views(bootstrap.energy_desk())
    wanted = (view for view in views if not options.reason or _code(view) == options.reason)
    found = [_finding(view) for view in islice(wanted, options.limit)]
    return found or [Finding("sites", "skipped", "there are none")]


def _views(desk: EnergyDesk) -> Iterator[SiteView]:
    """All sites, page by page."""
    cursor: str | None = None
    while True:
        page, cursor = desk.registry.page(cursor, _PAGE)
        now = desk.clock.now()
        for site_id, site, seen in desk.overview.sites(page):
            yield site_view(site_id, site, seen, now)
        if cursor is None:
            return


def _finding(view: SiteView) -> Finding:
    subject, values = f"{view.energy_site_id} {view.region}", view.values
    charge = values.percentage_charged.value if values else None
    power = values.battery_power.value if values else None
    words = f"{_or_unknown(charge, 1)} %, {_or_unknown(power, 0)} W"
    if view.reason is None:
        return Finding(subject, "ok" if view.counts else "warning", words, data=view)
    return Finding(subject, "warning", f"{words}; {view.reason.words}", view.reason.next_step, data=view)


def _code(view: SiteView) -> str:
    return view.reason.code if view.reason else ""


def _or_unknown(value: float | str | None, decimals: int) -> str:
    return f"{value:.{decimals}f}" if isinstance(value, int | float) else "?"

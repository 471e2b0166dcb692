"""Show the fleet of energy sites: kW now and on offer, who is left out and why: ENV=dev ./run -a energy_fleet.

The figures are those of the last polls; Tesla is not asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from shared import bootstrap
from shared.api.energy.fleet_views import FleetView, fleet_view
from shared.cli.energy_words import in_utc
from shared.cli.output import Finding


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""
    parser.set_defaults()


def run(_options: argparse.Namespace) -> list[Finding]:
    """The fleet, line by line; the first finding carries all of it for programs."""
    desk = bootstrap.energy_desk()
    return list(_findings(fleet_view(desk.overview.fleet(), desk.rules, bootstrap.settings())))


def _findings(fleet: FleetView) -> Iterator[Finding]:
    yield Finding(
        "sites",
        "ok",
        f"{fleet.sites} in {fleet.shards} shard(s), {fleet.enrolled} enrolled, {fleet.counted} count",
        data=fleet,
    )
    if fleet.missing_shards:
        yield Finding("shards", "warning", f"{fleet.missing_shards} not polled yet", "see how their polls end")
    if fleet.polled_from and fleet.polled_to:
        yield Finding("polled", "ok", f"{in_utc(fleet.polled_from)} to {in_utc(fleet.polled_to)}")
    yield Finding("flow now", "ok", f"{fleet.flow_kw} kW, + = discharging (over all sites {fleet.naive_kw} kW)")
    yield Finding("on offer", "ok", f"{_hours(fleet.available_kw)}; without export {_hours(fleet.load_offset_kw)}")
    yield Finding("above reserves", "ok", f"{fleet.above_reserve_kwh} kWh")
    ages = fleet.ages
    yield Finding("readings", "ok", f"{ages.fresh} fresh, {ages.stale} stale, {ages.dead} dead, {ages.unread} none")
    for cause in fleet.by_reason:
        yield Finding(cause.code, "warning", f"{cause.sites}: {cause.words}", cause.next_step)
    yield Finding("limits", "warning" if fleet.limits.skipped_per_tick else "ok", fleet.limits.words)
    cost = fleet.cost
    yield Finding(
        "cost", "ok", f"${cost.price_per_site_month_usd} per site and month, read every {cost.every_s} seconds"
    )


def _hours(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{kilowatts} kW for {hours} h" for hours, kilowatts in figures.items())

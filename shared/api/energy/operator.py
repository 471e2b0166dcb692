"""Routes for the operator: the fleet, its sites, and their history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated

import msgspec

from shared.api.energy.failures import CURSOR_INVALID, as_energy_problems
from shared.api.energy.fleet_views import FleetRowView, FleetView, fleet_view, row_view
from shared.api.energy.operation import SITE
from shared.api.energy.views import SiteView, site_view
from shared.api.services import Services
from shared.edge.problems import NOT_FOUND
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.history import HistoryRow
from shared.energy.overview import today

_UNITS = {
    "battery_power": "W",
    "solar_power": "W",
    "load_power": "W",
    "grid_power": "W",
    "energy_left": "Wh",
    "percentage_charged": "%",
    "backup_reserve_percent": "%",
}


class DayQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A UTC day; the present one without it."""

    day: date | None = None


class FleetHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet's rows of one UTC day, one per 5-minute tick, oldest first."""

    day: date
    rows: list[FleetRowView]


class SitesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on, and how many sites to give."""

    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class SitePage(msgspec.Struct, frozen=True, kw_only=True):
    """Sites in the order of their ids; `next_cursor` is null on the last page."""

    sites: list[SiteView]
    next_cursor: str | None


class HoursQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many hours back."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 1


class SiteHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The site's readings, oldest first; fields that a reading lacks are left out.

    `units` of the values by name; all of them come from `source`. A row's `timestamp` is the device's own time,
    `read_at` ours. battery_power: + = discharging.
    """

    energy_site_id: str
    hours: int
    units: dict[str, str]
    source: str
    rows: list[HistoryRow]


def show_fleet(services: Services, _call: Call) -> Reply:
    """The fleet's sums."""
    desk = services.energy()
    return Reply(fleet_view(desk.overview.fleet(), desk.rules, services.settings))


def show_day(services: Services, call: Call) -> Reply:
    """The fleet's rows of a day."""
    desk = services.energy()
    day = call.query.day or today(desk.clock)
    return Reply(FleetHistory(day=day, rows=[row_view(row) for row in desk.overview.day(day)]))


def list_sites(services: Services, call: Call) -> Reply:
    """A page of sites."""
    desk, query = services.energy(), call.query
    with as_energy_problems():
        found, cursor = desk.registry.page(query.cursor, query.limit)
    now = desk.clock.now()
    sites = [site_view(site_id, site, seen, now) for site_id, site, seen in desk.overview.sites(found)]
    return Reply(SitePage(sites=sites, next_cursor=cursor))


def show_site(services: Services, call: Call) -> Reply:
    """One site."""
    with as_energy_problems():
        return Reply(operators_view(services, call.path["site_id"]))


def show_history(services: Services, call: Call) -> Reply:
    """One site's readings."""
    desk, site_id, hours = services.energy(), call.path["site_id"], call.query.hours
    with as_energy_problems():
        site = desk.registry.get(site_id)
    rows = desk.overview.history(site_id, site.shard, hours)
    return Reply(SiteHistory(energy_site_id=site_id, hours=hours, units=_UNITS, source="live_status", rows=rows))


def operators_view(services: Services, site_id: str) -> SiteView:
    """The site without its owner's name for it. Raises SiteGone."""
    desk = services.energy()
    site = desk.registry.get(site_id)
    return site_view(site_id, site, desk.overview.site(site_id, site), desk.clock.now())


_of_operator: Callable[..., Route[Services]] = partial(Route, method="GET", auth=Auth.OPERATOR)

ROUTES: tuple[Route[Services], ...] = (
    _of_operator(
        path="/api/v1/energy/fleet",
        name="getFleet",
        summary="What the fleet does now, what it could deliver for 1, 2 and 3 hours, and who is left out and why",
        handler=show_fleet,
        answer=FleetView,
    ),
    _of_operator(
        path="/api/v1/energy/fleet/history",
        name="getFleetHistory",
        summary="The fleet's figures of a UTC day, one row per 5-minute tick",
        handler=show_day,
        query=DayQuery,
        answer=FleetHistory,
    ),
    _of_operator(
        path="/api/v1/energy/sites",
        name="listSites",
        summary="All enrolled sites, page by page",
        handler=list_sites,
        query=SitesQuery,
        answer=SitePage,
        problems=(CURSOR_INVALID,),
    ),
    _of_operator(
        path=SITE,
        name="getSite",
        summary="One site: values with unit, time and source, its three facts with evidence, what it could deliver",
        handler=show_site,
        answer=SiteView,
        problems=(NOT_FOUND,),
    ),
    _of_operator(
        path=f"{SITE}/history",
        name="getSiteHistory",
        summary="One site's readings of the last 1 to 24 hours",
        handler=show_history,
        query=HoursQuery,
        answer=SiteHistory,
        problems=(NOT_FOUND,),
    ),
)

"""Routes for the operator: what people record of sites, and taking sites out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from shared.api.energy.failures import (
    IMPORT_INVALID,
    OWNER_DECIDES,
    RECORD_INVALID,
    SITES_BUSY,
    as_energy_problems,
)
from shared.api.energy.leaving import leave_events
from shared.api.energy.operation import SITE
from shared.api.energy.operator import operators_view
from shared.api.energy.owner import Text, Why
from shared.api.energy.utility_list import FOREVER, BadList, read_list
from shared.api.energy.views import SiteView
from shared.api.orders import Moment
from shared.api.services import Services
from shared.edge.problems import NOT_FOUND, Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.model import Evidence, Fact, FactName

_PROGRAMME_KEPT = timedelta(days=365)


class ProgrammeRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the site is in the power plant programme, as far as the operator knows.

    It counts only where Tesla says nothing of the site's programmes, and expires at `until`: a year without it.
    `note` names the programme or the source.
    """

    holds: bool
    note: Text
    until: Moment | None = None


class UtilityRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the site is active at the utility; without `until` it holds until it is changed."""

    active: bool
    note: Text = ""
    until: Moment | None = None


class UtilityImport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list as CSV, at most 1000 lines, whose first line is `energy_site_id,active,note,until`."""

    csv: str


class LineProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was not recorded, counted from 1, the header, and why."""

    line: int
    problem: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a list: sites recorded, ids that are not enrolled here, and lines that say nothing."""

    recorded: int
    unknown: list[str]
    problems: list[LineProblem]


def record_programme(services: Services, call: Call) -> Reply:
    """Record what the operator knows of the programme."""
    body: ProgrammeRecord = call.body
    until = body.until or services.energy().clock.now() + _PROGRAMME_KEPT
    return _recorded(services, call, "programme", holds=body.holds, note=body.note, until=until)


def record_utility(services: Services, call: Call) -> Reply:
    """Record what the operator knows of the utility."""
    body: UtilityRecord = call.body
    return _recorded(services, call, "utility", holds=body.active, note=body.note, until=body.until)


def import_utility(services: Services, call: Call) -> Reply:
    """Record a whole list."""
    with as_energy_problems():
        return Reply(import_list(services, call.body.csv))


def import_list(services: Services, text: str) -> Imported:
    """Record a list. Raises Problem for one that cannot be read as a whole, VersionChanged."""
    desk = services.energy()
    try:
        found = read_list(text, desk.clock.now())
    except BadList as error:
        raise Problem(IMPORT_INVALID, str(error)) from None
    unknown = desk.registry.record_many("utility", found.facts)
    return Imported(
        recorded=len(found.facts) - len(unknown),
        unknown=unknown,
        problems=[LineProblem(line=line, problem=problem) for line, problem in found.problems],
    )


def opt_out(services: Services, call: Call) -> Reply:
    """Take a site out of everything, at once."""
    site_id = call.path["site_id"]
    with as_energy_problems():
        site = services.energy().registry.opt_out(site_id, "operator", call.body.reason)
        leave_events(services, site_id, site, call.principal, call.body.reason)
        return Reply(operators_view(services, site_id))


def opt_in(services: Services, call: Call) -> Reply:
    """Undo an operator's opt-out."""
    site_id = call.path["site_id"]
    with as_energy_problems():
        try:
            services.energy().registry.opt_in(site_id, "operator")
        except PermissionError as error:
            raise Problem(OWNER_DECIDES, str(error)) from None
        return Reply(operators_view(services, site_id))


def _recorded(
    services: Services, call: Call, name: FactName, *, holds: bool, note: str, until: datetime | None
) -> Reply:
    """Record one fact of one site; gives the site as it is then."""
    desk, site_id = services.energy(), call.path["site_id"]
    now = desk.clock.now()
    if until is not None and until <= now:
        raise Problem(RECORD_INVALID, "until lies in the past")
    until = min(until, FOREVER) if until else None
    fact = Fact(holds=holds, at=now, evidence=Evidence.OPERATOR, detail=note, until=until)
    with as_energy_problems():
        desk.registry.record(site_id, name, fact)
        return Reply(operators_view(services, site_id))


_of_operator: Callable[..., Route[Services]] = partial(Route, auth=Auth.OPERATOR)

ROUTES: tuple[Route[Services], ...] = (
    _of_operator(
        method="PUT",
        path=f"{SITE}/programme",
        name="recordProgramme",
        summary="Record a site's enrolment in the programme, until it expires; counts where Tesla says nothing",
        handler=record_programme,
        body=ProgrammeRecord,
        answer=SiteView,
        problems=(NOT_FOUND, RECORD_INVALID, SITES_BUSY),
    ),
    _of_operator(
        method="PUT",
        path=f"{SITE}/utility",
        name="recordUtility",
        summary="Record whether a site is active at the utility",
        handler=record_utility,
        body=UtilityRecord,
        answer=SiteView,
        problems=(NOT_FOUND, RECORD_INVALID, SITES_BUSY),
    ),
    _of_operator(
        method="POST",
        path="/api/v1/energy/utility-imports",
        name="importUtility",
        summary="Record a utility's list of sites, given as CSV; a bad line costs that line only",
        handler=import_utility,
        body=UtilityImport,
        answer=Imported,
        problems=(IMPORT_INVALID, SITES_BUSY),
    ),
    _of_operator(
        method="POST",
        path=f"{SITE}/opt-out",
        name="takeOut",
        summary="Take a site out of polling, counting and events, at once",
        handler=opt_out,
        body=Why,
        answer=SiteView,
        problems=(NOT_FOUND, SITES_BUSY),
    ),
    _of_operator(
        method="POST",
        path=f"{SITE}/opt-in",
        name="takeBackIn",
        summary="Undo an operator's opt-out; an owner's own stands",
        handler=opt_in,
        answer=SiteView,
        problems=(NOT_FOUND, OWNER_DECIDES, SITES_BUSY),
    ),
)

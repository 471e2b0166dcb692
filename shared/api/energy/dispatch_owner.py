"""Routes for owners: the events that a site takes part in, and leaving one of them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.api.energy.enrolment import ENROLMENT, GRANT_SUBJECT
from shared.api.energy.failures import as_energy_problems
from shared.api.energy.owner import Text
from shared.api.services import Services
from shared.edge.problems import NOT_FOUND, Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.dispatch.model import Dispatch
from shared.energy.dispatch.records import Stage
from shared.energy.model import Site
from shared.energy.registry import SiteGone

_EVENTS = f"{ENROLMENT}/sites/<site_id>/dispatches"


class LeaveWhy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the owner leaves the event, for the audit trail."""

    reason: Text = ""


class OwnEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the site takes part in.

    `stage`: bench (held in reserve), planned, commanding, active, restoring or done. `left`: the owner took the site
    out of it.
    """

    dispatch_id: str
    programme: str
    strategy: str
    start: datetime
    end: datetime
    test: bool
    stage: str
    left: bool


class OwnEvents(msgspec.Struct, frozen=True, kw_only=True):
    """The events under way, the first one first."""

    dispatches: list[OwnEvent]


class LeftEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The site is out of the event."""

    dispatch_id: str
    energy_site_id: str


def listed(services: Services, call: Call) -> Reply:
    """The events of a site."""
    site_id = call.path["site_id"]
    found = services.dispatch().proof.of_site(site_id, _mine(services, call).shard)
    found.sort(key=lambda pair: (pair[0].signal.start, pair[0].signal.id))
    return Reply(OwnEvents(dispatches=[_own_event(one, stage, site_id) for one, stage in found]))


def leave(services: Services, call: Call) -> Reply:
    """Take a site out of one event; it is restored at once. Leaving again changes nothing."""
    body: LeaveWhy = call.body
    site_id, dispatch_id = call.path["site_id"], call.path["dispatch_id"]
    shard, desk = _mine(services, call).shard, services.dispatch()
    if dispatch_id not in {one.signal.id for one, _ in desk.proof.of_site(site_id, shard)}:
        raise Problem(NOT_FOUND, "the site takes no part in an event of that id now")
    desk.service.opt_out(dispatch_id, site_id, shard, "owner", body.reason)
    return Reply(LeftEvent(dispatch_id=dispatch_id, energy_site_id=site_id))


def _mine(services: Services, call: Call) -> Site:
    """The site of the path, if it belongs to the enrolment of the path. Raises Problem."""
    with as_energy_problems():
        site = services.energy().registry.get(call.path["site_id"])
        if site.enrolment != call.path[GRANT_SUBJECT]:
            raise SiteGone("no such site in this enrolment")
        return site


def _own_event(dispatch: Dispatch, stage: Stage, site_id: str) -> OwnEvent:
    signal = dispatch.signal
    return OwnEvent(
        dispatch_id=signal.id,
        programme=signal.programme,
        strategy=signal.strategy.value,
        start=signal.start,
        end=signal.ends_at,
        test=signal.test,
        stage=stage.value,
        left=site_id in dispatch.opted_out,
    )


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path=_EVENTS,
        name="listOwnDispatches",
        summary="The events that a site takes part in now",
        handler=listed,
        auth=Auth.GRANT,
        grant_subject=GRANT_SUBJECT,
        answer=OwnEvents,
    ),
    Route(
        method="POST",
        path=f"{_EVENTS}/<dispatch_id>/opt-out",
        name="leaveDispatch",
        summary="The owner takes a site out of one event; it is restored at once",
        handler=leave,
        auth=Auth.GRANT,
        grant_subject=GRANT_SUBJECT,
        body=LeaveWhy,
        answer=LeftEvent,
    ),
)

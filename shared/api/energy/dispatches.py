"""Routes for utilities and operators: signals in, dispatches by hand, their course, their end, and the proof."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from shared.api.energy import dispatch_owner
from shared.api.energy.dispatch_pages import PageQuery, StoreCursor, numbered_page, page
from shared.api.energy.dispatch_views import (
    AuditView,
    DispatchesView,
    DispatchSitesView,
    DispatchSummary,
    DispatchView,
    audit_view,
    dispatch_view,
    sites_view,
    summary_view,
)
from shared.api.energy.failures import CURSOR_INVALID, as_energy_problems
from shared.api.services import Services
from shared.edge.problems import NOT_FOUND, Problem, ProblemType
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.dispatch.answers import SignalAnswer, Verdict
from shared.energy.dispatch.model import (
    LONGEST_EVENT,
    SHORTEST_EVENT,
    BadSignal,
    Instant,
    Kind,
    RampMinutes,
    Signal,
    SignalDiffers,
    SignalId,
    Strategy,
    require_plausible,
)
from shared.platform.errors import NotFound, WorkBusy

BASE = "/api/v1/energy/dispatches"
DISPATCH = f"{BASE}/<dispatch_id>"

SIGNAL_INVALID = ProblemType("signal-invalid", 422, "The signal cannot be carried out as it stands")
SIGNAL_DIFFERS = ProblemType("signal-differs", 422, "This modification came before with other contents, which stand")
DISPATCH_BUSY = ProblemType("dispatch-busy", 503, "Another signal is being handled; try again shortly")
REPORT_UNAVAILABLE = ProblemType("event-report-unavailable", 503, "Reports cannot be made here")

_LEAST_MINUTES, _MOST_MINUTES = (int(limit / timedelta(minutes=1)) for limit in (SHORTEST_EVENT, LONGEST_EVENT))
_ID_BYTES = 8
_CREATED = frozenset((Verdict.ACCEPTED, Verdict.LESS))
Words = Annotated[str, msgspec.Meta(max_length=200)]


class NewSignal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signal. (id, modification) names it: a higher modification supersedes, the same again changes nothing
    and gets the same answer; with other contents it is refused, and those of the first one stand.

    `kind`: `availability_request` (answered with kW per hour of the window, nothing is kept), `dispatch` or `cancel`.
    `end` null: open, for at most three hours. A new event lasts 5 minutes at least. `priority`: 0 is the highest.
    `test` only marks the event.
    `ramp_minutes`: the fleet begins in equal steps of 5 minutes, which are over by then.
    """

    id: SignalId
    modification: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    kind: Kind = Kind.DISPATCH
    programme: Annotated[str, msgspec.Meta(max_length=100)] = ""
    start: Instant
    end: Instant | None = None
    target_kw: Annotated[float, msgspec.Meta(ge=0, le=1e7)] = 0.0
    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    test: bool = False
    strategy: Strategy = Strategy.DISCHARGE
    ramp_minutes: RampMinutes = 0.0

    def __post_init__(self) -> None:
        require_plausible(self.start, self.end)


class NewDispatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dispatch by hand: so many kW for so many minutes, from `start` or from now on.

    `ramp_minutes`: the fleet begins in equal steps of 5 minutes, which are over by then. `dry_run` answers
    with the plan and its cost, with status 200, and keeps nothing.
    """

    target_kw: Annotated[float, msgspec.Meta(gt=0, le=1e7)]
    minutes: Annotated[int, msgspec.Meta(ge=_LEAST_MINUTES, le=_MOST_MINUTES)] = 60
    start: Instant | None = None
    strategy: Strategy = Strategy.DISCHARGE
    programme: Annotated[str, msgspec.Meta(max_length=100)] = ""
    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    test: bool = False
    dry_run: bool = False
    ramp_minutes: RampMinutes = 0.0

    def __post_init__(self) -> None:
        require_plausible(self.start)


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason, for the audit trail."""

    reason: Words = ""


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """The dispatches that were cancelled; their sites are restored now."""

    cancelled: list[str]


class DispatchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`live`: only those that are not over. `cursor`: `next_cursor` of the page before, of the same list."""

    live: bool = False
    cursor: StoreCursor = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


def signal(services: Services, call: Call) -> Reply:
    """Take a signal."""
    body: NewSignal = call.body
    with _as_problems():
        wanted = Signal(**msgspec.structs.asdict(body))
        return Reply(services.dispatch().service.receive(wanted, call.principal))


def create(services: Services, call: Call) -> Reply:
    """Dispatch by hand, or see what would come of it; 201 only where there is a dispatch now."""
    body: NewDispatch = call.body
    start = body.start or services.energy().clock.now()
    wanted = Signal(
        id=f"manual-{start:%Y%m%d-%H%M}-{secrets.token_hex(_ID_BYTES)}",
        start=start,
        end=start + timedelta(minutes=body.minutes),
        target_kw=body.target_kw,
        strategy=body.strategy,
        programme=body.programme,
        priority=body.priority,
        test=body.test,
        ramp_minutes=body.ramp_minutes,
    )
    with _as_problems():
        answer = services.dispatch().service.receive(wanted, call.principal, dry_run=body.dry_run)
    created = not body.dry_run and answer.verdict in _CREATED
    return Reply(answer, status=201 if created else 200)


def listed(services: Services, call: Call) -> Reply:
    """Dispatches, the latest first; the store reads no more of them than the page shows."""
    query: DispatchQuery = call.query
    with as_energy_problems():
        found, cursor = services.dispatch().book.page(live=query.live, cursor=query.cursor or None, limit=query.limit)
    return Reply(DispatchesView(dispatches=[summary_view(one) for one in found], next_cursor=cursor))


def show(services: Services, call: Call) -> Reply:
    """One dispatch: its state, its progress, what was delivered."""
    with _as_problems():
        return Reply(dispatch_view(services.dispatch().proof.facts(call.path["dispatch_id"])))


def sites(services: Services, call: Call) -> Reply:
    """One row per site, in pages."""
    with _as_problems():
        found = services.dispatch().proof.sites(call.path["dispatch_id"])
    shown, cursor = page(found, call.query, lambda one: one.energy_site_id)
    return Reply(sites_view(shown, services.energy().clock.now(), cursor))


def sites_table(services: Services, call: Call) -> Reply:
    """All of them as CSV."""
    from shared.energy.dispatch.event_csv import sites_csv

    with _as_problems():
        facts = services.dispatch().proof.facts(call.path["dispatch_id"])
    event = facts.dispatch.signal
    return _file(sites_csv(facts.records, event.start, event.ends_at).encode(), "text/csv", f"{event.id}.csv")


def intervals_table(services: Services, call: Call) -> Reply:
    """KW and kWh per 5 minutes as CSV."""
    from shared.energy.dispatch.event_csv import intervals_csv

    with _as_problems():
        facts = services.dispatch().proof.facts(call.path["dispatch_id"])
    return _file(intervals_csv(facts.settlement).encode(), "text/csv", f"{facts.dispatch.signal.id}-intervals.csv")


def report(services: Services, call: Call) -> Reply:
    """The event report."""
    from shared.energy.dispatch.event_report import render_event

    if services.fonts is None:
        raise Problem(REPORT_UNAVAILABLE, "this function was started without its fonts")
    with _as_problems():
        facts = services.dispatch().proof.facts(call.path["dispatch_id"])
    installed = [path for path in map(Path, services.settings.report_fallback_fonts) if path.is_file()]
    made = render_event(facts, fonts=services.fonts, fallback_fonts=installed)
    return _file(made, "application/pdf", f"{facts.dispatch.signal.id}.pdf")


def audit(services: Services, call: Call) -> Reply:
    """Every transition, in order, in pages."""
    with _as_problems():
        return Reply(
            audit_view(*numbered_page(services.dispatch().proof.trail(call.path["dispatch_id"]), call.query))
        )


def cancel(services: Services, call: Call) -> Reply:
    """End a dispatch now; its sites are restored."""
    body: Why = call.body
    with _as_problems():
        after = services.dispatch().service.cancel(call.path["dispatch_id"], call.principal, body.reason)
    return Reply(summary_view(after))


def stop(services: Services, call: Call) -> Reply:
    """Cancel everything."""
    body: Why = call.body
    with _as_problems():
        return Reply(Stopped(cancelled=services.dispatch().service.stop_all(call.principal, body.reason)))


@contextmanager
def _as_problems() -> Iterator[None]:
    """Turn what dispatch raises into problems."""
    try:
        yield
    except SignalDiffers as error:
        told = "nothing was changed; send what is wanted now with a higher modification"
        raise Problem(SIGNAL_DIFFERS, told, problems=error.problems) from None
    except BadSignal as error:
        raise Problem(SIGNAL_INVALID, str(error), problems=error.problems) from None
    except NotFound:
        raise Problem(NOT_FOUND, "there is no such dispatch") from None
    except WorkBusy as error:
        raise Problem(DISPATCH_BUSY, str(error), headers={"Retry-After": "2"}) from None


def _file(data: bytes, content_type: str, name: str) -> Reply:
    headers = {"Content-Type": content_type, "Content-Disposition": f'attachment; filename="{name}"'}
    return Reply(data, headers=headers)


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/api/v1/energy/signals",
        name="sendSignal",
        summary="A utility's signal: ask what is available, dispatch, change or cancel an event",
        handler=signal,
        auth=Auth.OPERATOR,
        body=NewSignal,
        answer=SignalAnswer,
        problems=(SIGNAL_INVALID, SIGNAL_DIFFERS, DISPATCH_BUSY),
    ),
    Route(
        method="POST",
        path=BASE,
        name="createDispatch",
        summary="Dispatch by hand: 201 where that made a dispatch, 200 after a dry run and where the verdict says no",
        handler=create,
        auth=Auth.OPERATOR,
        body=NewDispatch,
        answer=SignalAnswer,
        status=201,
        otherwise=200,
        problems=(SIGNAL_INVALID, DISPATCH_BUSY),
        idempotent=True,
    ),
    Route(
        method="GET",
        path=BASE,
        name="listDispatches",
        summary="Dispatches, the latest first",
        handler=listed,
        auth=Auth.OPERATOR,
        query=DispatchQuery,
        answer=DispatchesView,
        problems=(CURSOR_INVALID,),
    ),
    Route(
        method="GET",
        path=DISPATCH,
        name="getDispatch",
        summary="One dispatch: state, progress, what was delivered against what was committed",
        handler=show,
        auth=Auth.OPERATOR,
        answer=DispatchView,
    ),
    Route(
        method="GET",
        path=f"{DISPATCH}/sites",
        name="listDispatchSites",
        summary="What was done at each site and what came of it, with the evidence for committing it",
        handler=sites,
        auth=Auth.OPERATOR,
        query=PageQuery,
        problems=(CURSOR_INVALID,),
        answer=DispatchSitesView,
    ),
    Route(
        method="GET",
        path=f"{DISPATCH}/sites.csv",
        name="getDispatchSitesTable",
        summary="The sites of a dispatch as CSV",
        handler=sites_table,
        auth=Auth.OPERATOR,
    ),
    Route(
        method="GET",
        path=f"{DISPATCH}/intervals.csv",
        name="getDispatchIntervals",
        summary="kW and kWh per 5 minutes as CSV",
        handler=intervals_table,
        auth=Auth.OPERATOR,
    ),
    Route(
        method="GET",
        path=f"{DISPATCH}/report.pdf",
        name="getDispatchReport",
        summary="The event report as a PDF",
        handler=report,
        auth=Auth.OPERATOR,
        problems=(REPORT_UNAVAILABLE,),
    ),
    Route(
        method="GET",
        path=f"{DISPATCH}/audit",
        name="getDispatchAudit",
        summary="Every transition of the dispatch and its sites, with actor and reason",
        handler=audit,
        auth=Auth.OPERATOR,
        query=PageQuery,
        problems=(CURSOR_INVALID,),
        answer=AuditView,
    ),
    Route(
        method="POST",
        path=f"{DISPATCH}/cancel",
        name="cancelDispatch",
        summary="End a dispatch now; its sites are restored",
        handler=cancel,
        auth=Auth.OPERATOR,
        body=Why,
        answer=DispatchSummary,
        status=202,
        problems=(DISPATCH_BUSY,),
    ),
    Route(
        method="POST",
        path="/api/v1/energy/stop",
        name="stopDispatches",
        summary="Cancel every dispatch and restore every site",
        handler=stop,
        auth=Auth.OPERATOR,
        body=Why,
        answer=Stopped,
        status=202,
        problems=(DISPATCH_BUSY,),
    ),
    *dispatch_owner.ROUTES,
)

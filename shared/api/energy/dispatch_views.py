"""Dispatches as utilities and operators see them: the event, its figures, its sites, its trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared.api.energy.views import FactView, fact_view
from shared.energy.dispatch.goals import Goal
from shared.energy.dispatch.model import Counts, Dispatch, PlanSummary, Progress, Stop, Times
from shared.energy.dispatch.settlement import Settlement

if TYPE_CHECKING:
    from shared.energy.dispatch.audit import Row
    from shared.energy.dispatch.event_facts import EventFacts
    from shared.energy.dispatch.records import Call, SiteRecord


class DispatchSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatch in short. `state`: scheduled, commanding, active, restoring, done, cancelled or failed.

    `plan.committed_kw` is what was promised; `counts` are sites by how far they are.
    """

    dispatch_id: str
    modification: int
    state: str
    strategy: str
    programme: str
    test: bool
    priority: int
    start: datetime
    end: datetime
    target_kw: float
    ramp_minutes: float
    received_at: datetime
    actor: str
    plan: PlanSummary
    counts: Counts
    stop: Stop | None


class DispatchesView(msgspec.Struct, frozen=True, kw_only=True):
    """Dispatches, the latest first; `next_cursor` is null on the last page."""

    dispatches: list[DispatchSummary]
    next_cursor: str | None


class DispatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatch with its course: `progress` per tick, `settlement` per 5 minutes from the readings of its sites.

    `goals`: what was asked for and committed from when on; a modification adds one if it came after the start.
    """

    event: DispatchSummary
    times: Times
    progress: list[Progress]
    settlement: Settlement
    goals: list[Goal]
    as_of: datetime


class SettingsFound(msgspec.Struct, frozen=True, kw_only=True):
    """What the site was set to before the first command."""

    at: datetime
    mode: str
    backup_reserve_percent: float | None
    export_rule: str
    had_tariff: bool


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a site: the settings that it changes, what it is expected to give, when it passed which stage."""

    settings: list[str]
    expected_w: float
    restoration: str
    commanded_at: datetime | None
    accepted_at: datetime | None
    confirmed_at: datetime | None
    delivering_at: datetime | None
    restoring_at: datetime | None
    restored_at: datetime | None


class DispatchSiteView(CallView, frozen=True, kw_only=True):
    """One site of a dispatch: why it could be committed, what was done there, what came of it.

    `outcome`: confirmed, refused or unknown once it was commanded; `restoration`: how it was left. `first_call`: null
    unless the site was called twice; then settings, times, expectation and restoration beside it are those of the
    second call, energy and `calls` (requests to Tesla) those of both.
    """

    energy_site_id: str
    stage: str
    outcome: str
    reason: str
    authorised: FactView
    programme: FactView
    utility: FactView
    delivered_wh: float
    found: SettingsFound | None
    owner_changed: bool
    calls: int
    first_call: CallView | None


class DispatchSitesView(msgspec.Struct, frozen=True, kw_only=True):
    """The sites of a dispatch, by id; `next_cursor` is null on the last page."""

    sites: list[DispatchSiteView]
    next_cursor: str | None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the trail; `energy_site_id` is empty for what concerns the dispatch as a whole."""

    at: datetime
    actor: str
    what: str
    energy_site_id: str
    reason: str


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """The trail in the order of time; `next_cursor` is null on the last page."""

    entries: list[AuditEntry]
    next_cursor: str | None


def summary_view(dispatch: Dispatch) -> DispatchSummary:
    """The dispatch in short."""
    signal = dispatch.signal
    return DispatchSummary(
        dispatch_id=signal.id,
        modification=signal.modification,
        state=dispatch.state.value,
        strategy=signal.strategy.value,
        programme=signal.programme,
        test=signal.test,
        priority=signal.priority,
        start=signal.start,
        end=signal.ends_at,
        target_kw=signal.target_kw,
        ramp_minutes=signal.ramp_minutes,
        received_at=dispatch.received_at,
        actor=dispatch.actor,
        plan=dispatch.plan,
        counts=dispatch.counts,
        stop=dispatch.stop,
    )


def dispatch_view(facts: EventFacts) -> DispatchView:
    """The dispatch with its course."""
    return DispatchView(
        event=summary_view(facts.dispatch),
        times=facts.dispatch.times,
        progress=list(facts.dispatch.progress),
        settlement=facts.settlement,
        goals=list(facts.dispatch.course.goals),
        as_of=facts.as_of,
    )


def sites_view(records: Sequence[SiteRecord], now: datetime, cursor: str | None) -> DispatchSitesView:
    """One row per site."""
    return DispatchSitesView(sites=[_site(record, now) for record in records], next_cursor=cursor)


def audit_view(rows: Sequence[Row], cursor: str | None) -> AuditView:
    """A piece of the trail."""
    return AuditView(
        entries=[
            AuditEntry(at=row.at, actor=row.actor, what=row.what, energy_site_id=row.site, reason=row.reason)
            for row in rows
        ],
        next_cursor=cursor,
    )


def _site(record: SiteRecord, now: datetime) -> DispatchSiteView:
    found = record.snapshot
    return DispatchSiteView(
        energy_site_id=record.energy_site_id,
        stage=str(record.stage),
        outcome=str(record.outcome),
        reason=record.reason or record.trouble,
        authorised=fact_view("authorised", record.authorised, now),
        programme=fact_view("programme", record.programme, now),
        utility=fact_view("utility", record.utility, now),
        delivered_wh=record.meter.delivered_wh,
        found=None
        if found is None
        else SettingsFound(
            at=found.at,
            mode=found.mode,
            backup_reserve_percent=found.backup_reserve_percent,
            export_rule=found.export_rule,
            had_tariff=bool(found.tariff),
        ),
        owner_changed=record.owner_changed,
        calls=record.calls,
        first_call=None if record.before is None else CallView(**_call(record.before)),
        **_call(record),
    )


def _call(call: Call | SiteRecord) -> dict[str, Any]:
    """The fields of `CallView`; a record stands for its latest call."""
    return {
        "settings": [str(touch.action) for touch in call.touches],
        "expected_w": call.expected_w,
        "restoration": str(call.restoration),
        **msgspec.structs.asdict(call.times),
    }

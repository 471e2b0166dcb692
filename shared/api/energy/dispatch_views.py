"""Dispatches as utilities and operators see them: the event, its figures, its sites, its trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from shared.api.energy.views import FactView, fact_view
from shared.energy.dispatch.model import Counts, Dispatch, PlanSummary, Progress, Stop, Times
from shared.energy.dispatch.settlement import Settlement

if TYPE_CHECKING:
    from shared.energy.dispatch.audit import Row
    from shared.energy.dispatch.event_report import EventFacts
    from shared.energy.dispatch.records import SiteRecord


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
    """A dispatch with its course: `progress` per tick, `settlement` per 5 minutes from the readings of its sites."""

    event: DispatchSummary
    times: Times
    progress: list[Progress]
    settlement: Settlement
    as_of: datetime


class SettingsFound(msgspec.Struct, frozen=True, kw_only=True):
    """What the site was set to before the first command."""

    at: datetime
    mode: str
    backup_reserve_percent: float | None
    export_rule: str
    had_tariff: bool


class DispatchSiteView(msgspec.Struct, frozen=True, kw_only=True):
    """One site of a dispatch: why it could be committed, what was done there, what came of it.

    `outcome`: confirmed, refused or unknown once it was commanded; `restoration`: how it was left.
    """

    energy_site_id: str
    stage: str
    outcome: str
    restoration: str
    reason: str
    authorised: FactView
    programme: FactView
    utility: FactView
    expected_w: float
    delivered_wh: float
    found: SettingsFound | None
    owner_changed: bool
    commanded_at: datetime | None
    accepted_at: datetime | None
    confirmed_at: datetime | None
    delivering_at: datetime | None
    restoring_at: datetime | None
    restored_at: datetime | None
    calls: int


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
        restoration=str(record.restoration),
        reason=record.reason or record.trouble,
        authorised=fact_view("authorised", record.authorised, now),
        programme=fact_view("programme", record.programme, now),
        utility=fact_view("utility", record.utility, now),
        expected_w=record.expected_w,
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
        **msgspec.structs.asdict(record.times),
    )

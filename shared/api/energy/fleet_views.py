"""The fleet as operators see it: kW and kWh, who is left out and why, limits, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import msgspec

from shared.api.energy.views import by_hours
from shared.energy.availability import Rules
from shared.energy.fleet import COUNTED, Group, Totals
from shared.energy.overview import FleetNow
from shared.energy.polling import TICK_S
from shared.energy.reasons import Reason, next_step, words
from shared.energy.tick import FleetRow, budget
from shared.settings import Settings
from shared.tesla.plan_limits import PlanLimits, plan_limits

_KILO = 1000.0
_MONTH_DAYS = 30
_DAY_TICKS = 86_400 // TICK_S


class ReasonCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many sites do not count for a reason; `at_reserve` sites count, with nothing to give at present."""

    code: str
    sites: int
    words: str
    next_step: str


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the sites: all of them, those that count, and their kW; `available_kw` by hours."""

    sites: int
    counted: int
    flow_kw: float
    available_kw: dict[str, float]


class Ages(msgspec.Struct, frozen=True, kw_only=True):
    """Sites by the age of their reading, by the device's own time.

    Up to `fresh_s` a reading counts; above `dead_s` the gateway counts as dead; `unread` have none or no time.
    """

    fresh: int
    stale: int
    dead: int
    unread: int
    fresh_s: float
    dead_s: float


class LimitsInForce(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be asked of Tesla (0: no limit), and what that leaves out.

    Attributes:
        preset: `none` or `retired_plan`, as the setting says; single limits may differ.
        limits: By name: requests_per_s, requests_per_day, site_read_s, site_writes_per_day and so on.
        sites_per_tick: How many sites one 5-minute tick may ask about; null: all.
        skipped_per_tick: How many sites a tick has to leave out; those with the oldest reading go first.
        skipped_now: How many the last tick did not ask about: for a limit, for the cadence, or because they are out.
        words: The same as a sentence.
    """

    preset: str
    limits: dict[str, int]
    sites_per_tick: int | None
    skipped_per_tick: int
    skipped_now: int
    words: str


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What reading one site for 30 days costs at the configured price and cadence, in US dollars.

    `reads_per_site_month`: live_status at every `every_s`, and site_info once a day.
    """

    price_per_call_usd: float
    every_s: int
    reads_per_site_month: float
    price_per_site_month_usd: float


class FleetView(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet as of the shards' last polls, made between `polled_from` and `polled_to`.

    Attributes:
        sites: All enrolled sites; `enrolled` are those whose three facts hold and that nobody took out, `counted`
            those that nothing excludes.
        missing_shards: Shards without a poll of late, which the sums lack.
        flow_kw: The sum of battery_power over enrolled sites with a fresh reading, + = discharging: what the
            batteries do now. It says nothing of what they could do.
        naive_kw: The same sum over every site that ever reported, fresh or not, enrolled or not: for comparison.
        available_kw: What the counted sites could deliver for so many hours, with export as far as each may.
        load_offset_kw: The part of it that needs no export: batteries carrying their own homes' load.
        above_reserve_kwh: Stored energy of the counted sites above the highest reserve that applies at each.
        by_reason: Who does not count, and why, most frequent first.
        by_outcome: Sites by how their last poll ended.
    """

    polled_from: datetime | None
    polled_to: datetime | None
    shards: int
    missing_shards: int
    sites: int
    enrolled: int
    counted: int
    flow_kw: float
    naive_kw: float
    available_kw: dict[str, float]
    load_offset_kw: dict[str, float]
    above_reserve_kwh: float
    ages: Ages
    by_reason: list[ReasonCount]
    by_outcome: dict[str, int]
    by_programme: dict[str, GroupView]
    by_region: dict[str, GroupView]
    limits: LimitsInForce
    cost: Cost


class FleetRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One 5-minute tick of the fleet, as in the present view. `calls` to Tesla and their price in US dollars."""

    at: datetime
    sites: int
    enrolled: int
    fresh: int
    stale: int
    dead: int
    flow_kw: float
    naive_kw: float
    available_kw: dict[str, float]
    load_offset_kw: dict[str, float]
    above_reserve_kwh: float
    calls: int
    price_usd: float


def fleet_view(now: FleetNow, rules: Rules, settings: Settings) -> FleetView:
    """The view of the sums."""
    totals, limits = now.totals, plan_limits(settings)
    return FleetView(
        polled_from=now.oldest,
        polled_to=now.newest,
        shards=now.shards,
        missing_shards=now.missing,
        sites=totals.sites,
        enrolled=totals.enrolled,
        counted=totals.counted,
        flow_kw=_kilo(totals.flow_w),
        naive_kw=_kilo(totals.naive_w),
        available_kw=by_hours(totals.available_w, _KILO),
        load_offset_kw=by_hours(totals.load_offset_w, _KILO),
        above_reserve_kwh=_kilo(totals.surplus_wh),
        ages=_ages(totals, rules),
        by_reason=reason_counts(totals.by_reason),
        by_outcome=totals.by_outcome,
        by_programme=_groups(totals.by_programme),
        by_region=_groups(totals.by_region),
        limits=_limits(limits, settings, totals),
        cost=_cost(limits, settings, totals.sites),
    )


def row_view(row: FleetRow) -> FleetRowView:
    """One row of a day."""
    known = msgspec.structs.asdict(row)
    known |= {name: by_hours(known[name]) for name in ("available_kw", "load_offset_kw")}
    return FleetRowView(**known)


def reason_counts(counts: Mapping[str, int]) -> list[ReasonCount]:
    """The causes with their words, most frequent first."""
    causes = [(Reason(code), sites) for code, sites in counts.items() if code != COUNTED]
    causes.sort(key=lambda item: (-item[1], item[0].value))
    return [
        ReasonCount(code=cause.value, sites=sites, words=words(cause), next_step=next_step(cause))
        for cause, sites in causes
    ]


def _ages(totals: Totals, rules: Rules) -> Ages:
    return Ages(
        fresh=totals.fresh,
        stale=totals.stale,
        dead=totals.dead,
        unread=totals.unread,
        fresh_s=rules.fresh_s,
        dead_s=rules.dead_s,
    )


def _groups(groups: Mapping[str, Group]) -> dict[str, GroupView]:
    return {
        name: GroupView(
            sites=group.sites,
            counted=group.counted,
            flow_kw=_kilo(group.flow_w),
            available_kw=by_hours(group.available_w, _KILO),
        )
        for name, group in groups.items()
    }


def _limits(limits: PlanLimits, settings: Settings, totals: Totals) -> LimitsInForce:
    most, _per_second = budget(limits, totals.sites)
    skipped = 0 if most is None else totals.sites - most
    every_s = _every(limits, settings) * TICK_S
    if skipped:
        told = f"Each tick leaves out {skipped} of {totals.sites} sites; those with the oldest reading go first."
    else:
        told = f"No limit leaves a site out; each is read every {every_s} s."
    return LimitsInForce(
        preset=settings.tesla_limits,
        limits=asdict(limits),
        sites_per_tick=most,
        skipped_per_tick=skipped,
        skipped_now=totals.by_outcome.get("skipped", 0),
        words=told,
    )


def _cost(limits: PlanLimits, settings: Settings, sites: int) -> Cost:
    most, _per_second = budget(limits, sites)
    every = _every(limits, settings)
    share = 1.0 if most is None else most / sites
    reads = _MONTH_DAYS * (min(_DAY_TICKS / every, _DAY_TICKS * share) + 1)
    price = settings.tesla_price_energy_usd
    return Cost(
        price_per_call_usd=price,
        every_s=every * TICK_S,
        reads_per_site_month=round(reads, 1),
        price_per_site_month_usd=round(reads * price, 6),
    )


def _every(limits: PlanLimits, settings: Settings) -> int:
    """Ticks between two reads of a site, as the poll keeps them."""
    return max(settings.energy_poll_every, -(-limits.site_read_s // TICK_S))


def _kilo(amount: float) -> float:
    return round(amount / _KILO, 3)

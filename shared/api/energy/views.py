"""A site as owners and operators see it: the three facts, why it does not count, and its values with their sources.

Values stand under Tesla's names, each with its unit, the time it is of, and where it comes from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from shared.energy.availability import HOURS, SiteAvailability
from shared.energy.model import Equipment, Evidence, Fact, FactName, OwnerLimits, RosterSite, Site
from shared.energy.overview import SiteNow
from shared.energy.reasons import Reason, next_step, words
from shared.energy.samples import Reading

Source = Literal["live_status", "site_info", "computed"]


class ReasonView(msgspec.Struct, frozen=True, kw_only=True):
    """Why a site does not count: a stable code, the same in words, and what a person can do about it."""

    code: str
    words: str
    next_step: str


class FactView(msgspec.Struct, frozen=True, kw_only=True):
    """One of the three facts: whether it holds now, since when that is known, and from where.

    `until`: when it has to be established again. `missing`: why it does not hold.
    """

    holds: bool
    at: datetime | None
    evidence: str
    detail: str
    until: datetime | None
    missing: ReasonView | None


class FactsView(msgspec.Struct, frozen=True, kw_only=True):
    """A site counts while all three hold.

    `authorised`: the owner's energy consent at Tesla. `programme`: an active enrolment in the power plant programme.
    `utility`: active at the utility, which neither of the others brings about.
    """

    authorised: FactView
    programme: FactView
    utility: FactView


class OptOutView(msgspec.Struct, frozen=True, kw_only=True):
    """Who took the site out of everything, when, and why."""

    by: str
    at: datetime
    reason: str


class LimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner allows: events a calendar month (null: any number), and a least reserve in percent."""

    events_per_month: int | None
    minimum_reserve_percent: float | None


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value; null where nobody said. `at`: the time it is of."""

    value: float | str | None
    unit: str
    at: datetime | None = None
    source: Source | None = None


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """The site's values under Tesla's names. Power: battery_power + = discharging, grid_power + = importing."""

    battery_power: Value
    energy_left: Value
    percentage_charged: Value
    island_status: Value
    backup_reserve_percent: Value
    solar_power: Value
    load_power: Value
    grid_power: Value


class EquipmentView(msgspec.Struct, frozen=True, kw_only=True):
    """What ``site_info`` said at `read_at`: ratings and settings. Null where Tesla did not say."""

    read_at: datetime
    mode: str
    export_rule: str
    rated_power_w: float | None
    pack_energy_wh: float | None
    battery_count: int | None
    vpp_reserve_percent: float | None
    storm_mode_enabled: bool | None
    non_export: bool
    export_cap_w: float | None
    has_solar: bool
    has_tariff: bool
    time_zone: str


class PollView(msgspec.Struct, frozen=True, kw_only=True):
    """How the last poll ended, and how old the reading is by the device's own time.

    `flags` names what looks wrong in the reading; `failures` counts polls without a reading in a row.
    """

    outcome: str
    failures: int
    freshness: str
    age_s: float | None
    flags: list[str]


class AvailableView(msgspec.Struct, frozen=True, kw_only=True):
    """What the site could deliver, by hours ("1", "2", "3"); all of it 0 where a reason excludes the site.

    `available_w` with export as far as the site may, `load_offset_w` without. `flow_w` is what the battery does now.
    `surplus_wh` lies above `reserve_percent`, the highest reserve that applies.
    """

    flow_w: float
    available_w: dict[str, float]
    load_offset_w: dict[str, float]
    surplus_wh: float
    reserve_percent: float | None


class SiteView(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolled site. `name` is the owner's name for it, which operators do not see."""

    energy_site_id: str
    enrolment_id: str
    name: str
    region: str
    enrolled_at: datetime
    facts: FactsView
    opted_out: OptOutView | None
    limits: LimitsView
    counts: bool
    reason: ReasonView | None
    equipment: EquipmentView | None
    values: Values | None
    poll: PollView | None
    available: AvailableView | None


def reason_view(reason: Reason, *, to_owner: bool = False) -> ReasonView:
    """The reason with its words, to operators or to the site's owner."""
    return ReasonView(
        code=reason.value,
        words=words(reason, to_owner=to_owner),
        next_step=next_step(reason, to_owner=to_owner),
    )


def by_hours(figures: tuple[float, ...] | list[float], scale: float = 1.0) -> dict[str, float]:
    """Figures by the lengths they are given for, divided by the scale."""
    return {str(hours): round(figure / scale, 3) for hours, figure in zip(HOURS, figures, strict=True)}


def site_view(site_id: str, site: Site, found: SiteNow | None, now: datetime, *, to_owner: bool = False) -> SiteView:
    """The site as of its last poll; `found` is None while its shard does not have it yet.

    `to_owner`: with the owner's name for it, and with words for owners.
    """
    plain = SiteView(
        energy_site_id=site_id,
        enrolment_id=site.enrolment,
        name=site.name if to_owner else "",
        region=site.region,
        enrolled_at=site.enrolled_at,
        facts=_facts(site, now, to_owner=to_owner),
        opted_out=OptOutView(**msgspec.structs.asdict(site.opted_out)) if site.opted_out else None,
        limits=limits_view(site.limits),
        counts=False,
        reason=None,
        equipment=None,
        values=None,
        poll=None,
        available=None,
    )
    return plain if found is None else _as_polled(plain, found, now, to_owner=to_owner)


def _as_polled(plain: SiteView, found: SiteNow, now: datetime, *, to_owner: bool) -> SiteView:
    """The view with what polls know of the site."""
    equipment, seen, counted = found.site.equipment, found.sample and found.sample.reading, found.found
    return msgspec.structs.replace(
        plain,
        region=found.site.region,
        facts=_facts(found.site, now, to_owner=to_owner),
        counts=counted.counts,
        reason=reason_view(counted.reason, to_owner=to_owner) if counted.reason else None,
        equipment=_equipment(equipment) if equipment else None,
        values=_values(seen, equipment, counted) if seen else None,
        poll=_poll(found, now),
        available=_available(counted),
    )


def limits_view(limits: OwnerLimits) -> LimitsView:
    """The owner's limits."""
    return LimitsView(**msgspec.structs.asdict(limits))


def _facts(site: RosterSite | Site, now: datetime, *, to_owner: bool) -> FactsView:
    """The facts of the roster, which know what polls learnt."""
    return FactsView(
        authorised=fact_view("authorised", site.authorised, now, to_owner=to_owner),
        programme=fact_view("programme", site.programme, now, to_owner=to_owner),
        utility=fact_view("utility", site.utility, now, to_owner=to_owner),
    )


def fact_view(name: FactName, fact: Fact, now: datetime, *, to_owner: bool = False) -> FactView:
    """One of the three facts as it stands."""
    holds = fact.holds_at(now)
    return FactView(
        holds=holds,
        at=fact.at,
        evidence=fact.evidence.value,
        detail=fact.detail,
        until=fact.until,
        missing=None if holds else reason_view(_missing(name, fact), to_owner=to_owner),
    )


def _missing(name: FactName, fact: Fact) -> Reason:
    """Why a fact that does not hold does not."""
    if name == "authorised":
        return Reason.ACCESS_REVOKED if fact.evidence is Evidence.REVOKED else Reason.NOT_AUTHORISED
    if name == "utility":
        return Reason.UTILITY_EXPIRED if fact.holds else Reason.NOT_AT_UTILITY
    if fact.evidence is Evidence.GRID_SERVICES:
        return Reason.OTHER_OPERATOR
    return Reason.PROGRAMME_EXPIRED if fact.holds else Reason.NOT_IN_PROGRAMME


def _equipment(equipment: Equipment) -> EquipmentView:
    known = msgspec.structs.asdict(equipment)
    return EquipmentView(**{name: known[name] for name in EquipmentView.__struct_fields__})


def _values(seen: Reading, equipment: Equipment | None, found: SiteAvailability) -> Values:
    at = seen.at or seen.received_at

    def live(value: float | str | None, unit: str) -> Value:
        return Value(value=value, unit=unit) if value is None else Value(value=value, unit=unit, at=at, source=_LIVE)

    return Values(
        battery_power=live(seen.battery_power_w, "W"),
        energy_left=_energy_left(seen, found, at),
        percentage_charged=live(seen.percentage_charged, "%"),
        island_status=live(seen.island_status or None, ""),
        backup_reserve_percent=_reserve(seen, equipment, at),
        solar_power=live(seen.solar_power_w, "W"),
        load_power=live(seen.load_power_w, "W"),
        grid_power=live(seen.grid_power_w, "W"),
    )


_LIVE: Source = "live_status"


def _energy_left(seen: Reading, found: SiteAvailability, at: datetime) -> Value:
    """Tesla's figure where there is one, else what charge and pack come to."""
    if seen.energy_left_wh is not None:
        return Value(value=seen.energy_left_wh, unit="Wh", at=at, source="live_status")
    if found.energy_left_wh is None:
        return Value(value=None, unit="Wh")
    return Value(value=round(found.energy_left_wh, 1), unit="Wh", at=at, source="computed")


def _reserve(seen: Reading, equipment: Equipment | None, at: datetime) -> Value:
    """The status outweighs ``site_info``, which is read less often."""
    if seen.backup_reserve_percent is not None:
        return Value(value=seen.backup_reserve_percent, unit="%", at=at, source="live_status")
    if equipment is None or equipment.backup_reserve_percent is None:
        return Value(value=None, unit="%")
    return Value(value=equipment.backup_reserve_percent, unit="%", at=equipment.read_at, source="site_info")


def _poll(found: SiteNow, now: datetime) -> PollView | None:
    sample = found.sample
    if sample is None:
        return None
    age_s = sample.reading.age_s(now) if sample.reading else None
    return PollView(
        outcome=sample.outcome.value,
        failures=sample.failures,
        freshness=found.found.freshness,
        age_s=None if age_s is None else round(age_s, 1),
        flags=list(sample.reading.flags) if sample.reading else [],
    )


def _available(found: SiteAvailability) -> AvailableView:
    return AvailableView(
        flow_w=found.flow_w,
        available_w=by_hours(found.available_w),
        load_offset_w=by_hours(found.load_offset_w),
        surplus_wh=round(found.surplus_wh, 1),
        reserve_percent=found.reserve_percent,
    )

"""What one site could deliver now, and why it does not count if it does not.

For T hours a site delivers at most min(rated power, usable energy x efficiency / T), where the energy is usable above
the highest of the reserves that apply; behind the meter it can only replace what the house draws from the grid, and
beyond that it can export as far as its export rule and its meter allow. Load and sun move along the learnt shape of
the day (`outlook`); until that is learnt they are taken to stay as they are. Whatever is not known counts as little,
and what a battery has given since its status was made is taken off, what it has gained in a poll's time is added.
What solar power would charge within the hours to come is not counted.

All powers are W, all energies Wh, positive while discharging. `flow_w` is what the battery does now; `available_w` is
what it could do: the mean over the hours, so that times the hours it is the energy that comes. A site that exports
holds it; one that may only replace its house's load gives more in some minutes and less in others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from shared.energy.day_shape import MOST_W
from shared.energy.model import Equipment, Evidence, RosterSite
from shared.energy.outlook import Ahead, ByHours, Outlook
from shared.energy.reasons import Reason
from shared.energy.samples import DEAD_S, FRESH_S, Outcome, Reading, Sample

HOURS = (1, 2, 3)
"""The lengths for which `available_w` and `load_offset_w` are given."""

EnergySource = Literal["", "live_status", "computed"]
Freshness = Literal["none", "dead", "stale", "fresh"]

_LEAST_PACK_WH = 1_000.0
"""Solar-only sites report a pack of 1 Wh."""
_LEAST_CHARGE_PERCENT = 5.0
"""Below it, the pack's energy is not derived from energy and charge: rounding would decide."""
_MORE_THAN_NAMEPLATE = 1.05
"""New packs hold a little more than they are sold with; nothing beyond that is believed."""
_UNLIMITED_W = 1e9
_THROTTLED_W = 50.0
"""Panels that are held back follow the load as closely as this."""
_POLL_S = 300.0
_CONNECTED = "on_grid"
_ACTIVE = "active"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides about counting.

    Attributes:
        discharge_efficiency: Share of the stored energy that comes out, one way.
        programme_reserve_percent: Charge that the programme wants kept, whatever owners have set.
        fresh_s: Oldest status, by the device's own time, that counts.
        dead_s: Above this age the gateway counts as dead.
        guard_s: Seconds at rated power that stay above the reserve. A site that is watched every 300 s can pass its
            reserve by as much before it is seen; Tesla's own control stops at the owner's reserve only, so a
            programme's or an owner's higher minimum needs a guard.
        nameplate_share: Part of the nameplate's energy that is taken to be there where Tesla reports charge in
            percent only. 1: as new.
    """

    discharge_efficiency: float = 0.95
    programme_reserve_percent: float = 0.0
    fresh_s: float = FRESH_S
    dead_s: float = DEAD_S
    guard_s: float = 0.0
    nameplate_share: float = 1.0


DEFAULT_RULES = Rules()


class SiteAvailability(msgspec.Struct, frozen=True, array_like=True):
    """What a site could deliver, by `HOURS`. All of it is 0 where a `reason` excludes the site.

    Attributes:
        reason: Why the site does not count; None when it does. With `AT_RESERVE` it counts, with nothing to give.
        enrolled: All three facts hold and nobody opted out.
        freshness: Of the reading, by the device's own time.
        flow_w: What the battery of an enrolled, fresh site does now; negative while charging.
        available_w: With export as far as the site may.
        load_offset_w: Without export: what `self_consumption` alone gives.
        surplus_wh: Stored energy now above the highest reserve and the guard, before losses.
        reserve_percent: The highest reserve; None where none is known.
        energy_left_wh: In the battery when its status was made; None where it is not known.
        energy_source: Tesla's figure, or computed from charge and pack.
        power_limit_w: The rating, for `deliverable_w`.
        offset_limit_w: What the house draws beyond its solar power now.
        export_limit_w: What the battery may feed into the grid beyond that now.
        efficiency: Share of `surplus_wh` that comes out.
        ahead: How the house's load and sun go on; None where that is not known.
        export_room_w: What house and battery together may feed in.
    """

    reason: Reason | None
    enrolled: bool = False
    freshness: Freshness = "none"
    flow_w: float = 0.0
    available_w: ByHours = (0.0, 0.0, 0.0)
    load_offset_w: ByHours = (0.0, 0.0, 0.0)
    surplus_wh: float = 0.0
    reserve_percent: float | None = None
    energy_left_wh: float | None = None
    energy_source: EnergySource = ""
    power_limit_w: float = 0.0
    offset_limit_w: float = 0.0
    export_limit_w: float = 0.0
    efficiency: float = 1.0
    ahead: Ahead | None = None
    export_room_w: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether the site is part of what the fleet offers, be it with nothing at present."""
        return self.reason is None or self.reason is Reason.AT_RESERVE

    def deliverable_w(self, hours: float, *, export: bool = True, after_h: float = 0.0) -> float:
        """The mean power over so many hours (> 0), with export or by replacing the house's load only.

        Args:
            hours: How long.
            export: Whether the battery may feed the grid as far as the site is allowed to.
            after_h: Hours from now until it begins, with the energy of now.
        """
        technical_w = min(self.power_limit_w, self.surplus_wh * self.efficiency / hours)
        if self.ahead is None:
            return min(technical_w, self.offset_limit_w + (self.export_limit_w if export else 0.0))
        room_w = self.export_room_w if export else 0.0
        return min(technical_w, self.ahead.mean_w(room_w, self.power_limit_w, after_h, after_h + hours))


def availability(
    site: RosterSite,
    sample: Sample | None,
    now: datetime,
    rules: Rules = DEFAULT_RULES,
    outlook: Outlook | None = None,
) -> SiteAvailability:
    """What the site could deliver now.

    Args:
        site: Facts, limits and equipment.
        sample: The latest poll; None if there was none.
        now: By our clock; aware.
        rules: The operator's.
        outlook: How load and sun go on in the site's time zone, from `now`; None: as they are.
    """
    look = _look(site, sample, now, rules)
    if sample is None or sample.reading is None or site.equipment is None:
        return SiteAvailability(
            look.barred or _no_values(site, sample), look.barred is None, look.freshness, look.flow_w
        )
    return _of_reading(site, (site.equipment, sample, sample.reading), look, rules, outlook)


class _Look(NamedTuple):
    """What holds of a site before anything is computed: why it is left out, how old its reading is, what it does."""

    barred: Reason | None
    freshness: Freshness
    age_s: float | None
    flow_w: float


def _look(site: RosterSite, sample: Sample | None, now: datetime, rules: Rules) -> _Look:
    seen = None if sample is None else sample.reading
    age_s = None if seen is None else seen.age_s(now)
    freshness = _freshness(age_s, rules)
    barred = not_enrolled(site, sample, now, fresh=freshness == "fresh")
    flow_w = (seen.battery_power_w or 0.0) if seen and barred is None and freshness == "fresh" else 0.0
    return _Look(barred, freshness, age_s, flow_w)


def _of_reading(
    site: RosterSite, known: tuple[Equipment, Sample, Reading], look: _Look, rules: Rules, outlook: Outlook | None
) -> SiteAvailability:
    """The availability of a site with a reading; `known`: its equipment, the sample, and the reading in it."""
    parts, sample, seen = known
    energy_wh, source = _energy_left(seen, parts, rules)
    reserve = _reserve_percent(site, parts, seen, rules)
    reason = look.barred or _held_back(parts, seen, look.freshness) or _unknown(parts, energy_wh, reserve)
    if reason is not None or energy_wh is None or reserve is None or look.age_s is None:
        return SiteAvailability(
            reason,
            look.barred is None,
            look.freshness,
            look.flow_w,
            reserve_percent=reserve,
            energy_left_wh=energy_wh,
            energy_source=source,
        )
    ahead = None if outlook is None else _ahead(parts, seen, sample, look.age_s, outlook)
    return _counted(parts, seen, (energy_wh, source, reserve, look.flow_w, ahead), look.age_s, rules)


def not_enrolled(site: RosterSite, sample: Sample | None, now: datetime, *, fresh: bool) -> Reason | None:
    """Why the site takes no part, whatever its battery could do; None when it does.

    A fresh status that names no active programme outweighs older records, and one that shows another operator's
    grid services excludes the site as long as it shows them.

    Args:
        site: The three facts, and whether someone opted out.
        sample: The latest poll; None if there was none.
        now: By our clock; aware.
        fresh: Whether the sample's reading is.
    """
    if site.opted_out is not None:
        return Reason.OWNER_OPTED_OUT if site.opted_out.by == "owner" else Reason.OPERATOR_OPTED_OUT
    fact = site.authorised
    refused = sample is not None and sample.outcome is Outcome.LOGIN_REQUIRED
    if refused or (not fact.holds and fact.evidence is Evidence.REVOKED):
        return Reason.ACCESS_REVOKED
    if not fact.holds_at(now):
        return Reason.NOT_AUTHORISED
    seen = sample.reading if sample is not None and fresh else None
    return _not_in_programme(site, seen, now) or _not_at_utility(site, now)


def _not_in_programme(site: RosterSite, seen: Reading | None, now: datetime) -> Reason | None:
    fact = site.programme
    if seen is not None and seen.grid_services_active:
        return Reason.OTHER_OPERATOR
    if not fact.holds and fact.evidence is Evidence.GRID_SERVICES:
        return Reason.OTHER_OPERATOR
    if not fact.holds_at(now):
        return Reason.PROGRAMME_EXPIRED if fact.holds else Reason.NOT_IN_PROGRAMME
    return Reason.NOT_IN_PROGRAMME if seen is not None and seen.programmes == () else None


def _not_at_utility(site: RosterSite, now: datetime) -> Reason | None:
    if site.utility.holds_at(now):
        return None
    return Reason.UTILITY_EXPIRED if site.utility.holds else Reason.NOT_AT_UTILITY


def _freshness(age_s: float | None, rules: Rules) -> Freshness:
    if age_s is None:
        return "none"
    if age_s <= rules.fresh_s:
        return "fresh"
    return "stale" if age_s <= rules.dead_s else "dead"


def _no_values(site: RosterSite, sample: Sample | None) -> Reason:
    """Why a site without equipment or without reading does not count."""
    if site.equipment is None:
        return Reason.NO_EQUIPMENT
    if site.equipment.battery_count == 0:
        return Reason.NO_BATTERY
    return Reason.EMPTY_ANSWER if sample is not None and sample.outcome is Outcome.EMPTY else Reason.NO_READING


_TOO_OLD = {"none": Reason.NO_DEVICE_TIME, "dead": Reason.DEAD, "stale": Reason.STALE}


def _held_back(parts: Equipment, seen: Reading, freshness: Freshness) -> Reason | None:
    """What in the device's own report keeps the site from counting."""
    if parts.battery_count == 0 or _is_no_pack(seen):
        return Reason.NO_BATTERY
    if freshness != "fresh":
        return _TOO_OLD[freshness]
    if seen.flags and "unbalanced" in seen.flags:
        return Reason.UNBALANCED
    return _off_grid(seen) or (Reason.STORM_MODE if seen.storm_mode_active else None)


def _is_no_pack(seen: Reading) -> bool:
    return seen.total_pack_energy_wh is not None and seen.total_pack_energy_wh < _LEAST_PACK_WH


def _off_grid(seen: Reading) -> Reason | None:
    """Both statuses have to say that the grid is there; a missing one is made up for by the other."""
    island, grid = seen.island_status.lower(), seen.grid_status.lower()
    if island == _CONNECTED and grid == _ACTIVE:
        return None
    if island.startswith("off_grid") or grid == "inactive":
        return Reason.OFF_GRID
    return None if (island, grid) in {(_CONNECTED, ""), ("", _ACTIVE)} else Reason.GRID_UNKNOWN


def _unknown(parts: Equipment, energy_wh: float | None, reserve: float | None) -> Reason | None:
    """Which of the figures that nothing can be computed without is missing."""
    if not parts.rated_power_w:
        return Reason.UNKNOWN_RATING
    if energy_wh is None:
        return Reason.UNKNOWN_ENERGY
    return Reason.UNKNOWN_RESERVE if reserve is None else None


def _energy_left(seen: Reading, parts: Equipment, rules: Rules) -> tuple[float | None, EnergySource]:
    """Tesla's figure, as far as the pack can hold it; else charge x pack."""
    nameplate_wh = parts.pack_energy_wh
    if seen.energy_left_wh is not None:
        most_wh = nameplate_wh * _MORE_THAN_NAMEPLATE if nameplate_wh else seen.energy_left_wh
        return min(seen.energy_left_wh, most_wh), "live_status"
    pack_wh = seen.total_pack_energy_wh
    if pack_wh is None and nameplate_wh is not None:
        pack_wh = nameplate_wh * rules.nameplate_share
    if seen.percentage_charged is None or not pack_wh:
        return None, ""
    return seen.percentage_charged / 100 * pack_wh, "computed"


def _reserve_percent(site: RosterSite, parts: Equipment, seen: Reading, rules: Rules) -> float | None:
    """The highest reserve that applies; None while the owner's own is unknown. The status outweighs ``site_info``."""
    own = seen.backup_reserve_percent
    if own is None:
        own = parts.backup_reserve_percent
    if own is None:
        return None
    minimum = site.limits.minimum_reserve_percent or 0.0
    return min(100.0, max(own, parts.vpp_reserve_percent or 0.0, minimum, rules.programme_reserve_percent))


def _pack_wh(seen: Reading, parts: Equipment, energy_wh: float) -> float:
    """What 100 % is; never less than what is in it, so that a reserve is never taken too small."""
    if seen.total_pack_energy_wh is not None:
        return max(seen.total_pack_energy_wh, energy_wh)
    charged = seen.percentage_charged
    if charged is not None and charged >= _LEAST_CHARGE_PERCENT:
        return energy_wh / charged * 100
    return max(parts.pack_energy_wh or 0.0, energy_wh)


def _counted(
    parts: Equipment,
    seen: Reading,
    figures: tuple[float, EnergySource, float, float, Ahead | None],
    age_s: float,
    rules: Rules,
) -> SiteAvailability:
    """The availability of a site that nothing holds back; `figures`: energy, source, reserve, flow, hours ahead."""
    energy_wh, source, reserve, flow_w, ahead = figures
    power_w = parts.rated_power_w or 0.0
    pack_wh = _pack_wh(seen, parts, energy_wh)
    kept_wh = reserve / 100 * pack_wh + power_w * rules.guard_s / 3_600
    by_now_wh = min(max(pack_wh, energy_wh), energy_wh + _change_wh(seen, age_s, rules))
    surplus_wh = max(0.0, by_now_wh - kept_wh)
    offset_w = _offset_limit_w(seen, parts)
    room_w = _export_room_w(parts)
    export_w = _export_limit_w(seen, parts, room_w)
    out_wh = surplus_wh * rules.discharge_efficiency
    technical_w = (min(power_w, out_wh), min(power_w, out_wh / 2), min(power_w, out_wh / 3))
    offsets_w = (offset_w,) * 3 if ahead is None else ahead.by_hours(0.0, power_w)
    available_w = offset_only_w = _least(technical_w, offsets_w)
    if export_w >= _UNLIMITED_W:
        available_w = technical_w
    elif room_w:
        free_w = (offset_w + export_w,) * 3 if ahead is None else ahead.by_hours(room_w, power_w)
        available_w = _least(technical_w, free_w)
    return SiteAvailability(
        None if surplus_wh > 0 else Reason.AT_RESERVE,
        True,  # noqa: FBT003 - by position: keywords cost a third of the time here
        "fresh",
        flow_w,
        available_w,
        offset_only_w,
        surplus_wh,
        reserve,
        energy_wh,
        source,
        power_w,
        offset_w,
        export_w,
        rules.discharge_efficiency,
        ahead,
        room_w,
    )


def _least(one: ByHours, two: ByHours) -> ByHours:
    return min(one[0], two[0]), min(one[1], two[1]), min(one[2], two[2])


def _ahead(parts: Equipment, seen: Reading, sample: Sample, age_s: float, outlook: Outlook) -> Ahead | None:
    """The house's hours to come; None where load or sun are unknown now.

    Panels of which nothing was seen yet are taken to be large. Where nothing may be fed in, solar power that just
    carries the house may be held back: then they give at least what they gave at their best.
    """
    load_w, solar_w = seen.load_power_w, seen.solar_power_w
    if load_w is None or (solar_w is None and parts.has_solar):
        return None
    peak_w = sample.solar_peak_w or (MOST_W if parts.has_solar else 0.0)
    if not peak_w and not solar_w:
        return outlook.of_load(load_w, age_s)
    solar_w = max(0.0, solar_w or 0.0)
    throttled = parts.export_rule == "never" and 0 < load_w <= solar_w + _THROTTLED_W
    return outlook.of_site(load_w, (solar_w, peak_w), age_s, throttled=throttled)


def _change_wh(seen: Reading, age_s: float, rules: Rules) -> float:
    """What the battery has gained since the device looked, negative for what it has given, losses included.

    What it gave counts for the whole time, what it gained for one poll at most: it may have stopped charging.
    """
    if not seen.battery_power_w:
        return 0.0
    if seen.battery_power_w > 0:
        return -seen.battery_power_w * age_s / 3_600 / rules.discharge_efficiency
    return -seen.battery_power_w * min(age_s, _POLL_S) / 3_600 * rules.discharge_efficiency


def _offset_limit_w(seen: Reading, parts: Equipment) -> float:
    """What the house draws beyond its solar power; 0 where either is unknown."""
    if seen.load_power_w is None or (seen.solar_power_w is None and parts.has_solar):
        return 0.0
    return max(0.0, seen.load_power_w - max(0.0, seen.solar_power_w or 0.0))


def _export_limit_w(seen: Reading, parts: Equipment, room_w: float) -> float:
    """What the battery may feed into the grid now: what all may, less what solar power already does.

    0 where a limited meter's own flow is unknown.
    """
    if not room_w or room_w >= _UNLIMITED_W:
        return room_w
    if seen.load_power_w is None or (seen.solar_power_w is None and parts.has_solar):
        return 0.0
    return max(0.0, room_w - max(0.0, (seen.solar_power_w or 0.0) - seen.load_power_w))


def _export_room_w(parts: Equipment) -> float:
    """What the meter may feed in where the export rule is known to allow the battery to."""
    if parts.export_rule != "battery_ok" or parts.non_export:
        return 0.0
    return _UNLIMITED_W if parts.export_cap_w is None else parts.export_cap_w

"""What one site could deliver now, and why it does not count if it does not.

For T hours a site delivers at most min(rated power, usable energy x efficiency / T), where the energy is usable above
the highest of the reserves that apply; behind the meter it can only replace what the house draws from the grid, and
beyond that it can export as far as its export rule and its meter allow. Whatever is not known counts as little, and
what a battery has given since its status was made is taken off, what it has gained in a poll's time is added.

All powers are W, all energies Wh, positive while discharging. `flow_w` is what the battery does now; `available_w` is
what it could do.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

import msgspec

from shared.energy.model import Equipment, Evidence, RosterSite
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
        load_share_per_hour: How much of what the house draws now is counted on an hour later, and of that after two
            hours, and so on: an evening's load falls, and the sun rises. 1: it stays as it is.
        nameplate_share: Part of the nameplate's energy that is taken to be there where Tesla reports charge in
            percent only. 1: as new.
    """

    discharge_efficiency: float = 0.95
    programme_reserve_percent: float = 0.0
    fresh_s: float = FRESH_S
    dead_s: float = DEAD_S
    guard_s: float = 0.0
    load_share_per_hour: float = 1.0
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
        offset_limit_w: What the house draws beyond its solar power.
        export_limit_w: What the battery may feed into the grid beyond that.
        efficiency: Share of `surplus_wh` that comes out.
        load_share_per_hour: By which `offset_limit_w` shrinks.
    """

    reason: Reason | None
    enrolled: bool = False
    freshness: Freshness = "none"
    flow_w: float = 0.0
    available_w: tuple[float, float, float] = (0.0, 0.0, 0.0)
    load_offset_w: tuple[float, float, float] = (0.0, 0.0, 0.0)
    surplus_wh: float = 0.0
    reserve_percent: float | None = None
    energy_left_wh: float | None = None
    energy_source: EnergySource = ""
    power_limit_w: float = 0.0
    offset_limit_w: float = 0.0
    export_limit_w: float = 0.0
    efficiency: float = 1.0
    load_share_per_hour: float = 1.0

    @property
    def counts(self) -> bool:
        """Whether the site is part of what the fleet offers, be it with nothing at present."""
        return self.reason is None or self.reason is Reason.AT_RESERVE

    def deliverable_w(self, hours: float, *, export: bool = True) -> float:
        """The power that can be held for that long (hours > 0), with export or by replacing the house's load only."""
        technical_w = min(self.power_limit_w, self.surplus_wh * self.efficiency / hours)
        offset_w = self.offset_limit_w * math.pow(self.load_share_per_hour, hours)
        return min(technical_w, offset_w + (self.export_limit_w if export else 0.0))


def availability(
    site: RosterSite, sample: Sample | None, now: datetime, rules: Rules = DEFAULT_RULES
) -> SiteAvailability:
    """What the site could deliver now.

    Args:
        site: Facts, limits and equipment.
        sample: The latest poll; None if there was none.
        now: By our clock; aware.
        rules: The operator's.
    """
    seen = None if sample is None else sample.reading
    freshness = _freshness(seen, now, rules)
    barred = not_enrolled(site, sample, now, fresh=freshness == "fresh")
    flow_w = (seen.battery_power_w or 0.0) if seen and barred is None and freshness == "fresh" else 0.0
    if seen is None or site.equipment is None:
        return SiteAvailability(barred or _no_values(site, sample), barred is None, freshness, flow_w)
    energy_wh, source = _energy_left(seen, site.equipment, rules)
    reserve = _reserve_percent(site, site.equipment, seen, rules)
    reason = barred or _held_back(site.equipment, seen, freshness) or _unknown(site.equipment, energy_wh, reserve)
    if reason is not None or energy_wh is None or reserve is None:
        return SiteAvailability(
            reason,
            barred is None,
            freshness,
            flow_w,
            reserve_percent=reserve,
            energy_left_wh=energy_wh,
            energy_source=source,
        )
    return _counted(site.equipment, seen, (energy_wh, source, reserve, flow_w), now, rules)


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


def _freshness(seen: Reading | None, now: datetime, rules: Rules) -> Freshness:
    age_s = None if seen is None else seen.age_s(now)
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
    parts: Equipment, seen: Reading, figures: tuple[float, EnergySource, float, float], now: datetime, rules: Rules
) -> SiteAvailability:
    """The availability of a site that nothing holds back; `figures` are energy, its source, reserve and flow."""
    energy_wh, source, reserve, flow_w = figures
    power_w = parts.rated_power_w or 0.0
    pack_wh = _pack_wh(seen, parts, energy_wh)
    kept_wh = reserve / 100 * pack_wh + power_w * rules.guard_s / 3_600
    by_now_wh = min(max(pack_wh, energy_wh), energy_wh + _change_wh(seen, now, rules))
    surplus_wh = max(0.0, by_now_wh - kept_wh)
    offset_w = _offset_limit_w(seen, parts)
    export_w = _export_limit_w(seen, parts)
    out_wh = surplus_wh * rules.discharge_efficiency
    one, two, three = min(power_w, out_wh), min(power_w, out_wh / 2), min(power_w, out_wh / 3)
    share = rules.load_share_per_hour
    first_w, second_w, third_w = offset_w * share, offset_w * share**2, offset_w * share**3
    return SiteAvailability(
        None if surplus_wh > 0 else Reason.AT_RESERVE,
        True,  # noqa: FBT003 - by position: keywords cost a third of the time here
        "fresh",
        flow_w,
        (min(one, first_w + export_w), min(two, second_w + export_w), min(three, third_w + export_w)),
        (min(one, first_w), min(two, second_w), min(three, third_w)),
        surplus_wh,
        reserve,
        energy_wh,
        source,
        power_w,
        offset_w,
        export_w,
        rules.discharge_efficiency,
        share,
    )


def _change_wh(seen: Reading, now: datetime, rules: Rules) -> float:
    """What the battery has gained since the device looked, negative for what it has given, losses included.

    What it gave counts for the whole time, what it gained for one poll at most: it may have stopped charging.
    """
    if seen.at is None or not seen.battery_power_w:
        return 0.0
    age_s = max(0.0, (now - seen.at).total_seconds())
    if seen.battery_power_w > 0:
        return -seen.battery_power_w * age_s / 3_600 / rules.discharge_efficiency
    return -seen.battery_power_w * min(age_s, _POLL_S) / 3_600 * rules.discharge_efficiency


def _offset_limit_w(seen: Reading, parts: Equipment) -> float:
    """What the house draws beyond its solar power; 0 where either is unknown."""
    if seen.load_power_w is None or (seen.solar_power_w is None and parts.has_solar):
        return 0.0
    return max(0.0, seen.load_power_w - max(0.0, seen.solar_power_w or 0.0))


def _export_limit_w(seen: Reading, parts: Equipment) -> float:
    """What the battery may feed into the grid: the meter's limit less what solar power already feeds in.

    0 where the export rule is not known to allow it, or where a limited meter's own flow is unknown.
    """
    if parts.export_rule != "battery_ok" or parts.non_export:
        return 0.0
    if parts.export_cap_w is None:
        return _UNLIMITED_W
    if seen.load_power_w is None or (seen.solar_power_w is None and parts.has_solar):
        return 0.0
    return max(0.0, parts.export_cap_w - max(0.0, (seen.solar_power_w or 0.0) - seen.load_power_w))

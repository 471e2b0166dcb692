"""Range and battery health: what one reading can tell, with its error.

One snapshot is no history, and no estimate is shown without its method and its error. The range at 100 % rests on a
state of charge that the car reports in whole percent: half a percent of rounding is the smallest error it can have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.reports.analysis.parse import leading_figure
from shared.reports.level import Level, Verdict
from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.product import VehicleSpecs

LOWEST_LEVEL_PERCENT = 20
"""Below this state of charge, rounding alone is worth more than 2.5 %: no estimate."""

COLD_GAP_PERCENT = 2
"""From this gap on, the usable level is the one the range belongs to: the pack is cold."""

LOSS_PER_YEAR = 0.023
"""Average loss of capacity a year over 22,700 electric cars of 21 models (Geotab, 2025)."""

TOLERANCE_PERCENT = 3.0
WARRANTY_MARGIN_PERCENT = 75.0
"""Tesla warrants 70 % for its battery; 75 % is five points above the claim."""

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class FullRange:
    """Rated range at 100 % in miles, `error_mi` from rounding. `cold` if the usable level was taken."""

    range_mi: float
    error_mi: float
    level_percent: int
    cold: bool
    source: str = "charge_state.battery_range / battery_level"


@dataclass(frozen=True)
class Health:
    """Tesla's state of health in percent, when it was measured, and what is usual at that age."""

    soh_percent: float
    measured_at: datetime | None
    age_years: float | None
    usual_percent: float | None
    source: str = "specs.batterySoH"


def full_range(charge: ChargeState) -> FullRange | str:
    """The range at 100 %, or the reason for which there is none."""
    level, range_mi = charge.battery_level_percent, charge.battery_range_mi
    if level is None or range_mi is None:
        return "The car sent no range or no state of charge."
    if not 0 < range_mi < 1000 or not 0 <= level <= 100:  # noqa: PLR2004 - what a car can mean
        return "The car sent an impossible range or state of charge."
    usable = charge.usable_battery_level_percent
    cold = usable is not None and level - usable >= COLD_GAP_PERCENT
    level = usable if usable is not None and cold else level
    if level < LOWEST_LEVEL_PERCENT:
        return (
            f"At {level} % charge the rounding of the display would move the result by more than 2.5 %; "
            f"an estimate needs at least {LOWEST_LEVEL_PERCENT} %."
        )
    full_mi = range_mi / level * 100
    return FullRange(full_mi, full_mi * 0.5 / level, level, cold)


def health(specs: VehicleSpecs | None, now: datetime) -> Health | None:
    """Tesla's own figure from the specs, or None when they were not ordered or do not carry it."""
    percent = None if specs is None else leading_figure(specs.battery_soh)
    if specs is None or percent is None or not 0 < percent <= 120:  # noqa: PLR2004 - what a battery can mean
        return None
    measured_at = specs.battery_soh_timestamp
    built_at = specs.production_date
    if built_at is None or built_at > now:
        return Health(percent, measured_at, None, None)
    age = (now - built_at).total_seconds() / 86_400 / DAYS_PER_YEAR
    return Health(percent, measured_at, age, max(0.0, 100 * (1 - LOSS_PER_YEAR * age)))


def verdict(found: Health | None, estimate: FullRange | str) -> Verdict:
    """The battery's light. Range alone gives none: what the car reached when new is not known."""
    if found is not None:
        return _health_verdict(found)
    if isinstance(estimate, FullRange):
        return Verdict(
            Level.UNKNOWN, "Not rated", "Range was measured; a rating needs Tesla's state of health from the specs."
        )
    return Verdict(Level.UNKNOWN, "Unknown", estimate)


def _health_verdict(found: Health) -> Verdict:
    """Tesla's figure against what is usual at the car's age."""
    text = f"State of health {found.soh_percent:g} % according to Tesla"
    if found.soh_percent <= WARRANTY_MARGIN_PERCENT:
        return Verdict(Level.BAD, "Act now", f"{text}: close to the 70 % the battery warranty covers.")
    if found.usual_percent is None:
        return Verdict(Level.UNKNOWN, "Not rated", f"{text}; the car's age is not known.")
    usual = f"usual at this age: about {found.usual_percent:.0f} %"
    if found.soh_percent >= found.usual_percent - TOLERANCE_PERCENT:
        return Verdict(Level.GOOD, "Good", f"{text}; {usual}.")
    return Verdict(Level.WATCH, "Check", f"{text}; {usual}.")

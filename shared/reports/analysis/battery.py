"""Battery health by methods that do not rest on one another, each with its source, its time and its error.

Single cars of one model differ by 12 to 25 % in measured capacity and the car's own state of health follows that
only loosely (arXiv 2603.21592): one figure is no evidence. So every method is shown with its error, beside what is
usual at the car's age, and the light says how many methods stand behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.reports.analysis.age import Age
from shared.reports.analysis.parse import leading_figure
from shared.reports.analysis.rated_ranges import RatedRange
from shared.reports.level import Level, Verdict
from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.product import VehicleSpecs

LOWEST_LEVEL_PERCENT = 20
"""Below this state of charge, rounding alone is worth more than 2.5 %: no estimate."""

COLD_GAP_PERCENT = 2
"""From this gap on, the usable level is the one the range belongs to: the pack is cold."""

ROUNDING_PERCENT = 0.5
"""The car reports its charge, and Tesla its state of health, in whole percent."""

LOSS_PER_YEAR = 0.023
SMALLEST_LOSS_PER_YEAR = 0.015
LARGEST_LOSS_PER_YEAR = 0.030
"""Loss of capacity a year over 22,700 cars of 21 models (Geotab): average, gentle use, much fast charging."""

LEAST_GAIN_PERCENT = 30.0
"""A charge that gained less says too little about the whole pack."""

TOLERANCE_PERCENT = 3.0
WARRANTY_MARGIN_PERCENT = 75.0
"""Tesla warrants 70 % for its battery; 75 % is five points above the claim."""

HIGHEST_BY_RANGE_PERCENT = 102.0
"""New packs hold up to two percent more than rated; what lies above it beyond its error has another cause."""

_HIGHEST_PERCENT = 120.0


@dataclass(frozen=True)
class FullRange:
    """Rated range at 100 % in miles, `error_mi` from rounding. `cold` if the usable level was taken."""

    range_mi: float
    error_mi: float
    level_percent: int
    cold: bool
    source: str = "charge_state.battery_range / battery_level"


@dataclass(frozen=True)
class Method:
    """One state of health in percent, `error_percent` either way, from `source` at `measured_at`."""

    name: str
    soh_percent: float
    error_percent: float
    source: str
    measured_at: datetime | None


@dataclass(frozen=True)
class Band:
    """What is usual at an age, in percent: `low` after much fast charging, `high` after gentle use."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Health:
    """All that is known of the battery's health: methods that gave a figure, and why the others gave none."""

    methods: tuple[Method, ...]
    refused: tuple[tuple[str, str], ...]
    """Method and reason."""
    age: Age | None
    cross_check: Method | None = None
    """Energy method: rests on the range at 100 % too, so it does not count as independent."""

    @property
    def usual(self) -> Band | None:
        """What is usual at the car's age."""
        return None if self.age is None else usual(self.age.years)


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
    source = f"charge_state.battery_range / {'usable_battery_level' if cold else 'battery_level'}"
    return FullRange(full_mi, full_mi * ROUNDING_PERCENT / level, level, cold, source)


def usual(age_years: float) -> Band:
    """What is usual at an age."""
    losses = (LARGEST_LOSS_PER_YEAR, LOSS_PER_YEAR, SMALLEST_LOSS_PER_YEAR)
    low, middle, high = (max(0.0, 100 * (1 - loss * age_years)) for loss in losses)
    return Band(low, middle, high)


def quoted(specs: VehicleSpecs | None) -> Method | str:
    """Tesla's own figure, quoted; or the reason for which there is none."""
    if specs is None:
        return "Tesla's specifications were not ordered or not answered"
    percent = leading_figure(specs.battery_soh)
    if percent is None or not 0 < percent <= _HIGHEST_PERCENT:
        return "Tesla's specifications carry no state of health"
    return Method(QUOTED, percent, ROUNDING_PERCENT, "specs.batterySoH", specs.battery_soh_timestamp)


QUOTED = "Tesla's figure"
BY_RANGE = "By rated range"
BY_ENERGY = "By energy of the last charge"


def by_range(full: FullRange | str, new: RatedRange | str, at: datetime | None) -> Method | str:
    """Range at 100 % over the rated range when new; or the reason for which there is none."""
    if isinstance(full, str):
        return full.rstrip(".")
    if isinstance(new, str):
        return new
    percent = 100 * full.range_mi / new.middle_mi
    error = percent * (full.error_mi / full.range_mi + new.error_share)
    if not 0 < percent <= HIGHEST_BY_RANGE_PERCENT + error:
        return f"the result of {percent:.0f} % cannot be: the rated range on file is not this car's"
    return Method(BY_RANGE, percent, error, f"{full.source}, over {new.middle_mi:g} mi: {new.words}", at)


def by_energy(
    charge: ChargeState, full: FullRange | str, specs: VehicleSpecs | None, at: datetime | None
) -> Method | None:
    """Energy of the last charge over its share of the full range, over the capacity; None without 30 % of gain."""
    capacity_kwh = None if specs is None else leading_figure(specs.battery_capacity)
    added_kwh, added_mi = charge.charge_energy_added_kwh, charge.charge_miles_added_rated
    if isinstance(full, str) or not capacity_kwh or capacity_kwh < 0 or not added_kwh or not added_mi:
        return None
    gained = 100 * added_mi / full.range_mi
    if not LEAST_GAIN_PERCENT <= gained <= 100:  # noqa: PLR2004 - percent
        return None
    percent = 100 * added_kwh / (gained / 100) / capacity_kwh
    if not 0 < percent <= _HIGHEST_PERCENT:
        return None
    error = percent * (full.error_mi / full.range_mi + 2 * ROUNDING_PERCENT / gained)
    source = "charge_state.charge_energy_added / charge_miles_added_rated, over specs.batteryCapacityKwh"
    return Method(BY_ENERGY, percent, error, source, at)


def health(methods: Sequence[tuple[str, Method | str]], age: Age | None, cross_check: Method | None) -> Health:
    """The methods that gave a figure, and the others with their reasons."""
    given = tuple(method for _, method in methods if isinstance(method, Method))
    refused = tuple((name, method) for name, method in methods if isinstance(method, str))
    return Health(given, refused, age, cross_check)


def level_of(method: Method, band: Band | None) -> Level:
    """One method's step; unknown where nothing is known to compare with."""
    if method.soh_percent <= WARRANTY_MARGIN_PERCENT:
        return Level.BAD
    if band is None:
        return Level.UNKNOWN
    return Level.GOOD if method.soh_percent >= band.middle - TOLERANCE_PERCENT else Level.WATCH


def verdict(found: Health) -> Verdict:
    """The battery's light, with every method named: the lower one decides, and a contradiction asks for a look."""
    if not found.methods:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in found.refused)
        return Verdict(Level.UNKNOWN, "Not rated", f"{reasons}.")
    levels = {level_of(method, found.usual) for method in found.methods}
    said = " · ".join(brief(method) for method in found.methods)
    alone = "; one method only" if len(found.methods) == 1 else ""
    band = found.usual
    expected = f"usual at this age {band.low:.0f} to {band.high:.0f} %" if band else "the car's age is not known"
    level, word = _step(levels)
    return Verdict(level, word, f"{said}{alone}; {expected}.")


def _step(levels: set[Level]) -> tuple[Level, str]:
    """One step for all methods."""
    if levels == {Level.BAD}:
        return Level.BAD, "Act now"
    if Level.BAD in levels:
        return Level.WATCH, "Methods differ"
    if Level.WATCH in levels:
        return Level.WATCH, "Methods differ" if Level.GOOD in levels else "Check"
    return (Level.GOOD, "Good") if Level.GOOD in levels else (Level.UNKNOWN, "Not rated")


def brief(method: Method) -> str:
    """A method in few words, with its error."""
    return f"{method.name} {method.soh_percent:.{0 if method.name == QUOTED else 1}f} ± {method.error_percent:.1f} %"

"""Rated range when new: what a battery's range is compared with.

Source: the United States Environmental Protection Agency's list at fueleconomy.gov, by model year; for 2024 the same
list as reported in the press. A row whose variants Tesla badges alike (wheels, packs) holds the lowest and the
highest of them: the comparison carries that spread as its error. What is not here is unknown: a type-approval range
(WLTP) is another cycle and is never put in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shared.tesla.models.product import VehicleSpecs
from shared.tesla.models.vehicle_config import VehicleConfig

SOURCE = "EPA rating, fueleconomy.gov"
EUROPE_SPREAD = 0.04
"""Cars built for Europe share name and badge with the American ones, and not always the maker of the cells."""

VIN_YEARS = "ABCDEFGHJKLMNPRSTVWXY"
"""The tenth character of a VIN from model year 2010 on (ISO 3779)."""


class Row(NamedTuple):
    """Lowest and highest rated range in miles of the cars of one badge over some model years."""

    car: str
    badge: str
    first_year: int
    last_year: int
    low_mi: float
    high_mi: float


ROWS: tuple[Row, ...] = (
    Row("model3", "50", 2019, 2019, 220, 240),
    Row("model3", "50", 2020, 2020, 220, 250),
    Row("model3", "50", 2021, 2021, 263, 263),
    Row("model3", "50", 2022, 2024, 272, 272),
    Row("model3", "62", 2018, 2018, 260, 260),
    Row("model3", "62", 2019, 2020, 264, 264),
    Row("model3", "74", 2017, 2019, 310, 310),
    Row("model3", "74", 2020, 2020, 330, 330),
    Row("model3", "74d", 2018, 2019, 310, 310),
    Row("model3", "74d", 2020, 2020, 322, 322),
    Row("model3", "74d", 2021, 2021, 353, 353),
    Row("model3", "74d", 2022, 2022, 358, 358),
    Row("model3", "74d", 2023, 2023, 333, 358),
    Row("model3", "74d", 2024, 2024, 341, 342),
    Row("model3", "p74d", 2018, 2019, 310, 310),
    Row("model3", "p74d", 2020, 2020, 299, 322),
    Row("model3", "p74d", 2021, 2023, 315, 315),
    Row("model3", "p74d", 2024, 2024, 296, 296),
    Row("modely", "50", 2021, 2022, 244, 244),
    Row("modely", "74d", 2020, 2020, 316, 316),
    Row("modely", "74d", 2021, 2021, 326, 326),
    Row("modely", "74d", 2022, 2023, 330, 330),
    Row("modely", "p74d", 2020, 2020, 291, 315),
    Row("modely", "p74d", 2021, 2023, 303, 303),
    Row("models", "60d", 2017, 2017, 218, 218),
    Row("models", "75", 2017, 2018, 249, 249),
    Row("models", "75d", 2017, 2019, 259, 259),
    Row("models", "90d", 2017, 2017, 294, 294),
    Row("models", "p90d", 2017, 2017, 270, 270),
    Row("models", "100d", 2017, 2018, 335, 335),
    Row("models", "100d", 2021, 2023, 405, 405),
    Row("models", "p100d", 2017, 2018, 315, 315),
    Row("modelx", "60d", 2017, 2017, 200, 200),
    Row("modelx", "75d", 2017, 2019, 238, 238),
    Row("modelx", "90d", 2017, 2017, 257, 257),
    Row("modelx", "p90d", 2017, 2017, 250, 250),
    Row("modelx", "100d", 2017, 2018, 295, 295),
    Row("modelx", "p100d", 2017, 2018, 289, 289),
    Row("modelx", "100d", 2022, 2023, 348, 348),
)

CAR_TYPES: Mapping[str, str] = {
    "model3": "model3",
    "modely": "modely",
    "models": "models",
    "models2": "models",
    "lychee": "models",
    "modelx": "modelx",
    "tamarind": "modelx",
}
"""Tesla's names of a car type, by the model they mean."""

_EUROPEAN_PACK_UNKNOWN = frozenset({"50"})
"""Badges whose European cars left the factory with another pack than the American ones."""

_PACKAGE_PREFIXES: Mapping[str, str] = {"model3": "M3", "modely": "MY", "models": "MS", "modelx": "MX"}
"""Beginnings of an efficiency package's name (``M32021``, ``M3POPPYSEED2024``), by model."""

_PACKAGE_YEAR = re.compile(r"20[12]\d$")


@dataclass(frozen=True)
class ModelYear:
    """The model year and the field that names it."""

    year: int
    source: str


@dataclass(frozen=True)
class RatedRange:
    """Rated range when new in miles: the middle of `low_mi` and `high_mi`."""

    low_mi: float
    high_mi: float
    words: str

    @property
    def middle_mi(self) -> float:
        """The value to compare with."""
        return (self.low_mi + self.high_mi) / 2

    @property
    def error_share(self) -> float:
        """Half the spread over the middle."""
        return (self.high_mi - self.low_mi) / 2 / self.middle_mi


def model_year(config: VehicleConfig, specs: VehicleSpecs | None, vin: str) -> ModelYear | None:
    """The specs' model year, else the VIN's tenth character, else the year in the efficiency package's name."""
    if specs is not None and specs.model_year is not None and 2008 <= specs.model_year <= 2100:  # noqa: PLR2004
        return ModelYear(specs.model_year, "specs.modelYear")
    code = vin[9:10].upper()
    if len(vin) == 17 and code in VIN_YEARS:  # noqa: PLR2004 - ISO 3779
        return ModelYear(2010 + VIN_YEARS.index(code), "10th character of the VIN")
    found = _PACKAGE_YEAR.search(config.efficiency_package or "")
    return ModelYear(int(found.group()), "vehicle_config.efficiency_package") if found else None


def rated_range(config: VehicleConfig, year: ModelYear | None) -> RatedRange | str:
    """The rated range of such a car when new, or the reason for which it is unknown."""
    car, badge = CAR_TYPES.get((config.car_type or "").lower()), (config.trim_badging or "").lower()
    if car is None or not badge:
        return "the car did not say its type and badge (vehicle_config.car_type, trim_badging)"
    if year is None:
        return "the model year is not known"
    if config.eu_vehicle and badge in _EUROPEAN_PACK_UNKNOWN:
        return f"European cars with the badge {badge.upper()} had several packs, and none of them has an EPA rating"
    years = _years(car, config.efficiency_package, year)
    if isinstance(years, str):
        return years
    rows = [row for row in (_row(car, badge, one) for one in years) if row is not None]
    if not rows:
        return f"no EPA rating is on file for {car} {badge.upper()} of {year.year}"
    return _of(rows, f"{' or '.join(map(str, years))} ({year.source})", european=config.eu_vehicle is True)


def _years(car: str, package: str | None, year: ModelYear) -> list[int] | str:
    """The model years whose rating may be this car's: its own, and that of its efficiency package a year beside it.

    A package further away contradicts the model year: then the rating is not known.
    """
    found = _PACKAGE_YEAR.search(package or "")
    if found is None or not (package or "").startswith(_PACKAGE_PREFIXES.get(car, "?")):
        return [year.year]
    named = int(found.group())
    if abs(named - year.year) > 1:
        return f"the model year is {year.year} by {year.source} and {named} by the efficiency package {package}"
    return sorted({named, year.year})


def _row(car: str, badge: str, year: int) -> Row | None:
    """The row of the table, if there is one."""
    return next(
        (row for row in ROWS if (row.car, row.badge) == (car, badge) and row.first_year <= year <= row.last_year),
        None,
    )


def _of(rows: list[Row], years: str, *, european: bool) -> RatedRange:
    """What the rows span, wider for a European car."""
    low, high = min(row.low_mi for row in rows), max(row.high_mi for row in rows)
    widened = EUROPE_SPREAD * (low + high) / 2 if european else 0.0
    note = f"; European car, ± {EUROPE_SPREAD:.0%} added" if european else ""
    words = f"{SOURCE}, {rows[0].car} {rows[0].badge.upper()} of {years}{note}"
    return RatedRange(low - widened, high + widened, words)

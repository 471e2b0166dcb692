"""How old the car is, and what a year of it is in distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.reports.analysis.rated_ranges import ModelYear
from shared.tesla.models.care import Warranty, WarrantyDetails
from shared.tesla.models.product import VehicleSpecs

DAYS_PER_YEAR = 365.25
_LONGEST_COVER_YEARS = 20.0
_SHORTEST_YEARS = 0.25
"""Below three months, distance per year says more of the first trips than of the year."""


@dataclass(frozen=True)
class Age:
    """The car's age in years, with its error and the field it rests on."""

    years: float
    error_years: float
    built_at: datetime
    source: str

    def distance_per_year_mi(self, odometer_mi: float | None) -> float | None:
        """The average since the beginning; None for a car too young to have one."""
        if odometer_mi is None or odometer_mi <= 0 or self.years < _SHORTEST_YEARS:
            return None
        return odometer_mi / self.years


def age_of(
    specs: VehicleSpecs | None, warranty: WarrantyDetails | None, year: ModelYear | None, now: datetime
) -> Age | None:
    """By production date, else by the start of the warranties, else by the model year (± half a year)."""
    for built_at, error_years, source in _beginnings(specs, warranty, year):
        if built_at <= now:
            return Age((now - built_at).total_seconds() / 86_400 / DAYS_PER_YEAR, error_years, built_at, source)
    return None


def _beginnings(
    specs: VehicleSpecs | None, warranty: WarrantyDetails | None, year: ModelYear | None
) -> Iterator[tuple[datetime, float, str]]:
    """When the car may have begun, best source first."""
    if specs is not None and specs.production_date is not None:
        yield specs.production_date, 0.0, "specs.productionDate"
    starts = [start for start in map(_start, _all(warranty)) if start is not None]
    if starts:
        yield min(starts), 0.1, "warranty expirationDate less coverageAgeInYears"
    if year is not None:
        # Cars of a model year are built from about October before it to September in it.
        yield datetime(year.year, 4, 1, tzinfo=UTC), 0.5, year.source


def _all(warranty: WarrantyDetails | None) -> tuple[Warranty, ...]:
    """Every warranty that says how long it runs."""
    if warranty is None:
        return ()
    return (*(warranty.active_warranty or ()), *(warranty.expired_warranty or ()))


def _start(warranty: Warranty) -> datetime | None:
    """When a warranty began: its end less its years."""
    years, end = warranty.coverage_age_in_years, warranty.expiration_date
    if end is None or years is None or not 0 < years <= _LONGEST_COVER_YEARS or end.year < 2000:  # noqa: PLR2004
        return None
    return end - timedelta(days=years * DAYS_PER_YEAR)

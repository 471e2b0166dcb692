"""Warranties: what is left in time and in distance, and which of the two ends first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.reports.level import Level, Verdict
from shared.reports.units import KM_PER_MILE
from shared.tesla.models.care import Warranty, WarrantyDetails

SOON_DAYS = 180
SOON_MI = 5000.0
DAYS_PER_YEAR = 365.25
_FAR_YEARS = 200.0
_LAST_YEAR = 9000
"""From then on, the calendar may end before the distance does."""


@dataclass(frozen=True)
class Cover:
    """One warranty. `days_left` and `miles_left` are negative once passed, None when Tesla names no limit."""

    name: str
    state: str
    ends_at: datetime | None
    ends_mi: float | None
    days_left: float | None
    miles_left: float | None
    years: float | None
    distance_ends_at: datetime | None = None
    """When the distance runs out, if the car goes on as so far."""

    @property
    def ends_first(self) -> str | None:
        """``time`` or ``distance``, whichever ends the warranty at the current rate; None where one is not known."""
        if self.ends_at is None or self.distance_ends_at is None:
            return None
        return "time" if self.ends_at <= self.distance_ends_at else "distance"

    @property
    def ends_by(self) -> datetime | None:
        """The earlier of the two ends, as far as they are known."""
        return min((at for at in (self.ends_at, self.distance_ends_at) if at is not None), default=None)

    @property
    def soon(self) -> bool:
        """Whether it ends within half a year or 5,000 miles."""
        days, miles = self.days_left, self.miles_left
        return (days is not None and days <= SOON_DAYS) or (miles is not None and miles <= SOON_MI)

    @property
    def time_share(self) -> float | None:
        """Share of the time that is left, 0 to 1."""
        if self.days_left is None or not self.years or self.years < 0:
            return None
        return min(1.0, max(0.0, self.days_left / (self.years * DAYS_PER_YEAR)))

    @property
    def distance_share(self) -> float | None:
        """Share of the distance that is left, 0 to 1."""
        if self.miles_left is None or not self.ends_mi or self.ends_mi < 0:
            return None
        return min(1.0, max(0.0, self.miles_left / self.ends_mi))


def covers(
    answer: WarrantyDetails, odometer_mi: float | None, now: datetime, per_year_mi: float | None = None
) -> tuple[Cover, ...]:
    """Active warranties first, then upcoming and expired ones, each in Tesla's order.

    `per_year_mi` is the distance of a year so far; without it no end by distance is foretold.
    """
    by_state = (
        ("Active", answer.active_warranty),
        ("Upcoming", answer.upcoming_warranty),
        ("Expired", answer.expired_warranty),
    )
    return tuple(
        _cover(warranty, state, odometer_mi, now, per_year_mi)
        for state, warranties in by_state
        for warranty in warranties or ()
    )


def _cover(
    warranty: Warranty, state: str, odometer_mi: float | None, now: datetime, per_year_mi: float | None
) -> Cover:
    """One warranty against today's date and odometer."""
    ends_mi = _miles(warranty.expiration_odometer, warranty.odometer_unit)
    ends_at = warranty.expiration_date
    miles_left = None if ends_mi is None or odometer_mi is None else ends_mi - odometer_mi
    return Cover(
        name=warranty.warranty_display_name or warranty.warranty_type or "Warranty without a name",
        state=state,
        ends_at=ends_at if state != "Expired" else warranty.warranty_expired_on or ends_at,
        ends_mi=ends_mi,
        days_left=None if ends_at is None else (ends_at - now).total_seconds() / 86_400,
        miles_left=miles_left,
        years=warranty.coverage_age_in_years,
        distance_ends_at=_distance_end(miles_left, per_year_mi, now),
    )


def _distance_end(miles_left: float | None, per_year_mi: float | None, now: datetime) -> datetime | None:
    """When the distance left is driven at `per_year_mi`; None where that is not known or beyond all sense."""
    if miles_left is None or not per_year_mi:
        return None
    years = max(0.0, miles_left) / per_year_mi
    if years >= _FAR_YEARS or now.year > _LAST_YEAR:
        return None
    return now + timedelta(days=years * DAYS_PER_YEAR)


def _miles(limit: float | None, unit: str | None) -> float | None:
    """The odometer limit in miles; None without a unit that is known."""
    known = (unit or "").strip().upper()
    if limit is None or known not in {"MI", "KM"}:
        return None
    return limit if known == "MI" else limit / KM_PER_MILE


def verdict(found: Sequence[Cover] | None) -> Verdict:
    """The warranty's light: the active warranty that ends first."""
    if found is None:
        return Verdict(Level.UNKNOWN, "Unknown", "The warranty could not be fetched.")
    active = [cover for cover in found if cover.state == "Active"]
    if not active:
        ended = any(cover.state == "Expired" for cover in found)
        reason = "No warranty of Tesla's is active." if ended else "Tesla lists no warranty for this car."
        return Verdict(Level.BAD if ended else Level.UNKNOWN, "Ended" if ended else "Unknown", reason)
    soon = [cover.name for cover in active if cover.soon]
    if soon:
        return Verdict(
            Level.WATCH, "Ends soon", f"Ends within half a year or 5,000 mi (8,000 km): {', '.join(soon)}."
        )
    return Verdict(
        Level.GOOD, "Active", f"{len(active)} active; none ends within half a year or 5,000 mi (8,000 km)."
    )

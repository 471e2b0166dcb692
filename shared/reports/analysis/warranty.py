"""Warranties: what is left in time and in distance, and which of the two ends first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.reports.level import Level, Verdict
from shared.reports.units import KM_PER_MILE
from shared.tesla.models.care import Warranty, WarrantyDetails

SOON_DAYS = 180
SOON_MI = 5000.0
DAYS_PER_YEAR = 365.25


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


def covers(answer: WarrantyDetails, odometer_mi: float | None, now: datetime) -> tuple[Cover, ...]:
    """Active warranties first, then upcoming and expired ones, each in Tesla's order."""
    by_state = (
        ("Active", answer.active_warranty),
        ("Upcoming", answer.upcoming_warranty),
        ("Expired", answer.expired_warranty),
    )
    return tuple(
        _cover(warranty, state, odometer_mi, now) for state, warranties in by_state for warranty in warranties or ()
    )


def _cover(warranty: Warranty, state: str, odometer_mi: float | None, now: datetime) -> Cover:
    """One warranty against today's date and odometer."""
    ends_mi = _miles(warranty.expiration_odometer, warranty.odometer_unit)
    ends_at = warranty.expiration_date
    return Cover(
        name=warranty.warranty_display_name or warranty.warranty_type or "Warranty without a name",
        state=state,
        ends_at=ends_at if state != "Expired" else warranty.warranty_expired_on or ends_at,
        ends_mi=ends_mi,
        days_left=None if ends_at is None else (ends_at - now).total_seconds() / 86_400,
        miles_left=None if ends_mi is None or odometer_mi is None else ends_mi - odometer_mi,
        years=warranty.coverage_age_in_years,
    )


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

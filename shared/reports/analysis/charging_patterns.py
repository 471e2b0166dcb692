"""When and where the car charged in public, how long it stayed plugged in, and what a kilowatt hour cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.reports.analysis.charging import KINDS, OTHER, currency_of, energy_kwh, fees_of, kind_of, per_kwh
from shared.tesla.models.charging import ChargingSession

_LONGEST_MINUTES = 7 * 24 * 60
"""Nobody stays plugged in for longer; beyond it the times are wrong."""


@dataclass
class Place:
    """Sessions and energy of one site or country."""

    name: str
    sessions: int = 0
    energy_kwh: float = 0.0


@dataclass(frozen=True)
class Month:
    """One month of one currency: what was due by kind of fee, in the order of `KINDS` and then other fees."""

    name: str
    dues: tuple[float, ...]


@dataclass(frozen=True)
class Price:
    """What a kilowatt hour cost in one session."""

    at: datetime
    per_kwh: float


@dataclass(frozen=True)
class Idle:
    """Minutes between the end of charging and the unplugging, over the sessions that tell both."""

    minutes: tuple[float, ...] = field(default_factory=tuple)

    @property
    def mean(self) -> float | None:
        """The average; None without any session."""
        return sum(self.minutes) / len(self.minutes) if self.minutes else None

    @property
    def longest(self) -> float | None:
        """The longest; None without any session."""
        return max(self.minutes, default=None)


def minutes_between(start: datetime | None, stop: datetime | None) -> float | None:
    """Minutes from one moment to another; None if one is missing or they cannot be."""
    if start is None or stop is None:
        return None
    minutes = (stop - start).total_seconds() / 60
    return minutes if 0 <= minutes <= _LONGEST_MINUTES else None


def idle_minutes(session: ChargingSession) -> float | None:
    """Time plugged in after charging ended: ``unlatchDateTime`` less ``chargeStopDateTime``."""
    return minutes_between(session.charge_stop_date_time, session.unlatch_date_time)


def idle(sessions: Iterable[ChargingSession]) -> Idle:
    """All idle times that are known."""
    found = (idle_minutes(session) for session in sessions)
    return Idle(tuple(minutes for minutes in found if minutes is not None))


def sites(sessions: Iterable[ChargingSession]) -> list[Place]:
    """Sites with their country, the most used first."""
    named = ((", ".join(filter(None, (one.site_location_name, one.country_code))), one) for one in sessions)
    return _places(named)


def countries(sessions: Iterable[ChargingSession]) -> list[Place]:
    """Countries, the most used first."""
    return _places((one.country_code or "", one) for one in sessions)


def _places(named: Iterable[tuple[str, ChargingSession]]) -> list[Place]:
    """Sums by name; sessions without one count under an empty name."""
    places: dict[str, Place] = {}
    for name, session in named:
        place = places.setdefault(name, Place(name))
        place.sessions += 1
        place.energy_kwh += energy_kwh(session)
    return sorted(places.values(), key=lambda place: (-place.sessions, -place.energy_kwh, place.name))


def hours(sessions: Iterable[ChargingSession]) -> list[list[int]]:
    """Sessions begun, by weekday (Monday first) and hour, on the clock of each site."""
    grid = [[0] * 24 for _ in range(7)]
    for session in sessions:
        start = session.charge_start_date_time
        if start is not None:
            grid[start.weekday()][start.hour] += 1
    return grid


def months(sessions: Sequence[ChargingSession], currency: str, most: int) -> list[Month]:
    """What was due by month in one currency, oldest first, months without a session included; the last `most`."""
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0] * (len(KINDS) + 1))
    order = (*KINDS, OTHER)
    for session in sessions:
        start = session.charge_start_date_time
        for fee in fees_of(session):
            if start is not None and currency_of(fee) == currency:
                sums[start.year * 12 + start.month - 1][order.index(kind_of(fee))] += fee.total_due or 0.0
    if not sums:
        return []
    newest = max(sums)
    span = range(max(min(sums), newest - most + 1), newest + 1)
    return [Month(f"{number // 12:04d}-{number % 12 + 1:02d}", tuple(sums[number])) for number in span]


def prices(sessions: Iterable[ChargingSession], currency: str) -> list[Price]:
    """Price per kilowatt hour of each session in one currency: charging due over energy, oldest first."""
    found = []
    for session in sessions:
        fees = [fee for fee in fees_of(session) if currency_of(fee) == currency and per_kwh(fee)]
        energy = sum(fee.usage_base or 0.0 for fee in fees)
        due = sum(fee.total_due or 0.0 for fee in fees)
        if session.charge_start_date_time is not None and energy > 0:
            found.append(Price(session.charge_start_date_time, due / energy))
    return sorted(found, key=lambda price: price.at)

"""Tariffs as Tesla keeps them (`tariff_content_v2`), read the way a battery's optimiser would.

Monday is day 0, days and hours are the site's own; a key that is missing counts as zero, a period that ends at
0:00 ends at midnight. An invalid schedule is kept and read back like any other, but steers nothing.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from .answers import Json
from .energy_zone import LocalTime, month_and_day

MIDNIGHT_MIN = 1_440
_PEAK_SHARE, _CHEAP_SHARE = 0.8, 0.2


class Phase(Enum):
    """What a moment is worth compared with the rest of the season."""

    PEAK = "peak"
    """The price is in the top fifth of the season's span."""
    HOLD = "hold"
    CHEAP = "cheap"
    """The price is in the bottom fifth."""
    FLAT = "flat"
    """The season knows one price only, or there is no valid tariff."""


class Window(NamedTuple):
    """Phase and prices (currency per kWh) of a moment."""

    phase: Phase
    buy: float = 0.0
    sell: float = 0.0

    @property
    def pays_export(self) -> bool:
        """Whether the optimiser takes the sell price; one above the buy price is disregarded."""
        return 0 < self.sell <= self.buy


FLAT = Window(Phase.FLAT)


class _Season(NamedTuple):
    """First and last (month, day), and for each weekday the minutes at which windows begin, with them."""

    first: tuple[int, int]
    last: tuple[int, int]
    days: tuple[tuple[tuple[int, ...], tuple[Window, ...]], ...]

    def covers(self, moment: tuple[int, int]) -> bool:
        if self.first <= self.last:
            return self.first <= moment <= self.last
        return moment >= self.first or moment <= self.last


@dataclass(frozen=True, slots=True)
class Tariff:
    """One schedule: as it was written, with a digest to compare it by, and compiled."""

    content: Json
    digest: str
    seasons: tuple[_Season, ...]

    def at(self, local: LocalTime) -> Window:
        """The window of a moment on the site's wall clock."""
        moment = month_and_day(local.day)
        for season in self.seasons:
            if season.covers(moment):
                starts, windows = season.days[local.weekday]
                index = bisect_right(starts, local.minute) - 1
                return windows[index] if index >= 0 else FLAT
        return FLAT


def tariff(content: Json) -> Tariff:
    """The tariff of a schedule; sites with the same schedule share one object."""
    return _tariff(msgspec.json.encode(content, order="sorted"))


@lru_cache(maxsize=2_048)
def _tariff(encoded: bytes) -> Tariff:
    content: Json = msgspec.json.decode(encoded)
    return Tariff(content, hashlib.sha256(encoded).hexdigest()[:16], _compiled(content))


def _compiled(content: Json) -> tuple[_Season, ...]:
    """The seasons; none at all when anything in them is not as documented."""
    try:
        return tuple(_season(content, name, season) for name, season in content.get("seasons", {}).items() if season)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return ()


def _season(content: Json, name: str, season: Json) -> _Season:
    rates = _Rates(content, name)
    spans = list(_spans(season))
    prices = [rates.buy(label) for _, _, label in spans]
    low, high = min(prices), max(prices)
    days = tuple(_day(spans, weekday, rates, low, high) for weekday in range(7))
    first = int(season["fromMonth"]), int(season.get("fromDay", 1))
    return _Season(first, (int(season["toMonth"]), int(season.get("toDay", 31))), days)


def _day(
    spans: list[tuple[tuple[int, int], tuple[int, int], str]], weekday: int, rates: _Rates, low: float, high: float
) -> tuple[tuple[int, ...], tuple[Window, ...]]:
    """The windows of one weekday, in order of time."""
    rows = sorted((minutes[0], label) for days, minutes, label in spans if days[0] <= weekday <= days[1])
    windows = tuple(
        Window(_phase(rates.buy(label), low, high), rates.buy(label), rates.sell(label)) for _, label in rows
    )
    return tuple(start for start, _ in rows), windows


def _phase(price: float, low: float, high: float) -> Phase:
    if high <= low:
        return Phase.FLAT
    share = (price - low) / (high - low)
    if share >= _PEAK_SHARE:
        return Phase.PEAK
    return Phase.CHEAP if share <= _CHEAP_SHARE else Phase.HOLD


def _spans(season: Json) -> Iterator[tuple[tuple[int, int], tuple[int, int], str]]:
    """First and last weekday, first and end minute, and label of each period; one over midnight gives two."""
    for label, group in season["tou_periods"].items():
        for period in group["periods"] if isinstance(group, dict) else group:
            days = int(period.get("fromDayOfWeek", 0)), int(period.get("toDayOfWeek", 0))
            start, end = _minute(period, "from"), _minute(period, "to") or MIDNIGHT_MIN
            if end > start:
                yield days, (start, end), label
            else:
                yield days, (start, MIDNIGHT_MIN), label
                yield days, (0, end), label


def _minute(period: Json, side: str) -> int:
    return int(period.get(f"{side}Hour", 0)) * 60 + int(period.get(f"{side}Minute", 0))


class _Rates:
    """Buy and sell prices by label of one season; what the season lacks comes from `ALL`."""

    def __init__(self, content: Json, season: str) -> None:
        self._buy = _rates(content.get("energy_charges"), season)
        sold = content.get("sell_tariff") or {}
        self._sell = _rates(sold.get("energy_charges"), season)

    def buy(self, label: str) -> float:
        return _price(self._buy, label)

    def sell(self, label: str) -> float:
        return _price(self._sell, label)


def _rates(charges: Any, season: str) -> dict[str, Any]:
    """Label to price; older schedules lack the level `rates`."""
    found = (charges or {}).get(season) or (charges or {}).get("ALL") or {}
    rates = found.get("rates", found)
    return rates if isinstance(rates, dict) else {}


def _price(rates: dict[str, Any], label: str) -> float:
    return float(rates.get(label, rates.get("ALL", 0.0)))

"""What a tariff says of a moment, a day or a week: prices, and when a battery is expected to discharge."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from shared.energy.tariffs.schedule import MonthDay, Schedule, Season, Span, schedule_of

_MINUTE = timedelta(minutes=1)


class Price(NamedTuple):
    """Label of a period, and what a kWh costs and earns in it."""

    label: str
    buy: float
    sell: float


class Piece(NamedTuple):
    """A stretch of one weekday (Monday = 0) with one price; minutes of the day, end excluded."""

    weekday: int
    start_min: int
    end_min: int
    price: Price


class Window(msgspec.Struct, frozen=True):
    """A time with one buying price; both ends aware, in the site's zone, end excluded.

    `label` is that of its beginning, `sell` the lowest selling price in it.
    """

    start: datetime
    end: datetime
    label: str
    buy: float
    sell: float


def price_at(tariff: Mapping[str, Any], local: datetime) -> Price | None:
    """The price of a moment on the site's wall clock; None where the tariff says nothing of it.

    Args:
        tariff: In Tesla's shape.
        local: Naive, or aware in the site's zone.
    """
    minute = local.hour * 60 + local.minute
    pieces = day_pieces(schedule_of(tariff), (local.month, local.day), local.weekday())
    return next((piece.price for piece in pieces if piece.start_min <= minute < piece.end_min), None)


def windows_of_week(tariff: Mapping[str, Any], day: date) -> tuple[Piece, ...]:
    """A whole week, Monday first, by the season that `day` lies in."""
    schedule = schedule_of(tariff)
    return tuple(piece for weekday in range(7) for piece in day_pieces(schedule, (day.month, day.day), weekday))


def peak_windows(tariff: Mapping[str, Any], day: date, zone: ZoneInfo) -> tuple[Window, ...]:
    """When a battery in `autonomous` is expected to discharge on that day: at the day's highest buying price.

    A day with one price has none. On days when the clocks change, windows are as long as they are in fact.
    """
    pieces = day_pieces(schedule_of(tariff), (day.month, day.day), day.weekday())
    highest = max((piece.price.buy for piece in pieces), default=0.0)
    if all(piece.price.buy == highest for piece in pieces):
        return ()
    windows = (_window(run, day, zone) for run in _runs([piece for piece in pieces if piece.price.buy == highest]))
    return tuple(window for window in windows if window.start.astimezone(UTC) < window.end.astimezone(UTC))


def day_pieces(schedule: Schedule, day: MonthDay, weekday: int) -> list[Piece]:
    """The stretches of one day with their prices; neighbours with the same price are one."""
    merged: list[Piece] = []
    for piece in _cut(schedule, day, weekday):
        if merged and merged[-1].end_min == piece.start_min and merged[-1].price == piece.price:
            merged[-1] = merged[-1]._replace(end_min=piece.end_min)
        else:
            merged.append(piece)
    return merged


def _cut(schedule: Schedule, day: MonthDay, weekday: int) -> Iterator[Piece]:
    """The day cut wherever a buying or a selling period begins or ends; hours without buying period left out."""
    buy, sell = _season(schedule.buy, day), _season(schedule.sell, day)
    bought, sold = buy.of_day(weekday) if buy else [], sell.of_day(weekday) if sell else []
    cuts = sorted({minute for span in (*bought, *sold) for minute in (span.start_min, span.end_min)})
    for start, end in pairwise(cuts):
        label = _label_at(bought, start)
        if buy is not None and label is not None:
            earned = _label_at(sold, start)
            yield Piece(
                weekday, start, end, Price(label, buy.price(label), sell.price(earned) if sell and earned else 0.0)
            )


def _season(seasons: tuple[Season, ...], day: MonthDay) -> Season | None:
    return next((season for season in seasons if season.covers(day)), None)


def _label_at(spans: list[Span], minute: int) -> str | None:
    """The label of the span (of those in order) that began last, if it still runs."""
    index = bisect_right(spans, minute, key=lambda span: span.start_min) - 1
    return spans[index].label if index >= 0 and minute < spans[index].end_min else None


def _runs(pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces in groups without a gap."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and runs[-1][-1].end_min == piece.start_min:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _window(run: list[Piece], day: date, zone: ZoneInfo) -> Window:
    """By the zone's clocks. An hour that comes twice is in the window both times, one that is skipped not at all."""
    first, midnight = run[0].price, datetime.combine(day, time(), zone)
    start = midnight + timedelta(minutes=run[0].start_min)
    while not _is_shown(start):
        start += _MINUTE
    last = midnight + timedelta(minutes=run[-1].end_min) - _MINUTE
    while not _is_shown(last):
        last -= _MINUTE
    end = (last.replace(fold=1).astimezone(UTC) + _MINUTE).astimezone(zone)
    return Window(start, end, first.label, first.buy, min(piece.price.sell for piece in run))


def _is_shown(wall: datetime) -> bool:
    """Whether the clocks ever show this time: on the day that they go forward, an hour is skipped."""
    shown = wall.astimezone(UTC).astimezone(wall.tzinfo)
    return shown.replace(tzinfo=None, fold=0) == wall.replace(tzinfo=None, fold=0)

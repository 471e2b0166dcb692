"""The tariff that makes a battery export during a dispatch event: a peak in the event's hours, and nothing else pays.

A site follows it in `autonomous`, if its export rule is `battery_ok`. Selling pays as much as buying costs in the
event's hours, and nothing outside them, where buying is cheap. A tariff repeats every week: it has to be taken back
after the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from shared.energy.tariffs.build import SeasonPlan, Tariff, build_tariff
from shared.energy.tariffs.schedule import DAY_MIN, Span

LONGEST_EVENT = timedelta(hours=48)
EVENT_LABEL = "ON_PEAK"
REST_LABEL = "OFF_PEAK"
EVENT_NAME = "Grid event"

_NO_CURRENCY = "USD"
_WEEK_MIN = 7 * DAY_MIN


def event_tariff(
    base: Mapping[str, Any] | None,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    *,
    peak_price: float = 1.0,
    rest_price: float = 0.1,
) -> Tariff:
    """The tariff of one event, in whole minutes: it begins and ends with the minutes that the event touches.

    On days when the clocks change, the hours are those that the site's clocks show during the event. An hour that
    comes twice is a peak both times, as a tariff cannot tell them apart.

    Args:
        base: The site's own tariff, for its currency and utility; None if there is none.
        start: Aware.
        end: Aware, excluded.
        zone: The site's.
        peak_price: Of buying and selling during the event, per kWh; above `rest_price`.
        rest_price: Of buying at all other times, 0 or more.

    Raises:
        ValueError: The times are naive, empty, or longer than `LONGEST_EVENT`; or the prices are the wrong way round.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("an event's times need their offset from UTC")
    if not timedelta() < end - start <= LONGEST_EVENT:
        raise ValueError(f"an event ends after it begins, and within {LONGEST_EVENT}")
    if not 0 <= rest_price < peak_price:
        raise ValueError("the peak has to cost more than the rest")
    known = base or {}
    plan = SeasonPlan(
        spans=_spans(start.astimezone(UTC), end.astimezone(UTC), zone),
        buy={EVENT_LABEL: peak_price, REST_LABEL: rest_price},
        sell={EVENT_LABEL: peak_price},
    )
    return build_tariff(
        name=EVENT_NAME,
        utility=_text(known, "utility"),
        currency=_text(known, "currency") or _NO_CURRENCY,
        seasons={"Summer": plan},
    )


def _text(base: Mapping[str, Any], key: str) -> str:
    value = base.get(key)
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=256)
def _spans(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Span, ...]:
    """The whole week in spans: neighbouring days that are alike are one. Cached: all sites of a zone share it."""
    peak = _peak_minutes(start, end, zone)
    days = [tuple(_runs(peak, weekday)) for weekday in range(7)]
    return tuple(_joined(days))


def _peak_minutes(start: datetime, end: datetime, zone: ZoneInfo) -> frozenset[int]:
    """Minutes of the week (from Monday 0:00) that the site's clocks show during the event."""
    moment = start.replace(second=0, microsecond=0)
    minutes = set()
    while moment < end:
        shown = moment.astimezone(zone)
        minutes.add(shown.weekday() * DAY_MIN + shown.hour * 60 + shown.minute)
        moment += timedelta(minutes=1)
    return frozenset(minutes)


def _runs(peak: frozenset[int], weekday: int) -> Iterator[tuple[int, int, str]]:
    """Start, end and label of each stretch of a weekday."""
    first = weekday * DAY_MIN
    for is_peak, run in groupby(range(first, first + DAY_MIN), key=peak.__contains__):
        minutes = list(run)
        yield minutes[0] - first, minutes[-1] - first + 1, EVENT_LABEL if is_peak else REST_LABEL


def _joined(days: list[tuple[tuple[int, int, str], ...]]) -> Iterator[Span]:
    for runs, group in groupby(range(7), key=days.__getitem__):
        weekdays = list(group)
        for start_min, end_min, label in runs:
            yield Span(weekdays[0], weekdays[-1], start_min, end_min, label)

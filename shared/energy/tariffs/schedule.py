"""A tariff's seasons, periods and prices as values, read out of Tesla's JSON.

Reading is lenient, because Tesla leaves out keys whose value is zero when a tariff is read back: a missing hour,
minute, weekday or price is 0, an end at 0:00 is midnight, a season without content is not used. A period that ends
before it begins runs over midnight: it covers the evening and the morning of each of its days. What cannot be read is
left out and noted in the findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from shared.energy.tariffs.problem import Findings

DAY_MIN = 1_440
ANY = "ALL"
"""Season or label that stands for all others."""
LONGEST_MONTH = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
MOST_SEASONS = 12
MOST_PERIODS = 500
"""Of a season: more than five-minute prices of a whole day."""

_LAST_WEEKDAY = 6
_LAST_HOUR = 24
_LAST_MINUTE = 59

MonthDay = tuple[int, int]


class Span(NamedTuple):
    """A stretch of a day with one label: weekdays `first_day` to `last_day`, minutes of the day, end excluded."""

    first_day: int
    last_day: int
    start_min: int
    end_min: int
    label: str


class Season(msgspec.Struct, frozen=True):
    """A part of the year, both ends (month, day) included, with its spans and prices by label."""

    name: str
    first: MonthDay
    last: MonthDay
    spans: tuple[Span, ...]
    rates: dict[str, float]

    def covers(self, day: MonthDay) -> bool:
        """Whether the day of the year belongs to the season, which may run over the new year."""
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last

    def of_day(self, weekday: int) -> list[Span]:
        """The spans of a weekday in the order of their start."""
        return sorted(
            (span for span in self.spans if span.first_day <= weekday <= span.last_day),
            key=lambda span: (span.start_min, span.end_min),
        )

    def price(self, label: str) -> float:
        """Per kWh; what has no price of its own has that of `ANY`, else 0."""
        return self.rates.get(label, self.rates.get(ANY, 0.0))


class Schedule(msgspec.Struct, frozen=True):
    """What a tariff says. `sell` are the seasons of feeding in: its own, or the buying ones with other prices."""

    buy: tuple[Season, ...] = ()
    sell: tuple[Season, ...] = ()


def schedule_of(tariff: Mapping[str, Any]) -> Schedule:
    """What can be read of the tariff."""
    return read_schedule(tariff, Findings())


def read_schedule(tariff: Mapping[str, Any], findings: Findings) -> Schedule:
    """What can be read of the tariff; what cannot goes to the findings."""
    buy = tuple(_seasons(tariff, "", findings))
    sold = tariff.get("sell_tariff")
    if not isinstance(sold, Mapping):
        return Schedule(buy)
    if has_seasons(sold):
        return Schedule(buy, tuple(_seasons(sold, "sell_tariff.", findings)))
    charges = sold.get("energy_charges")
    sell = [
        msgspec.structs.replace(season, rates=_rates(charges, season.name, "sell_tariff.", findings))
        for season in buy
    ]
    return Schedule(buy, tuple(sell))


def has_seasons(tariff: Mapping[str, Any]) -> bool:
    """Whether any season is filled in."""
    seasons = tariff.get("seasons")
    return isinstance(seasons, Mapping) and any(seasons.values())


def _seasons(tariff: Mapping[str, Any], prefix: str, findings: Findings) -> Iterator[Season]:
    seasons = tariff.get("seasons")
    named = list(seasons.items()) if isinstance(seasons, Mapping) else []
    if len(named) > MOST_SEASONS:
        findings.add(f"{prefix}seasons", f"A tariff has at most {MOST_SEASONS} seasons.")
    for name, content in named[:MOST_SEASONS]:
        path = f"{prefix}seasons.{name}"
        if not isinstance(content, Mapping):
            findings.add(path, "A season is an object with its dates and tou_periods.")
        elif content:
            ends = _dates(content, path, findings)
            spans = tuple(_spans(content.get("tou_periods"), f"{path}.tou_periods", findings))
            if ends is not None:
                yield Season(name, *ends, spans, _rates(tariff.get("energy_charges"), name, prefix, findings))


def _dates(content: Mapping[str, Any], path: str, findings: Findings) -> tuple[MonthDay, MonthDay] | None:
    """First and last (month, day). The 28th of February as last day takes the 29th along."""
    first = _date(content, "from", 1, path, findings)
    last = _date(content, "to", None, path, findings)
    if first is None or last is None:
        return None
    return first, ((2, 29) if last == (2, 28) else last)


def _date(
    content: Mapping[str, Any], side: str, missing_day: int | None, path: str, findings: Findings
) -> MonthDay | None:
    month = content.get(f"{side}Month")
    longest = LONGEST_MONTH.get(month) if isinstance(month, int) and not isinstance(month, bool) else None
    if longest is None or not isinstance(month, int):
        findings.add(path, f"{side}Month has to be a month from 1 to 12.")
        return None
    day = content.get(f"{side}Day")
    if day is None:
        findings.add(path, f"{side}Day is missing.")
        return month, missing_day or longest
    if not isinstance(day, int) or isinstance(day, bool) or not 1 <= day <= longest:
        findings.add(path, f"{side}Day has to be a day of month {month}, from 1 to {longest}.")
        return None
    return month, day


def _spans(groups: object, path: str, findings: Findings) -> Iterator[Span]:
    """The spans of all labels of a season."""
    if not isinstance(groups, Mapping) or not groups:
        findings.add(path, "A season needs its periods here, by label.")
        return
    periods = [period for label, group in groups.items() for period in _periods(group, label, path, findings)]
    if len(periods) > MOST_PERIODS:
        findings.add(path, f"A season has at most {MOST_PERIODS} periods.")
    for where, label, period in periods[:MOST_PERIODS]:
        yield from _span(period, label, where, findings)


def _periods(group: object, label: str, path: str, findings: Findings) -> Iterator[tuple[str, str, object]]:
    """Path, label and content of each period of a label."""
    periods = group.get("periods") if isinstance(group, Mapping) else None
    if not isinstance(periods, list) or not periods:
        findings.add(f"{path}.{label}", 'A label holds an object with a list "periods".')
        return
    for index, period in enumerate(periods):
        yield f"{path}.{label}.periods[{index}]", label, period


def _span(period: object, label: str, path: str, findings: Findings) -> Iterator[Span]:
    """One span, or two if the period runs over midnight; none if it cannot be read."""
    if not isinstance(period, Mapping):
        findings.add(path, "A period is an object with fromHour, toHour and so on.")
        return
    first_day = _whole(period, "fromDayOfWeek", _LAST_WEEKDAY, path, findings)
    last_day = _whole(period, "toDayOfWeek", _LAST_WEEKDAY, path, findings)
    start, end = _minute(period, "from", path, findings), _minute(period, "to", path, findings)
    if first_day is None or last_day is None or start is None or end is None:
        return
    if not {"toHour", "toMinute"} & period.keys():
        findings.add(path, "The end has to be given: toHour 0 or 24 for midnight.")
    if first_day > last_day:
        findings.add(path, "The days run over Sunday (Monday is 0): make two periods of it.")
        return
    yield from _pieces(first_day, last_day, start, end or DAY_MIN, label, path, findings)


def _pieces(
    first_day: int, last_day: int, start: int, end: int, label: str, path: str, findings: Findings
) -> Iterator[Span]:
    if start == end:
        findings.add(path, "The period ends when it begins.")
    elif start < end:
        yield Span(first_day, last_day, start, end, label)
    else:
        yield Span(first_day, last_day, start, DAY_MIN, label)
        yield Span(first_day, last_day, 0, end, label)


def _minute(period: Mapping[str, Any], side: str, path: str, findings: Findings) -> int | None:
    """Minute of the day, 0 to 1440."""
    hour = _whole(period, f"{side}Hour", _LAST_HOUR, path, findings)
    minute = _whole(period, f"{side}Minute", _LAST_MINUTE, path, findings)
    if hour is None or minute is None:
        return None
    if hour * 60 + minute > DAY_MIN - (side == "from"):
        findings.add(path, f"{side}Hour {hour} with {side}Minute {minute} is no time of a day.")
        return None
    return hour * 60 + minute


def _whole(period: Mapping[str, Any], key: str, most: int, path: str, findings: Findings) -> int | None:
    """A whole number from 0; 0 where the key is missing."""
    value = period.get(key)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        findings.add(path, f"{key} has to be a whole number from 0 to {most}.")
        return None
    return value


def _rates(charges: object, season: str, prefix: str, findings: Findings) -> dict[str, float]:
    """Prices by label of the season, of `ANY` season where it has none."""
    by_season = charges if isinstance(charges, Mapping) else {}
    name = season if by_season.get(season) else ANY
    content = by_season.get(name)
    rates = content.get("rates") if isinstance(content, Mapping) else None
    read: dict[str, float] = {}
    for label, price in rates.items() if isinstance(rates, Mapping) else ():
        if isinstance(price, (int, float)) and not isinstance(price, bool):
            read[label] = float(price)
        else:
            findings.add(f"{prefix}energy_charges.{name}.rates.{label}", "A price is a number.")
    return read

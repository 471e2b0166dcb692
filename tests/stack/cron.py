"""Cron lines as Cloud Scheduler reads them: minute, hour, day of month, month, day of week (0 and 7 are Sunday)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


class BadCronLine(Exception):
    """The line has not five fields of numbers, ranges, lists and steps."""


@dataclass(frozen=True, slots=True)
class CronLine:
    """The values that each field allows; `any_day` and `any_weekday` tell a star from a full list."""

    fields: tuple[frozenset[int], ...]
    any_day: bool
    any_weekday: bool

    def matches(self, moment: datetime) -> bool:
        """Whether the minute of `moment` is one of the line's."""
        minute, hour, day, month, weekday = self.fields
        if moment.minute not in minute or moment.hour not in hour or moment.month not in month:
            return False
        on_day, on_weekday = moment.day in day, moment.isoweekday() % 7 in weekday
        if self.any_day or self.any_weekday:
            return on_day and on_weekday
        return on_day or on_weekday


def parse_cron(line: str) -> CronLine:
    """The cron line. Raises BadCronLine."""
    parts = line.split()
    if len(parts) != len(_RANGES):
        raise BadCronLine(f"{line!r} has {len(parts)} fields")
    try:
        fields = [_values(part, *bounds) for part, bounds in zip(parts, _RANGES, strict=True)]
    except ValueError as error:
        raise BadCronLine(f"{line!r}: {error}") from None
    weekdays = frozenset(value % 7 for value in fields[4])
    return CronLine((*fields[:4], weekdays), parts[2].startswith("*"), parts[4].startswith("*"))


def until_next_minute(now: datetime) -> float:
    """Seconds to the next full minute."""
    following = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return (following - now).total_seconds()


def _values(field: str, least: int, most: int) -> frozenset[int]:
    return frozenset(value for part in field.split(",") for value in _span(part, least, most))


def _span(part: str, least: int, most: int) -> range:
    span, _, step = part.partition("/")
    if span == "*":
        first, last = least, most
    else:
        low, _, high = span.partition("-")
        first = int(low)
        last = int(high) if high else (most if step else first)
    if not least <= first <= last <= most or int(step or 1) < 1:
        raise ValueError(f"{part} is not within {least}-{most}")
    return range(first, last + 1, int(step or 1))

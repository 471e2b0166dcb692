"""Whether a tariff's periods fill each day, and its seasons the year, exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby

from shared.energy.tariffs.problem import Findings
from shared.energy.tariffs.schedule import DAY_MIN, MonthDay, Season

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

YEAR: tuple[MonthDay, ...] = tuple(
    (day.month, day.day) for day in (date(2024, 1, 1) + timedelta(days=passed) for passed in range(366))
)
"""Every day of a leap year."""


def check_days(season: Season, path: str, findings: Findings) -> None:
    """Each day of the season has a period at every minute, and only one; equal faults of several days are one."""
    days: dict[str, list[int]] = {}
    for weekday in range(7):
        for fault in _faults(season, weekday):
            days.setdefault(fault, []).append(weekday)
    for fault, weekdays in days.items():
        findings.add(path, f"{fault} on {day_names(weekdays)}.")


def check_year(seasons: Iterable[Season], path: str, findings: Findings) -> None:
    """Each day of the year has a season, and only one."""
    used = list(seasons)
    names = {day: tuple(season.name for season in used if season.covers(day)) for day in YEAR}
    for found, days in groupby(YEAR, key=lambda day: names[day]):
        if len(found) != 1:
            run = list(days)
            what = "No season covers" if not found else f"More than one season ({', '.join(found)}) covers"
            last = f" to {_date_words(run[-1])}" if len(run) > 1 else ""
            findings.add(path, f"{what} {_date_words(run[0])}{last}.")


def day_names(weekdays: list[int]) -> str:
    """The weekdays (Monday = 0, ascending) in words; a run of three or more by its ends."""
    if len(weekdays) > 2 and weekdays[-1] - weekdays[0] == len(weekdays) - 1:  # noqa: PLR2004 - shorter runs are listed
        return f"{WEEKDAYS[weekdays[0]]} to {WEEKDAYS[weekdays[-1]]}"
    return ", ".join(WEEKDAYS[weekday] for weekday in weekdays)


def clock(minute: int) -> str:
    """Minute of the day as ``16:00``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _faults(season: Season, weekday: int) -> Iterator[str]:
    filled, label = 0, ""
    for span in season.of_day(weekday):
        if span.start_min > filled:
            yield f"No period covers {clock(filled)} to {clock(span.start_min)}"
        elif span.start_min < filled:
            end = min(filled, span.end_min)
            yield f"{label} and {span.label} overlap from {clock(span.start_min)} to {clock(end)}"
        if span.end_min > filled:
            filled, label = span.end_min, span.label
    if filled < DAY_MIN:
        yield f"No period covers {clock(filled)} to {clock(DAY_MIN)}"


def _date_words(day: MonthDay) -> str:
    return f"{day[1]} {_MONTHS[day[0] - 1]}"

"""Local time of a site, cheap enough to be asked at every step of a battery's life."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

HOUR_S, DAY_S = 3_600, 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class LocalTime(NamedTuple):
    """A day (counted from 1970-01-01) and the minute of it, 0..1439, on the wall clock of a zone."""

    day: int
    minute: int

    @property
    def weekday(self) -> int:
        """0 for Monday, as in Tesla's tariffs."""
        return (self.day + 3) % 7


def local_time(zone: str, at_s: float) -> LocalTime:
    """Wall clock of an IANA zone at a Unix time."""
    wall_s = int(at_s) + offset_s(zone, int(at_s) // HOUR_S)
    return LocalTime(wall_s // DAY_S, wall_s % DAY_S // 60)


@lru_cache(maxsize=65_536)
def offset_s(zone: str, hour: int) -> int:
    """Seconds ahead of UTC in the hour that is `hour` hours after 1970; clocks change on full hours only."""
    offset = datetime.fromtimestamp(hour * HOUR_S, UTC).astimezone(_zone(zone)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


@lru_cache(maxsize=4_096)
def month_and_day(day: int) -> tuple[int, int]:
    """Month and day of the month of a day counted from 1970-01-01."""
    found = date.fromordinal(_EPOCH_ORDINAL + day)
    return found.month, found.day


def offset_h(zone: str, at_s: float) -> float:
    """Hours ahead of UTC at a Unix time."""
    return offset_s(zone, int(at_s) // HOUR_S) / HOUR_S


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)

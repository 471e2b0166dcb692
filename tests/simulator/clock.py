"""The simulator's clock: real time plus what tests have advanced it by."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone


class Clock:
    """Unix time in seconds that only moves forward."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time() + self.offset_s

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` (>= 0) and return the new time.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self.offset_s += seconds
        return self.now()

    def midnight(self) -> float:
        """Unix time of the present day's start, UTC."""
        return self.now() // 86_400 * 86_400


def iso(unix_s: float, offset_h: int = 0) -> str:
    """`2026-01-15T10:00:00+02:00` for a Unix time in seconds and a zone's hours from UTC."""
    return datetime.fromtimestamp(int(unix_s), timezone(timedelta(hours=offset_h))).isoformat()


def parse_iso(text: str) -> float:
    """Unix seconds of an ISO 8601 time; without an offset it is taken as UTC.

    Raises:
        ValueError: not an ISO 8601 time.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso_z(unix_s: float) -> str:
    """`2026-01-15T10:00:00Z` for a Unix time in seconds."""
    return iso(unix_s).replace("+00:00", "Z")

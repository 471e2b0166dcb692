"""The simulator's clock: real time, run faster if asked to, plus what tests have advanced it by."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple


class Clock:
    """Unix time in seconds that only moves forward; `rate` simulated seconds pass per real one, 0 stands still.

    It begins at `start_s`, without it at real time.
    """

    def __init__(self, rate: float = 1.0, start_s: float | None = None) -> None:
        real_s = time.time()
        self._line = _Line(real_s, real_s if start_s is None else start_s, _checked(rate))

    def now(self) -> float:
        """Unix time in seconds."""
        return self._line.at(time.time())

    @property
    def rate(self) -> float:
        """Simulated seconds per real second."""
        return self._line.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        """Run at another rate from now on, without a jump.

        Raises:
            ValueError: negative or without end.
        """
        real_s = time.time()
        self._line = _Line(real_s, self._line.at(real_s), _checked(rate))

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` (>= 0) and return the new time.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        real_s = time.time()
        self._line = _Line(real_s, self._line.at(real_s) + seconds, self._line.rate)
        return self.now()

    def midnight(self) -> float:
        """Unix time of the present day's start, UTC."""
        return self.now() // 86_400 * 86_400


class _Line(NamedTuple):
    """Simulated time `start_s` at real time `since_s`, then `rate` per second.

    One object, replaced as a whole, because tests turn the clock from another thread than the server's.
    """

    since_s: float
    start_s: float
    rate: float

    def at(self, real_s: float) -> float:
        """The simulated time of a real one."""
        return self.start_s + (real_s - self.since_s) * self.rate


def _checked(rate: float) -> float:
    if not 0 <= rate < float("inf"):
        raise ValueError("the clock's rate is a number from 0")
    return rate


def iso(unix_s: float, offset_h: float = 0) -> str:
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

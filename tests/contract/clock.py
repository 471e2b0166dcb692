"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class HeldClock:
    """Waiting moves it, nothing else does."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """The start plus all waiting."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """All waiting so far."""
        return self._elapsed_s

    def sleep(self, seconds: float) -> None:
        """Move on, at once."""
        self._elapsed_s += seconds

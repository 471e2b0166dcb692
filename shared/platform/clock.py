"""The system's clock as a port."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.platform.ports import Clock


class SystemClock:
    """Wall time in UTC and real waiting."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait in this process."""
        time.sleep(seconds)


class OffsetClock(SystemClock):
    """The system's clock, ahead by the seconds that a file holds: all processes of one machine move on together.

    For demonstrations and tests that pass through hours in seconds; what waits in a process waits in real time.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._known = path, (0, 0.0)

    def now(self) -> datetime:
        """The moment, in UTC. A file that is not there, or is being written, changes nothing."""
        return super().now() + timedelta(seconds=self._ahead_s())

    def _ahead_s(self) -> float:
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._known[0]:
                self._known = (changed, float(self._path.read_text()))
        except (OSError, ValueError):
            pass
        return self._known[1]


def clock_of(environ: Mapping[str, str]) -> Clock:
    """The process's clock: the system's, or one that runs ahead of it (see `Settings.clock_offset_file`)."""
    path = environ.get("CLOCK_OFFSET_FILE", "")
    return OffsetClock(Path(path)) if path and "K_SERVICE" not in environ else SystemClock()

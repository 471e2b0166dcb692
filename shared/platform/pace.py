"""Pacing: at most so many starts a second in this process, evenly spread."""

from __future__ import annotations

import threading

from shared.platform.ports import Clock


class Pace:
    """Starts in any number of threads, `per_s` of them a second. A pause is not made up for by a burst."""

    def __init__(self, clock: Clock, per_s: float) -> None:
        self._clock, self._apart_s = clock, 1 / per_s
        self._lock, self._next = threading.Lock(), 0.0

    def wait(self) -> None:
        """Wait in this process until it is this caller's turn."""
        with self._lock:
            now = self._clock.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._apart_s
        if turn > now:
            self._clock.sleep(turn - now)

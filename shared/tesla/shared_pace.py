"""A pace that all processes keep together: turns, evenly apart, handed out in portions.

The store holds when the next turn is free. A process takes a few turns at a time, more while it uses them up, and
loses those that it lets pass, so that turns saved up never come in a burst.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

import msgspec

from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore
from shared.tesla.counting import change_or_create
from shared.tesla.errors import PlanLimitReached

_KEY = "requests"
_KEPT = timedelta(days=1)


class NextTurn(msgspec.Struct, frozen=True, kw_only=True):
    """From when on turns are free."""

    at: datetime
    expires_at: datetime


class SharedPace:
    """Turns of the application, `per_s` a second. Collection: `paces`.

    A wait of up to `longest_wait_s` is made here; what would take longer is the caller's to plan.
    """

    def __init__(self, store: DocumentStore, clock: Clock, *, per_s: int, longest_wait_s: float) -> None:
        self._next = Collection(store, "paces", NextTurn)
        self._clock, self._per_s = clock, per_s
        self._apart, self._longest = timedelta(seconds=1 / per_s), timedelta(seconds=longest_wait_s)
        self._lock, self._turns = threading.Lock(), deque[datetime]()
        self._portion, self._missed = 0, 0

    def wait(self) -> None:
        """Wait until it is this caller's turn. Raises PlanLimitReached where that is too far off."""
        with self._lock:
            turn = self._take()
        wait_s = (turn - self._clock.now()).total_seconds()
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def _take(self) -> datetime:
        now = self._clock.now()
        while self._turns and self._turns[0] + self._apart <= now:
            self._turns.popleft()
            self._missed += 1
        if not self._turns:
            self._reserve()
        return self._turns.popleft()

    def _reserve(self) -> None:
        """Up to a second's turns, twice as many as last time where most of those were used."""
        used_up = self._missed * 2 <= self._portion
        portion = min(max(1, self._portion * 2), self._per_s) if used_up else 1
        first = self._clock.now()

        def change(turn: NextTurn) -> NextTurn:
            nonlocal first
            now = self._clock.now()
            first = max(turn.at, now)
            if first - now > self._longest:
                raise PlanLimitReached("requests a second", first, now)
            end = first + portion * self._apart
            return NextTurn(at=end, expires_at=end + _KEPT)

        change_or_create(self._next, _KEY, NextTurn(at=first, expires_at=first + _KEPT), change, self._clock)
        self._portion, self._missed = portion, 0
        self._turns.extend(first + number * self._apart for number in range(portion))

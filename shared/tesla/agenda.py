"""What an engine sends next and when: requests in the order of their turns, paced."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator

from shared.tesla.many import Ask

_CATCH_UP_S = 0.05
"""Starts missed for at most this long are made up for; more would be a burst."""


class Agenda:
    """The requests of one run. Moments are of one monotonic clock, which the caller reads."""

    def __init__(self, asks: Iterable[Ask], *, per_second: float = 0.0) -> None:
        self._source: Iterator[Ask] | None = iter(asks)
        self._later: list[tuple[float, int, Ask]] = []
        self._numbers = itertools.count()
        self._apart_s = 1 / per_second if per_second else 0.0
        self._turn_s = 0.0

    def add(self, ask: Ask) -> None:
        """One more. Those whose time has come go before what is still in the source."""
        heapq.heappush(self._later, (ask.not_before_s, next(self._numbers), ask))

    def take(self, now_s: float) -> Ask | None:
        """The request to start now, None when it is nobody's turn."""
        if self._apart_s and now_s < self._turn_s:
            return None
        ask = self._due(now_s)
        if ask is not None and self._apart_s:
            self._turn_s = max(self._turn_s, now_s - _CATCH_UP_S) + self._apart_s
        return ask

    def next_s(self) -> float | None:
        """The earliest moment at which `take` may give something, None when there is nothing left.

        Meant for after a `take` that gave nothing: until then the source may hold something due at once.
        """
        if self._source is not None:
            return self._turn_s
        return max(self._turn_s, self._later[0][0]) if self._later else None

    def rest(self) -> Iterator[Ask]:
        """Everything that is left, which it forgets."""
        source, self._source = self._source, None
        yield from [entry[-1] for entry in self._later]
        self._later.clear()
        yield from source or ()

    def _due(self, now_s: float) -> Ask | None:
        if self._later and self._later[0][0] <= now_s:
            return heapq.heappop(self._later)[-1]
        while (ask := self._from_source()) is not None:
            if ask.not_before_s <= now_s:
                return ask
            self.add(ask)
        return None

    def _from_source(self) -> Ask | None:
        if self._source is None:
            return None
        ask = next(self._source, None)
        if ask is None:
            self._source = None
        return ask

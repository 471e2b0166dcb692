"""What holds for a shard now: the dispatch's state, looked up again while commands are going out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from shared.energy.dispatch.book import Book
from shared.energy.dispatch.model import Dispatch
from shared.energy.dispatch.records import Stage
from shared.energy.dispatch.shelf import Shelf
from shared.energy.dispatch.steps import Conditions, Patience
from shared.platform.ports import Clock

_LOOK_AGAIN_S = 2.0
_HOLDING = frozenset((Stage.COMMANDING, Stage.ACTIVE, Stage.RESTORING))


class StandingOrder:
    """Gives the conditions of one shard's run. A cancel, a stop or a newer modification is heard within 2 seconds."""

    def __init__(
        self,
        book: Book,
        clock: Clock,
        dispatch: Dispatch,
        shelf: Shelf,
        *,
        patience: Patience,
        still_held: frozenset[str],
        enabled: bool,
    ) -> None:
        self._book, self._clock, self._dispatch = book, clock, dispatch
        signal = dispatch.signal
        self._seen_at = clock.monotonic()
        self._conditions = Conditions(
            strategy=signal.strategy,
            command_from=dispatch.plan.command_from,
            ends_at=signal.ends_at,
            over=not enabled or dispatch.over(clock.now()),
            still_held=still_held,
            event_tariff=partial(shelf.for_event, start=signal.start, end=signal.ends_at),
            patience=patience,
        )

    def __call__(self) -> Conditions:
        """What holds now."""
        if self._clock.monotonic() - self._seen_at >= _LOOK_AGAIN_S and not self._conditions.over:
            self._seen_at = self._clock.monotonic()
            self._look()
        return self._conditions

    def _look(self) -> None:
        found = self._book.get(self._dispatch.signal.id)
        if found is None or found.over(self._clock.now()):
            self._conditions = replace(self._conditions, over=True)
        elif _plan(found) != _plan(self._dispatch):
            # What the old one did is the new one's to judge; its own message brings the rest.
            self._conditions = replace(self._conditions, paused=True)


def _plan(dispatch: Dispatch) -> tuple[int, bool]:
    """Which of the plans that an event may have in its time."""
    return dispatch.signal.modification, dispatch.plan.renewed


def held_by_others(book: Book, dispatch: str, shard: str, live: Callable[[], dict[str, Dispatch]]) -> frozenset[str]:
    """The shard's sites that another live dispatch has its hands on."""
    held: set[str] = set()
    for name in live():
        stored = book.records(name, shard) if name != dispatch else None
        if stored is not None:
            held.update(record.energy_site_id for record in stored.value.records() if record.stage in _HOLDING)
    return frozenset(held)

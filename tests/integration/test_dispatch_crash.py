"""A worker that dies between any two side effects: every site restored, none commanded twice, the trail whole.

The worker dies by an exception that nothing catches, at the n-th write, message or answer; what it held in memory is
gone with it, and the next one comes when its lease is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.energy.dispatch.desk import DispatchDesk
from shared.energy.dispatch.model import State, Strategy
from shared.energy.dispatch.records import Outcome, Restoration
from shared.platform.due import DueList
from shared.platform.ports import DocumentStore, Event, EventBus
from shared.tesla.many import Ask, Engine, Hear, Told
from tests.integration.dispatch_place import Place, running_place
from tests.simulator import Simulator, SimulatorConfig

SITES = 5
LEASE_S = 150.0
WRITES = frozenset(("create", "put", "replace", "delete"))


class Died(BaseException):
    """kill -9, as far as one process can."""


class Life:
    """Side effects that are left; with the last one the worker dies, after it took effect or before."""

    def __init__(self, left: int | None = None, *, before: bool = False) -> None:
        self.left, self.before, self.seen = left, before, 0

    def spend(self, effect: Callable[[], Any]) -> Any:
        """Let one take effect, or die with it."""
        self.seen += 1
        if self.left is not None and (self.seen > self.left or (self.before and self.seen == self.left)):
            raise Died  # the dead do nothing any more, not even release what they hold
        result = effect()
        if self.seen == self.left:
            raise Died
        return result


class MortalStore:
    """A document store whose writes count."""

    def __init__(self, store: DocumentStore, life: Life) -> None:
        self._store, self._life = store, life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in WRITES:
            return method
        return lambda *args, **options: self._life.spend(lambda: method(*args, **options))


class MortalBus:
    """A bus whose messages count."""

    def __init__(self, bus: EventBus, life: Life) -> None:
        self._bus, self._life = bus, life

    def publish(self, event: Event) -> Any:
        """Publish, if there is life left."""
        return self._life.spend(lambda: self._bus.publish(event))


class MortalEngine:
    """An engine whose answers count: dying there leaves requests that Tesla executed and nobody heard of."""

    def __init__(self, engine: Engine, life: Life) -> None:
        self._engine, self._life = engine, life

    def run(self, asks: Iterable[Ask], hear: Hear, **options: Any) -> None:
        """Run, if there is life left."""

        def heard(ask: Ask, told: Told) -> Ask | None:
            return self._life.spend(lambda: hear(ask, told))  # type: ignore[no-any-return]  # what hear gives

        self._engine.run(asks, heard, **options)


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a few sites, none of which is in a mode that an event asks for."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, seed=5, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


def mortal(place: Place, life: Life) -> DispatchDesk:
    """A desk that dies when its life is spent."""
    chosen = bootstrap.settings()
    store: Any = MortalStore(bootstrap.documents(), life)
    bus: Any = MortalBus(bootstrap.events(), life)
    due = DueList(store, bus, place.lab.clock, again_s=chosen.due_again_s, grace_s=chosen.outbox_grace_s)
    return place.desk_of(store=store, due=due, engine=MortalEngine(bootstrap.engine(), life))


def event(place: Place, life: Life, strategy: Strategy) -> bool:
    """A whole event of which one worker dies at that point; whether it came to that."""
    place.desk.service.receive(place.signal(strategy=strategy, target_kw=500.0, minutes=20), "utility")
    dying = mortal(place, life)
    died = False
    for step in count():
        place.forward(60)
        place.poll()
        if not died:
            try:
                place.work_off(desk=dying)
            except Died:
                died = True
                place.forward(LEASE_S)
        place.work_off()
        if step > 25 and place.dispatch().state.final:
            return died
        assert step < 80, "the event never ends"
    return died


@pytest.mark.parametrize("strategy", [Strategy.DISCHARGE, Strategy.EXPORT])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("point", [2, 5, 8, 12, 16, 20, 25, 38, 55])
def test_whoever_dies_where_everything_is_put_back(
    tesla: Simulator, tmp_path: Path, strategy: Strategy, point: int, *, before: bool
) -> None:
    life = Life(point, before=before)
    with running_place(tesla, tmp_path, shards=1, lease_s=LEASE_S - 30, spare_s=10.0) as place:
        assert event(place, life, strategy), f"only {life.seen} side effects"
        assert place.dispatch().state is State.DONE
        assert place.changed() == []
        assert place.too_often() == []
        records = place.records()
        assert {record.outcome for record in records} == {Outcome.CONFIRMED}
        assert {record.restoration for record in records} <= {Restoration.RESTORED, Restoration.NOTHING_CHANGED}
        trail = place.desk.proof.trail("event")
        for record in records:
            told = [row.what for row in trail if row.site == record.energy_site_id]
            assert {"committed", "active", str(record.restoration)} <= set(told)
            assert told.count("committed") == 1

"""Signals in an order that nobody wishes for, against real stores and the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from msgspec.structs import replace

from shared import bootstrap
from shared.energy.dispatch.answers import Verdict
from shared.energy.dispatch.model import Kind, State
from shared.energy.dispatch.records import Outcome
from shared.energy.model import OwnerLimits, RosterSite
from shared.platform.errors import WorkBusy
from tests.integration.dispatch_place import Place, running_place
from tests.simulator import Simulator, SimulatorConfig

Opened: TypeAlias = Callable[..., AbstractContextManager[Place]]
SITES = 8


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with eight sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def place(tesla: Simulator, tmp_path: Path) -> Iterator[Place]:
    opened: Opened = partial(running_place, tesla, tmp_path)
    with opened() as found:
        yield found


def test_an_older_signal_that_comes_after_one_that_was_too_late_is_not_executed(place: Place) -> None:
    service, first = place.desk.service, place.signal(modification=1)
    place.forward(600)
    shortened = replace(first, modification=2, end=first.start + timedelta(minutes=1))
    assert service.receive(shortened, "utility").verdict is Verdict.EXPIRED
    assert service.receive(first, "utility").verdict is Verdict.SUPERSEDED
    assert (place.work_off(), place.commands()) == (0, {})


def test_an_older_signal_that_comes_after_a_refused_one_is_not_executed_and_a_newer_one_is(place: Place) -> None:
    service = place.desk.service
    place.forward(1_500)  # no reading is fresh
    newer = place.signal(modification=2)
    assert service.receive(newer, "utility").verdict is Verdict.REFUSED
    place.poll()
    assert service.receive(replace(newer, modification=1), "utility").verdict is Verdict.SUPERSEDED
    assert service.receive(replace(newer, modification=3), "utility").verdict in {Verdict.ACCEPTED, Verdict.LESS}


def test_a_cancel_with_the_numbers_of_its_event_ends_it(place: Place) -> None:
    service, signal = place.desk.service, place.signal(target_kw=500.0)
    service.receive(signal, "utility")
    place.forward(60)
    place.work_off()
    assert place.changed()
    cancel = replace(signal, kind=Kind.CANCEL)
    assert service.receive(cancel, "utility").verdict is Verdict.CANCELLED
    place.work_off()
    assert (place.changed(), place.dispatch().state) == ([], State.CANCELLED)
    assert service.receive(replace(signal, modification=1), "utility").verdict is Verdict.OVER


def test_sites_that_a_smaller_modification_left_out_are_there_for_a_larger_one(place: Place) -> None:
    service, first = place.desk.service, place.signal(start=place.now + timedelta(minutes=8), target_kw=500.0)
    most = service.receive(first, "utility").plan
    place.work_off()
    less = service.receive(replace(first, modification=1, target_kw=1.0), "utility").plan
    place.work_off()
    again = service.receive(replace(first, modification=2), "utility").plan
    assert most is not None
    assert less is not None
    assert again is not None
    assert less.sites + less.bench < again.sites == most.sites
    place.live_through(10)
    assert sum(record.outcome is Outcome.CONFIRMED for record in place.records()) == again.sites
    place.live_through(70)
    assert place.changed() == []


def test_an_owner_who_left_the_event_is_not_planned_with_again(place: Place) -> None:
    service, first = place.desk.service, place.signal(start=place.now + timedelta(minutes=20), target_kw=500.0)
    before = service.receive(first, "utility").plan
    place.work_off()
    chosen = place.records()[0].energy_site_id
    shard = next(name for name in bootstrap.shards().index().sites if chosen in bootstrap.shards().roster(name))
    service.opt_out("event", chosen, shard, "owner")
    after = service.receive(replace(first, modification=1), "utility").plan
    assert before is not None
    assert after is not None
    assert after.sites == before.sites - 1


def test_an_event_that_is_being_restored_is_not_prolonged(place: Place) -> None:
    service, first = place.desk.service, place.signal(target_kw=500.0, minutes=15)
    service.receive(first, "utility")
    place.forward(60)
    place.work_off()
    place.simulator.add_fault("operation", "status", status=403, body="forbidden")
    place.live_through(20)
    assert place.dispatch().state is State.RESTORING
    longer = replace(first, modification=1, end=first.start + timedelta(hours=2))
    assert service.receive(longer, "utility").verdict is Verdict.OVER


class Meanwhile:
    """A store that lets something happen before the first look at a collection."""

    def __init__(self, store: Any, collection: str, happens: Callable[[], object]) -> None:
        self._store, self._collection, self._happens = store, collection, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, collection: str, key: str) -> Any:
        """As the store's."""
        if collection == self._collection:
            self._collection = ""
            self._happens()
        return self._store.get(collection, key)


def test_of_two_signals_at_a_time_the_older_one_never_writes_over_the_newer_ones_plan(place: Place) -> None:
    older, newer = place.signal(target_kw=1.0), place.signal(target_kw=500.0, modification=1)
    store = Meanwhile(bootstrap.documents(), "signals", lambda: place.desk.service.receive(newer, "utility"))
    with pytest.raises(WorkBusy):
        place.desk_of(store=store).service.receive(older, "utility")
    assert place.desk.service.receive(older, "utility").verdict is Verdict.SUPERSEDED
    place.forward(60)
    place.work_off()
    assert len(place.commands()) > 1


def test_events_that_are_still_to_come_count_for_an_owners_monthly_limit(place: Place) -> None:
    service = place.desk.service
    chosen = min(place.sites)
    for shard in bootstrap.shards().index().sites:
        if site := bootstrap.shards().roster(shard).get(chosen):
            limited = replace(site, limits=OwnerLimits(events_per_month=1))
            bootstrap.shards().change(shard, {chosen: partial(_there, limited)})
    month = (place.now.replace(day=1) + timedelta(days=40)).replace(day=10)
    first = service.receive(place.signal("first", start=month, target_kw=500.0), "utility").plan
    second = service.receive(place.signal("second", start=month + timedelta(days=1), target_kw=500.0), "utility").plan
    assert first is not None
    assert second is not None
    assert "owner_limit" not in first.excluded
    assert second.excluded["owner_limit"] == 1
    assert second.sites == first.sites - 1


def test_an_event_wins_a_site_that_has_moved_to_another_shard_meanwhile(place: Place) -> None:
    service, shards = place.desk.service, bootstrap.shards()
    only = shards.roster("0000")
    shards.change("0000", dict.fromkeys(only, _gone))
    service.receive(place.signal("weak", target_kw=500.0, priority=5), "utility")
    shards.change("0000", {name: partial(_there, site) for name, site in only.items()})
    moved, site = next(iter(shards.roster("0001").items()))
    shards.change("0001", {moved: _gone})
    shards.change("0000", {moved: partial(_there, site)})
    shards.change_tokens("0000", shards.tokens("0001"))
    place.poll()
    answer = service.receive(place.signal("strong", target_kw=500.0, minutes=30), "utility")
    assert answer.plan is not None
    assert answer.plan.sites == SITES
    place.forward(60)
    for _ in range(4):
        place.work_off()
        place.forward(31)
    assert {one.energy_site_id for one in place.records("strong") if one.outcome is Outcome.CONFIRMED} == set(
        place.sites
    )
    place.live_through(80)
    assert place.changed() == []


def _gone(_before: RosterSite | None) -> None:
    return None


def _there(site: RosterSite, _before: RosterSite | None) -> RosterSite:
    return site

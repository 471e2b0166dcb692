"""Events against the simulator: commanded, read back, delivering, restored; one outcome for every kind of signal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from shared import bootstrap
from shared.energy.dispatch.answers import Verdict
from shared.energy.dispatch.model import DispatchMessage, Kind, State, Strategy
from shared.energy.dispatch.records import Outcome, Restoration, Stage
from shared.tesla.many import Ask, Hear, Told
from tests.integration.dispatch_place import Place, running_place
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

Opened: TypeAlias = Callable[..., AbstractContextManager[Place]]
SITES = 12


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a dozen sites."""
    with Simulator(
        SimulatorConfig(accounts=1, vehicles=0, sites=SITES, mixed_settings=True, empty_site=False)
    ) as simulator:
        yield simulator


@pytest.fixture
def opened(tesla: Simulator, tmp_path: Path) -> Opened:
    return partial(running_place, tesla, tmp_path)


@pytest.fixture
def place(opened: Opened) -> Iterator[Place]:
    with opened() as found:
        yield found


@pytest.mark.parametrize("strategy", [Strategy.DISCHARGE, Strategy.EXPORT, Strategy.HOLD])
def test_an_event_from_signal_to_restored(place: Place, strategy: Strategy) -> None:
    asked = place.signal(strategy=strategy, target_kw=8.0)
    answer = place.desk.service.receive(asked, "utility")
    assert answer.verdict in {Verdict.ACCEPTED, Verdict.LESS}
    assert answer.plan is not None
    assert place.commands() == {}
    place.forward(60)
    place.work_off()
    ran = [record for record in place.records() if record.took_part]
    assert len(ran) == answer.plan.sites > 0
    assert {record.outcome for record in ran} == {Outcome.CONFIRMED}
    assert {record.stage for record in ran} == {Stage.ACTIVE}
    wanted = {Strategy.DISCHARGE: "self_consumption", Strategy.EXPORT: "autonomous", Strategy.HOLD: "backup"}[
        strategy
    ]
    assert {place.settings(record.energy_site_id)[0] for record in ran} == {wanted}
    place.live_through(40)
    assert place.dispatch().state is State.ACTIVE
    place.live_through(40)
    ended = place.dispatch()
    assert (ended.state, ended.live) == (State.DONE, False)
    assert place.changed() == []
    facts = place.desk.proof.facts("event")
    ends = {record.restoration for record in facts.records}
    assert ends <= {Restoration.RESTORED, Restoration.NOTHING_CHANGED}
    assert place.too_often() == []
    if strategy is not Strategy.HOLD:
        assert facts.settlement.mean_kw > 0.5 * answer.plan.committed_kw
        assert {record.outcome for record in facts.records if record.times.delivering_at} == {Outcome.CONFIRMED}
    assert {"committed", "command_accepted", "read_back", "put_back"} <= {
        row.what for row in place.desk.proof.trail("event")
    }


@pytest.mark.parametrize("contract", ["published", "brief"])
def test_the_form_that_the_host_knows_is_found_and_no_site_is_commanded_twice(
    tesla: Simulator, opened: Opened, contract: str
) -> None:
    tesla.control.configure({"energy_contract": contract})
    try:
        with opened() as place:
            place.desk.service.receive(place.signal(strategy=Strategy.EXPORT, target_kw=20.0), "utility")
            place.forward(60)
            place.work_off()
            place.desk.service.cancel("event", "operator", "test")
            place.work_off()
            assert place.dispatch().state is State.CANCELLED
            assert place.changed() == []
            sent = [command for found in place.commands().values() for command in found]
            assert len(sent) == sum(len(set(found)) for found in place.commands().values())
            methods = {method for method, endpoint, _ in sent if endpoint == "operation"}
            assert methods == ({"POST"} if contract == "published" else {"PUT"})
            tariffs = {endpoint for _, endpoint, body in sent if "energy_charges" in body}
            assert tariffs == ({"time_of_use_settings"} if contract == "published" else {"tariff_rate"})
    finally:
        tesla.control.configure({"energy_contract": "published"})


def test_the_same_signal_again_gets_the_same_answer_and_a_late_one_changes_nothing(place: Place) -> None:
    service, first = place.desk.service, place.signal()
    answer = service.receive(first, "utility")
    assert service.receive(first, "utility") == answer
    newer = place.signal(modification=2, start=first.start, minutes=30)
    assert service.receive(newer, "utility").verdict is answer.verdict
    late = place.signal(modification=1, start=first.start, target_kw=90.0)
    assert service.receive(late, "utility").verdict is Verdict.SUPERSEDED
    assert place.dispatch().signal == newer


def test_a_cancel_that_overtakes_its_event_keeps_it_from_beginning(place: Place) -> None:
    service = place.desk.service
    cancel = place.signal(modification=1, kind=Kind.CANCEL)
    assert service.receive(cancel, "utility").verdict is Verdict.CANCELLED
    assert service.receive(place.signal(), "utility").verdict is Verdict.SUPERSEDED
    assert service.receive(place.signal(modification=2), "utility").verdict is Verdict.OVER
    place.forward(300)
    place.work_off()
    assert (place.dispatch().state, place.commands()) == (State.CANCELLED, {})


def test_a_signal_that_comes_after_its_end_is_not_executed(place: Place) -> None:
    asked = place.signal(minutes=5)
    place.forward(600)
    assert place.desk.service.receive(asked, "utility").verdict is Verdict.EXPIRED
    assert place.work_off() == 0


def test_shortening_restores_at_the_new_end(place: Place) -> None:
    asked = place.signal(minutes=120)
    place.desk.service.receive(asked, "utility")
    place.forward(60)
    place.work_off()
    running = {record.energy_site_id for record in place.records() if record.stage is Stage.ACTIVE}
    place.live_through(10)
    shorter = place.signal(minutes=20, modification=1, start=asked.start)
    assert place.desk.service.receive(shorter, "utility").verdict is Verdict.ACCEPTED
    place.work_off()
    still = {record.energy_site_id for record in place.records() if record.stage is Stage.ACTIVE}
    assert still <= running
    assert still
    place.live_through(15)
    assert place.dispatch().state is State.DONE
    assert place.changed() == []


def test_ending_in_the_past_ends_it_now(place: Place) -> None:
    asked = place.signal(minutes=120)
    place.desk.service.receive(asked, "utility")
    place.forward(60)
    place.work_off()
    place.forward(900)
    over = place.signal(minutes=10, modification=1, start=asked.start)
    assert place.desk.service.receive(over, "utility").verdict is Verdict.ACCEPTED
    place.work_off()
    assert place.dispatch().state is State.DONE
    assert place.changed() == []


def test_an_owners_change_during_the_event_stays(place: Place) -> None:
    place.desk.service.receive(place.signal(target_kw=50.0, strategy=Strategy.EXPORT), "utility")
    place.forward(60)
    place.work_off()
    touched = {site for site, sent in place.commands().items() if any(end == "operation" for _, end, _ in sent)}
    chosen = min(touched)
    place.simulator.control.change_site(chosen, SiteChange(mode="backup"))
    place.live_through(80)
    assert place.site(chosen).settings.mode == "backup"
    assert set(place.changed()) <= {chosen}
    ended = next(record for record in place.records() if record.energy_site_id == chosen)
    assert (ended.restoration, ended.owner_changed) == (Restoration.LEFT_TO_OWNER, True)
    assert ("changed_outside", "outside") in {(row.what, row.actor) for row in place.desk.proof.trail("event")}


def test_an_owner_who_leaves_one_event_is_restored_at_once(place: Place) -> None:
    place.desk.service.receive(place.signal(target_kw=50.0), "utility")
    place.forward(60)
    place.work_off()
    chosen = min(place.commands())
    shard = next(shard for shard in ("0000", "0001") if place.desk.book.plan("event", shard).sites().get(chosen))  # type: ignore[union-attr]  # both shards have a plan
    place.desk.service.opt_out("event", chosen, shard, "owner", "guests")
    place.work_off()
    assert place.settings(chosen) == place.found[chosen]
    assert place.dispatch().state is not State.DONE
    others = set(place.commands()) - {chosen}
    assert all(place.settings(site) != place.found[site] for site in others)


def test_stop_ends_and_restores_everything_and_a_disabled_service_takes_nothing(opened: Opened) -> None:
    with opened() as place:
        for name in ("one", "two"):
            place.desk.service.receive(place.signal(name, target_kw=4.0), "utility")
        place.forward(60)
        place.work_off()
        assert place.changed()
        assert sorted(place.desk.service.stop_all("operator", "drill")) == ["one", "two"]
        place.work_off()
        assert place.changed() == []
        assert {place.dispatch(name).state for name in ("one", "two")} == {State.CANCELLED}
        assert place.desk.service.stop_all("operator") == []


def test_switching_dispatch_off_restores_what_runs(opened: Opened, tesla: Simulator, tmp_path: Path) -> None:
    with opened() as place:
        place.desk.service.receive(place.signal(target_kw=20.0), "utility")
        place.forward(60)
        place.work_off()
        assert place.changed()
        place.work = replace(place.work, enabled=False)
        place.forward(301)
        place.work_off()
        assert place.changed() == []
        assert place.desk.service.receive(place.signal("new"), "utility").verdict is Verdict.DISABLED


def test_two_events_never_have_one_site_and_the_stronger_one_wins(place: Place) -> None:
    service = place.desk.service
    service.receive(place.signal("weak", target_kw=500.0, priority=5), "utility")
    place.forward(60)
    place.work_off()
    before = set(place.commands())
    equal = service.receive(place.signal("equal", target_kw=500.0, priority=5), "utility")
    assert equal.verdict is Verdict.REFUSED
    assert equal.plan is not None
    assert equal.plan.excluded.get("in_another_event") == len(before) or equal.plan.excluded["in_another_event"] > 0
    strong = service.receive(place.signal("strong", target_kw=6.0, priority=0, minutes=30), "utility")
    assert strong.verdict is Verdict.ACCEPTED
    place.forward(60)
    for _ in range(4):
        place.work_off()
        place.forward(31)
    held = {
        record.energy_site_id: name
        for name in ("weak", "strong")
        for record in place.records(name)
        if record.stage is Stage.ACTIVE
    }
    both = [record for name in ("weak", "strong") for record in place.records(name) if record.stage is Stage.ACTIVE]
    assert len(both) == len(held)
    assert "strong" in held.values()
    place.live_through(80)
    assert place.changed() == []


def test_a_dry_run_and_an_availability_request_leave_nothing(place: Place) -> None:
    service = place.desk.service
    tried = service.receive(place.signal(), "operator", dry_run=True)
    assert tried.dry_run
    assert tried.plan is not None
    assert tried.plan.sites > 0
    offered = service.receive(place.signal(kind=Kind.AVAILABILITY_REQUEST, minutes=150), "utility")
    assert offered.offer is not None
    assert len(offered.offer.hours) == 3
    assert offered.offer.sites > 0
    assert (place.desk.service.stop_all("x"), place.work_off(), place.simulator.ledger) == ([], 0, [])


class Interfering:
    """The engine, and something that happens while it is at work: after so many answers, once."""

    def __init__(self, after: int, interfere: Callable[[], None]) -> None:
        self._engine, self._after, self._interfere = bootstrap.engine(), after, interfere

    def run(self, asks: Iterable[Ask], hear: Hear, **options: Any) -> None:
        """Run with few requests at a time, so that there is a while to happen in."""

        def heard(ask: Ask, told: Told) -> Ask | None:
            self._after -= 1
            if self._after == 0:
                self._interfere()
            return hear(ask, told)

        self._engine.run(asks, heard, **{**options, "concurrency": 1})


def test_a_cancel_is_heard_while_commands_go_out(place: Place) -> None:
    place.desk.service.receive(place.signal(target_kw=500.0), "utility")

    def cancel() -> None:
        place.desk.service.cancel("event", "operator", "drill")
        place.lab.clock.shift += timedelta(seconds=3)

    place.forward(60)
    place.work_off(desk=place.desk_of(engine=Interfering(SITES // 2 + 2, cancel)))
    commanded = {site: sent for site, sent in place.commands().items() if sent}
    assert 0 < len(commanded) < SITES - 3
    assert place.changed() == []
    assert place.dispatch().state is State.CANCELLED
    reasons = {row.reason for row in place.desk.proof.trail("event") if row.what == "stop"}
    assert reasons == {"drill"}


def test_a_modification_that_comes_while_commands_go_out_ends_the_old_ones_commands(place: Place) -> None:
    asked = place.signal(target_kw=500.0, minutes=60)
    place.desk.service.receive(asked, "utility")
    newer = place.signal(target_kw=1.0, minutes=30, modification=3, start=asked.start)

    def supersede() -> None:
        place.desk.service.receive(newer, "utility")
        place.lab.clock.shift += timedelta(seconds=3)

    place.forward(60)
    place.work_off(desk=place.desk_of(engine=Interfering(SITES // 2 + 2, supersede)))
    assert place.dispatch().signal == newer
    active = [record for record in place.records() if record.stage is Stage.ACTIVE]
    assert 0 < len(active) < SITES // 2
    untouched = [record for record in place.records() if record.stage is not Stage.ACTIVE]
    assert all(place.settings(one.energy_site_id) == place.found[one.energy_site_id] for one in untouched)
    place.live_through(45)
    assert place.changed() == []
    assert place.dispatch().state is State.DONE


def test_messages_in_any_number_and_order_change_nothing(place: Place) -> None:
    place.desk.service.receive(place.signal(target_kw=500.0, minutes=30), "utility")
    place.forward(60)
    desk = place.desk
    messages = [
        DispatchMessage(dispatch="event", shard=shard, modification=n)
        for shard in ("0001", "", "0000")
        for n in (9, 0)
    ]
    for message in [*messages, *reversed(messages)]:
        desk.run(message)
    place.work_off()
    assert place.too_often() == []
    place.live_through(40)
    for message in messages:
        desk.run(message)
    place.work_off()
    assert place.changed() == []
    assert place.too_often() == []
    desk.run(DispatchMessage(dispatch="never-heard-of", shard="0000"))
    desk.run(DispatchMessage(dispatch="never-heard-of"))

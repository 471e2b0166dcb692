"""An event that was planned long ago is planned anew right before it is commanded, once, and keeps its promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from msgspec.structs import replace

from shared import bootstrap
from shared.energy.dispatch.answers import Verdict
from shared.energy.dispatch.model import DispatchMessage, State
from shared.energy.dispatch.records import Outcome, Stage
from shared.energy.model import OptOut, RosterSite
from shared.platform.errors import WorkBusy
from tests.integration.dispatch_place import Place, running_place
from tests.integration.test_dispatch_crash import Died, Life, mortal
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

Opened: TypeAlias = Callable[..., AbstractContextManager[Place]]
SITES = 12
AHEAD_S = 3_600.0
BEFORE_S = 295.0
"""So long before the start the plan is made anew: commands go out 60 s before it, a look begins 300 s before that."""


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a dozen sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def opened(tesla: Simulator, tmp_path: Path) -> Opened:
    return partial(running_place, tesla, tmp_path)


@pytest.fixture
def place(opened: Opened) -> Iterator[Place]:
    with opened() as found:
        yield found


def heard(place: Place, *, share: float = 0.5, **fields: Any) -> float:
    """Have an event of an hour in an hour, of that share of what the fleet could do; gives the kW committed."""
    start = place.now + timedelta(seconds=AHEAD_S)
    fields = {"start": start, **fields}
    most = place.desk.service.receive(place.signal(**{**fields, "target_kw": 1e5}), "utility", dry_run=True).plan
    assert most is not None
    made = place.desk.service.receive(place.signal(target_kw=share * most.committed_kw, **fields), "utility").plan
    assert made is not None
    assert made.sites > 0
    place.work_off()
    return made.committed_kw


def until_before(place: Place, seconds: float = BEFORE_S) -> None:
    """Time passes, with polls and due work, until so long before the start."""
    while (left_s := (place.dispatch().signal.start - place.now).total_seconds() - seconds) > 0:
        place.forward(min(300.0, left_s))
        place.poll()
        place.work_off()


def planned(place: Place) -> set[str]:
    """Sites that are about to be commanded."""
    return {one.energy_site_id for one in place.records() if one.stage is Stage.PLANNED}


def leave(place: Place, site: str) -> None:
    """The owner takes the site out of everything."""
    gone = OptOut("owner", place.now)
    for shard in bootstrap.shards().index().sites:
        if site in bootstrap.shards().roster(shard):
            bootstrap.shards().change(shard, {site: partial(_with, opted_out=gone)})


def _with(before: RosterSite | None, **changes: Any) -> RosterSite:
    assert before is not None
    return replace(before, **changes)


def ran(place: Place) -> set[str]:
    return {one.energy_site_id for one in place.records() if one.outcome is Outcome.CONFIRMED}


def trail(place: Place, what: str) -> list[str]:
    return [row.reason for row in place.desk.proof.trail("event") if row.what == what]


def test_sites_that_cannot_be_had_any_more_are_replaced_before_commanding_begins(place: Place) -> None:
    committed_kw = heard(place)
    first = planned(place)
    left, empty, alone, *_rest = sorted(first)
    leave(place, left)
    place.simulator.control.change_site(empty, SiteChange(percentage_charged=20.0))
    place.simulator.control.change_site(alone, SiteChange(island_status="off_grid"))
    until_before(place)
    dispatch = place.dispatch()
    assert (dispatch.state, dispatch.plan.committed_kw) == (State.SCHEDULED, committed_kw)
    assert dispatch.plan.carried_kw == pytest.approx(committed_kw)
    assert dispatch.plan.shortfall_kw == 0.0
    place.live_through(10)
    gone = {left, empty, alone}
    assert not ran(place) & gone
    assert ran(place) - first, "somebody stands in for them"
    assert not gone & place.commands().keys()
    assert len(trail(place, "planned_anew")) == 1
    place.live_through(70)
    facts = place.desk.proof.facts("event")
    assert 0.95 * committed_kw < facts.settlement.mean_kw < 1.15 * committed_kw, "by whole sites, of a dozen"
    assert place.changed() == []


def test_a_site_that_was_away_for_a_while_takes_part(place: Place) -> None:
    heard(place, share=1.0)
    first = planned(place)
    chosen = min(first)
    place.simulator.control.change_site(chosen, SiteChange(island_status="off_grid"))
    place.live_through(10)
    assert chosen not in planned(place)
    place.simulator.control.change_site(chosen, SiteChange(island_status="on_grid"))
    until_before(place)
    assert chosen in planned(place)
    place.live_through(10)
    assert chosen in ran(place)


def test_a_fleet_that_cannot_carry_it_any_more_runs_what_it_can_and_says_so(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    committed_kw = heard(place, share=0.9)
    for site in sorted(place.sites)[: SITES // 2]:
        place.simulator.control.change_site(site, SiteChange(percentage_charged=20.0))
    until_before(place)
    plan = place.dispatch().plan
    assert plan.committed_kw == committed_kw, "what was answered stays"
    assert plan.carried_kw is not None
    assert 0 < plan.carried_kw < 0.8 * committed_kw
    assert plan.shortfall_kw == pytest.approx(committed_kw - plan.carried_kw)
    (reason,) = trail(place, "falls_short")
    assert f"{plan.carried_kw:.1f} kW of {committed_kw:.1f} kW" in reason
    assert "dispatch falls short" in caplog.messages
    again = place.desk.service.receive(place.dispatch().signal, "utility")
    assert again.verdict is Verdict.ACCEPTED
    place.live_through(10)
    assert ran(place)


def test_a_plan_that_was_just_made_is_not_made_again(place: Place) -> None:
    place.desk.service.receive(place.signal(), "utility")
    place.work_off()
    place.live_through(10)
    assert place.dispatch().plan.carried_kw is None
    assert trail(place, "planned_anew") == []


def test_polls_that_failed_keep_the_plan(place: Place) -> None:
    heard(place)
    first = planned(place)
    place.forward(AHEAD_S - BEFORE_S)  # nobody has polled meanwhile
    place.work_off()
    assert place.dispatch().plan.carried_kw is None
    assert planned(place) == first
    assert len(trail(place, "plan_kept")) == 1
    place.poll()
    place.forward(25)
    place.work_off()
    assert place.dispatch().plan.carried_kw is not None, "a later look may still be in time"
    assert len(trail(place, "planned_anew")) == 1


def test_too_late_for_a_new_plan_the_old_one_is_commanded(place: Place) -> None:
    heard(place)
    first = planned(place)
    until_before(place, BEFORE_S + 200)
    place.forward(200 + BEFORE_S - 40)  # nothing ran in between; commands are due already
    place.poll()
    place.work_off()
    assert place.dispatch().plan.carried_kw is None
    assert ran(place) == first


def test_messages_that_come_again_plan_no_second_time(place: Place) -> None:
    heard(place)
    until_before(place)
    before = place.dispatch().plan
    assert before.carried_kw is not None
    leave(place, min(planned(place)))
    place.poll()
    desk = place.desk
    for _ in range(3):
        for shard in ("", "0000", "0001"):
            desk.run(DispatchMessage(dispatch="event", shard=shard))
    assert place.dispatch().plan == before
    assert len(trail(place, "planned_anew")) == 1


class Meanwhile:
    """A store that lets something happen before so many writes to a collection."""

    def __init__(self, collection: str, number: int, happens: Callable[[], object]) -> None:
        self._store: Any = bootstrap.documents()
        self._collection, self._number, self._happens = collection, number, happens

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        return partial(self._write, method) if name in {"put", "replace", "create"} else method

    def _write(self, method: Callable[..., Any], collection: str, *args: Any, **options: Any) -> Any:
        if collection == self._collection:
            self._number -= 1
            if self._number == 0:
                self._happens()
        return method(collection, *args, **options)


@pytest.mark.parametrize(("collection", "number"), [("dispatch_plans", 1), ("dispatch_plans", 2), ("dispatches", 1)])
@pytest.mark.parametrize("lapsed", [False, True])
def test_a_modification_that_comes_while_it_is_planned_anew_has_one_outcome(
    place: Place, collection: str, number: int, *, lapsed: bool
) -> None:
    heard(place)
    until_before(place, BEFORE_S + 70)
    newer = replace(place.dispatch().signal, modification=1, target_kw=1.0)

    def modify() -> None:
        if lapsed:  # whoever plans anew has lost its hold on planning
            bootstrap.documents().delete("claims", "dispatch-planning")
        with suppress(WorkBusy):
            place.desk.service.receive(newer, "utility")

    place.forward(70)
    place.poll()
    place.work_off(desk=place.desk_of(store=Meanwhile(collection, number, modify)))
    place.desk.service.receive(newer, "utility")
    place.work_off()
    assert place.dispatch().signal == newer
    assert place.dispatch().plan.carried_kw is None
    assert place.dispatch().plan.committed_kw == pytest.approx(1.0)
    wanted = planned(place)
    place.live_through(10)
    assert ran(place) == wanted
    place.live_through(70)
    assert place.changed() == []
    assert place.too_often() == []


def test_a_modification_after_it_counts_and_one_before_it_is_planned_anew(place: Place) -> None:
    heard(place)
    first = place.dispatch().signal
    place.forward(600)
    place.poll()
    place.desk.service.receive(replace(first, modification=1, target_kw=5.0), "utility")
    place.work_off()
    until_before(place)
    assert place.dispatch().plan.carried_kw == pytest.approx(5.0)
    place.desk.service.receive(replace(first, modification=2, target_kw=2.0), "utility")
    place.work_off()
    assert place.dispatch().plan.carried_kw is None
    wanted = planned(place)
    place.live_through(10)
    assert wanted <= ran(place)
    place.live_through(70)
    assert place.changed() == []


def test_a_stopped_event_is_not_planned_anew(place: Place) -> None:
    heard(place)
    until_before(place, BEFORE_S + 70)
    place.desk.service.cancel("event", "operator", "drill")
    place.forward(70)
    place.poll()
    place.work_off()
    assert (place.dispatch().state, place.dispatch().plan.carried_kw) == (State.CANCELLED, None)
    assert place.commands() == {}


def test_a_weaker_events_sites_are_taken_over_by_the_new_plan(place: Place) -> None:
    start = place.now + timedelta(seconds=AHEAD_S)
    for site in sorted(place.sites)[1:]:
        place.simulator.control.change_site(site, SiteChange(percentage_charged=20.0))
    place.poll()
    heard(place, share=0.9, start=start)
    for site in sorted(place.sites)[1:]:
        place.simulator.control.change_site(site, SiteChange(percentage_charged=90.0))
    place.simulator.control.change_site(min(place.sites), SiteChange(percentage_charged=20.0))
    place.poll()
    weak = place.desk.service.receive(place.signal("weak", priority=9, target_kw=1e4, minutes=150), "utility")
    assert weak.verdict is not Verdict.REFUSED
    place.forward(60)
    place.work_off()
    until_before(place)
    for _ in range(4):
        place.forward(31)
        place.work_off()
    place.live_through(10)
    active = [one.energy_site_id for name in ("event", "weak") for one in place.records(name) if _runs(one.stage)]
    assert len(active) == len(set(active)), "no site is in two events"
    assert ran(place) - {min(place.sites)}
    place.live_through(160)
    assert place.changed() == []


def _runs(stage: Stage) -> bool:
    return stage in {Stage.COMMANDING, Stage.ACTIVE}


def test_a_site_that_has_moved_to_another_shard_is_commanded_once(place: Place) -> None:
    heard(place, share=1.0)
    shards = bootstrap.shards()
    chosen = min(planned(place))
    old, new = ("0000", "0001") if chosen in shards.roster("0000") else ("0001", "0000")
    moved = shards.roster(old)[chosen]
    shards.change(old, {chosen: lambda _before: None})
    shards.change(new, {chosen: lambda _before: moved})
    until_before(place)
    place.live_through(10)
    assert chosen in ran(place)
    assert place.too_often() == []
    place.live_through(70)
    assert place.changed() == []


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("point", [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18])
def test_whoever_dies_planning_anew_leaves_one_plan(opened: Opened, point: int, *, before: bool) -> None:
    with opened() as place:
        heard(place)
        first = planned(place)
        leave(place, min(first))
        until_before(place, BEFORE_S + 70)
        assert place.dispatch().plan.carried_kw is None
        place.forward(70)
        place.poll()
        with pytest.raises(Died):
            place.work_off(desk=mortal(place, Life(point, before=before)))
        place.forward(121)  # the holds on the event and on planning are over, and its item is due again
        place.poll()
        place.work_off()
        place.live_through(10)
        running = [one for one in place.records() if _runs(one.stage)]
        assert len(trail(place, "planned_anew")) == 1
        assert min(first) not in ran(place)
        assert {one.energy_site_id for one in running} == ran(place)
        expected_kw = sum(one.expected_w for one in running) / 1000
        assert expected_kw >= 0.95 * place.dispatch().plan.committed_kw
        place.live_through(80)
        assert place.changed() == []
        assert place.too_often() == []
        assert place.dispatch().state is State.DONE

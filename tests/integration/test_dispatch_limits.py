"""What is allowed: limits of the plan, Tesla's billing limit, and dispatch switched off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from shared import bootstrap
from shared.energy.dispatch.answers import PlanView, Verdict
from shared.energy.dispatch.model import State, Strategy
from shared.energy.dispatch.records import Outcome, Stage, Wanted
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.ports import Event
from shared.tesla.errors import HeldBack, LimitExceeded
from shared.tesla.plan_limits import NO_LIMITS, PlanLimits
from shared.tesla.setting_writes import Left, SettingWrites
from tests.integration.dispatch_place import Place, running_place
from tests.integration.energy_api import operator
from tests.lab import ShiftedClock
from tests.simulator import Simulator, SimulatorConfig

Opened: TypeAlias = Callable[..., AbstractContextManager[Place]]
SITES = 8
HOLD_S = 900


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a few sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def opened(tesla: Simulator, tmp_path: Path) -> Opened:
    return partial(running_place, tesla, tmp_path)


def tried(place: Place, **fields: Any) -> PlanView:
    """The plan of a dry run."""
    made = place.desk.service.receive(place.signal("tried", **fields), "utility", dry_run=True).plan
    assert made is not None
    return made


def begin(place: Place, **fields: Any) -> set[str]:
    """An event whose sites are commanded; gives the sites that a setting was written at."""
    place.desk.service.receive(place.signal(**fields), "utility")
    place.forward(60)
    place.work_off()
    return set(place.commands())


# Setting writes and tariff changes


def test_what_sites_may_still_be_set_is_told_by_day_and_month(tmp_path: Path) -> None:
    clock = ShiftedClock()
    store = SqliteDocuments(tmp_path / "documents.db")
    writes = SettingWrites(store, clock, PlanLimits(site_writes_per_day=3, site_tariffs_per_month=1))
    clock.shift += clock.now().replace(month=1, day=31, hour=12) - clock.now()
    for _ in range(2):
        writes.take("a")
    writes.take("b", tariff=True)
    writes.take("b", tariff=True, restore=True)
    today = clock.now().date()
    left = writes.left(today)
    assert (left("a"), left("b"), left("never-set")) == (Left(1, 1), Left(1, 0), Left(3, 1))
    tomorrow = writes.left(today + timedelta(days=1))
    assert (tomorrow("a"), tomorrow("b")) == (Left(3, 1), Left(3, 1))
    assert SettingWrites(store, clock, NO_LIMITS).left(today)("a") == Left(None, None)
    assert SettingWrites(store, clock, PlanLimits(site_writes_per_day=1)).left(today)("a") == Left(0, None)


def test_sites_without_writes_left_are_left_out_until_the_next_day(opened: Opened) -> None:
    environ = {"TESLA_LIMIT_SITE_WRITES_PER_DAY": "2"}
    with opened(environ=environ, limits=PlanLimits(site_writes_per_day=2)) as place:
        written = begin(place, target_kw=500.0, minutes=20)
        assert written
        place.live_through(40)
        assert place.dispatch().state is State.DONE
        assert tried(place, target_kw=500.0).excluded == {"writes_used_up": len(written)}
        assert "writes_used_up" not in tried(place, target_kw=500.0, start=place.now + timedelta(days=1)).excluded


def test_an_event_is_not_ended_by_the_writes_that_it_took_itself(opened: Opened) -> None:
    environ = {"TESLA_LIMIT_SITE_WRITES_PER_DAY": "1"}
    with opened(environ=environ, limits=PlanLimits(site_writes_per_day=1)) as place:
        asked = place.signal(target_kw=500.0)
        place.desk.service.receive(asked, "utility")
        place.forward(60)
        place.work_off()
        active = {record.energy_site_id for record in place.records() if record.stage is Stage.ACTIVE}
        longer = place.signal(target_kw=500.0, minutes=90, start=asked.start, modification=1)
        place.desk.service.receive(longer, "utility")
        place.work_off()
        assert {record.energy_site_id for record in place.records() if record.stage is Stage.ACTIVE} == active


def test_sites_without_tariff_changes_left_cannot_export_but_can_cover_their_homes(opened: Opened) -> None:
    environ = {"TESLA_LIMIT_SITE_TARIFFS_PER_MONTH": "1"}
    with opened(environ=environ, limits=PlanLimits(site_tariffs_per_month=1)) as place:
        begin(place, target_kw=30.0, strategy=Strategy.EXPORT, minutes=20)
        tariffs = {
            site
            for site, sent in place.commands().items()
            if any(end == "time_of_use_settings" for _, end, _ in sent)
        }
        assert tariffs
        place.live_through(40)
        assert tried(place, strategy=Strategy.EXPORT).excluded == {"tariff_changes_used_up": len(tariffs)}
        assert tried(place).excluded == {}


def test_what_a_scheduled_event_will_write_is_not_promised_to_another_one(opened: Opened) -> None:
    """Three writes forth and three back are more than a day's five, and one tariff change is all of a month's."""
    limits = PlanLimits(site_writes_per_day=5, site_tariffs_per_month=1)
    environ = {"TESLA_LIMIT_SITE_WRITES_PER_DAY": "5", "TESLA_LIMIT_SITE_TARIFFS_PER_MONTH": "1"}
    with opened(environ=environ, limits=limits) as place:
        first = place.signal("first", strategy=Strategy.EXPORT, target_kw=500.0, minutes=30)
        answer = place.desk.service.receive(first, "utility")
        assert answer.plan is not None
        sites = answer.plan.sites
        later: dict[str, Any] = {
            "strategy": Strategy.EXPORT,
            "target_kw": 500.0,
            "start": first.start + timedelta(hours=1),
        }
        second = place.desk.service.receive(place.signal("second", **later), "utility")
        assert (second.verdict, second.plan and second.plan.excluded) == (Verdict.REFUSED, {"writes_used_up": sites})
        tomorrow = tried(place, **later | {"start": first.start + timedelta(days=1)})
        expected = {"tariff_changes_used_up": sites} if month_goes_on(place) else {}
        assert tomorrow.excluded == expected
        place.live_through(50)
        assert place.dispatch("first").state is State.DONE
        assert place.changed() == []


def month_goes_on(place: Place) -> bool:
    """Whether tomorrow is in this month."""
    return (place.now + timedelta(days=1)).month == place.now.month


# Calls of a day


def test_a_plan_keeps_within_the_calls_that_are_left_of_the_day(opened: Opened) -> None:
    with opened(limits=PlanLimits(requests_per_day=100)) as place:
        whole = tried(place, target_kw=500.0)
        assert (whole.sites, whole.reasons) == (SITES, ("not_enough_power",))
        bootstrap.ledger().write(Counter({"live_status": 86}), Counter(), Counter({"200": 86}))
        asked = place.signal("tried", target_kw=500.0)
        answer = place.desk.service.receive(asked, "utility", dry_run=True)
        assert answer.plan is not None
        assert (answer.plan.sites, answer.plan.calls) == (2, 12)
        assert answer.plan.reasons == ("not_enough_power", "calls_used_up")
        assert answer.words["calls_used_up"].startswith("The calls that are left")
        assert tried(place, target_kw=500.0, start=place.now + timedelta(days=1)).sites == SITES
        bootstrap.ledger().write(Counter({"live_status": 86}), Counter(), Counter({"200": 86}))
        assert place.desk.service.receive(place.signal(), "utility").verdict is Verdict.REFUSED


# The billing limit


def calls(place: Place) -> int:
    return sum("/energy_sites/" in call.path for call in place.simulator.ledger)


LIMITS_REACHED: list[dict[str, Any]] = [{"kind": "exceeded_limit"}, {"kind": "status", "status": 402, "body": "pay"}]


@pytest.mark.parametrize("fault", LIMITS_REACHED, ids=["403", "402"])
def test_the_billing_limit_holds_commands_back_until_it_is_over(opened: Opened, fault: dict[str, Any]) -> None:
    with opened(concurrency=1) as place:
        place.simulator.add_fault("energy_sites", **fault)
        begin(place, target_kw=500.0, strategy=Strategy.EXPORT)
        assert calls(place) == 1, "one refusal is enough, for both shards"
        with pytest.raises(HeldBack):
            bootstrap.breaker().check()
        place.forward(300)
        place.work_off()
        assert calls(place) == 1
        place.forward(HOLD_S)
        place.work_off()
        assert calls(place) == 2, "one call sees whether it is over"
        place.simulator.clear()
        place.forward(HOLD_S + 150)
        place.poll()
        place.work_off()
        running = [record for record in place.records() if record.wanted is Wanted.RUN]
        assert len(running) > SITES / 2
        assert {record.outcome for record in running} == {Outcome.CONFIRMED}
        bootstrap.breaker().check()
        place.live_through(70)
        assert place.dispatch().state is State.DONE
        assert place.changed() == []


def test_what_is_to_be_restored_waits_while_the_billing_limit_holds_and_goes_on_after(opened: Opened) -> None:
    with opened(concurrency=1) as place:
        begin(place, target_kw=500.0)
        changed = place.changed()
        assert len(changed) > 1
        place.simulator.clear()
        place.simulator.add_fault("energy_sites", "exceeded_limit")
        place.desk.service.cancel("event", "operator", "drill")
        place.work_off()
        assert (calls(place), place.changed()) == (1, changed)
        place.forward(HOLD_S / 2)
        place.desk.service.cancel("event", "operator", "drill")
        place.work_off()
        assert (calls(place), place.dispatch().state) == (1, State.RESTORING)
        place.simulator.clear()
        place.forward(HOLD_S)
        place.work_off()
        assert place.changed() == []
        assert place.dispatch().state is State.CANCELLED
        assert all(len(sent) == len(set(sent)) for sent in place.commands().values())


def test_a_hold_that_others_met_is_kept_without_a_call(opened: Opened) -> None:
    with opened() as place:
        refused = bootstrap.breaker()
        with pytest.raises(LimitExceeded), refused.watch():
            raise LimitExceeded(402)
        begin(place, target_kw=500.0)
        assert (calls(place), place.dispatch().state) == (0, State.COMMANDING)
        place.forward(HOLD_S)
        place.work_off()
        assert place.changed()


# Dispatch switched off


def tick(place: Place) -> None:
    """What the scheduler sends every five minutes, and all that comes of it."""
    place.forward(300)
    bootstrap.events().publish(Event("energy-tick", b"{}"))
    place.lab.pump()


def test_the_tick_ends_what_runs_where_dispatch_is_switched_off(opened: Opened) -> None:
    with opened(environ={"DISPATCH_ENABLED": "false"}) as place:
        begin(place, target_kw=500.0)  # by a release that was not switched off yet
        place.desk.service.receive(place.signal("later", start=place.now + timedelta(hours=9)), "utility")
        assert place.changed()
        tick(place)
        assert place.changed() == []
        for name in ("event", "later"):
            ended = place.dispatch(name)
            assert ended.state is State.CANCELLED
            assert ended.stop is not None
            assert (ended.stop.actor, ended.stop.reason) == ("settings", "dispatch is switched off")
        again = {"id": "new", "start": place.now.isoformat(), "target_kw": 1.0}
        assert operator(place.lab, "POST", "/api/v1/energy/signals", again).body["verdict"] == "disabled"
        assert (
            operator(place.lab, "POST", "/api/v1/energy/dispatches", {"target_kw": 1}).body["verdict"] == "disabled"
        )
        tick(place)  # and nothing is left to end
        assert {place.dispatch(name).state for name in ("event", "later")} == {State.CANCELLED}


def test_the_tick_leaves_events_alone_otherwise(opened: Opened) -> None:
    with opened() as place:
        begin(place, target_kw=500.0)
        tick(place)
        assert place.dispatch().state is State.ACTIVE
        assert place.dispatch().stop is None
        assert place.changed()

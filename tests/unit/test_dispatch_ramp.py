"""The beginning of an event in steps: the goal, who runs at first, and what is compared."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.dispatch.model import Signal
from shared.energy.dispatch.planner import request_of
from shared.energy.dispatch.planning import PlanRules, plan
from shared.energy.dispatch.ramping import next_step, share_at, steps_of
from shared.energy.dispatch.settlement import settle
from shared.tesla.plan_limits import NO_LIMITS, PlanLimits
from tests.unit.dispatch_samples import END, START, course
from tests.unit.test_dispatch_planning import FLEETS, candidate, request

MINUTE = timedelta(minutes=1)


def test_the_share_grows_by_equal_steps_of_five_minutes() -> None:
    shares = [share_at(START + minutes * MINUTE, START, 15.0) for minutes in (-5, 0, 4.9, 5, 9.9, 10, 15, 60)]
    assert shares == [1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1.0, 1.0, 1.0]
    assert [share_at(START + minutes * MINUTE, START, 0.0) for minutes in (-5, 0, 60)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("ramp_minutes", "steps"), [(0, 1), (1, 1), (5, 1), (5.1, 2), (10, 2), (15, 3), (240, 48)])
def test_into_how_many_steps_a_ramp_is_divided(ramp_minutes: float, steps: int) -> None:
    assert steps_of(ramp_minutes) == steps
    assert share_at(START, START, ramp_minutes) == 1 / steps


@given(st.floats(0, 240), st.floats(-60, 600))
def test_every_step_is_looked_at_when_it_begins(ramp_minutes: float, minutes: float) -> None:
    at = START + minutes * MINUTE
    later, share = next_step(at, START, ramp_minutes), share_at(at, START, ramp_minutes)
    assert 0 < share <= 1
    if later is None:
        assert share == 1
    else:
        assert later > at
        assert share_at(later - timedelta(microseconds=1), START, ramp_minutes) == share
        assert share_at(later, START, ramp_minutes) > share


def signal(ramp_minutes: float = 20.0, minutes: float = 60.0) -> Signal:
    return Signal(id="s", start=START, end=START + minutes * MINUTE, target_kw=20.0, ramp_minutes=ramp_minutes)


def test_a_ramp_is_no_longer_than_its_event() -> None:
    assert signal(60.0).problems() == []
    assert signal(61.0).problems() == ["The ramp is longer than the event."]


def test_the_first_step_runs_at_first_and_the_others_wait_on_the_bench() -> None:
    fleet = [candidate(n, full_w=5_000.0, deliverable_wh=40_000.0) for n in range(12)]
    at_once, ramped = (
        plan(fleet, request(20.0, ramp_steps=steps), PlanRules(bench=0.0), NO_LIMITS, START) for steps in (1, 4)
    )
    assert (len(at_once.run), len(at_once.bench)) == (5, 0)
    assert (len(ramped.run), len(ramped.bench)) == (2, 3)
    assert ramped.committed_kw == at_once.committed_kw == 20.0
    assert request_of(signal(), START).ramp_steps == 4


def test_no_more_is_committed_than_can_be_commanded_step_by_step() -> None:
    fleet = [candidate(n, full_w=1_000.0, deliverable_wh=40_000.0) for n in range(1_000)]
    start = START + timedelta(hours=2)
    rules, limits = PlanRules(margin=0.0), PlanLimits(requests_per_s=1)
    asked = request(900.0, 1.0, start=start, ramp_steps=3)
    made = plan(fleet, asked, rules, limits, START)
    # A snapshot and three commands at one a second: 75 sites in five minutes.
    assert (made.committed_kw, made.reasons) == (225.0, ("too_late_for_all",))
    assert plan(fleet, request(900.0, 1.0, start=start), rules, limits, START).committed_kw == 900.0


@given(FLEETS, st.floats(0.1, 200), st.integers(2, 12))
def test_a_ramp_never_commits_more_than_its_event_at_once(fleet: list[object], target_kw: float, steps: int) -> None:
    found = [
        plan(fleet, request(target_kw, ramp_steps=one), PlanRules(), NO_LIMITS, START)  # type: ignore[arg-type]  # candidates
        for one in (1, steps)
    ]
    assert found[1].committed_kw <= found[0].committed_kw + 1e-9
    assert len(found[1].run) <= len(found[0].run)


def test_what_was_delivered_is_compared_with_the_ramp() -> None:
    found = settle([], [100.0] * 12, START, END, course(12.0, 12.0, 20.0))
    assert [one.goal_kw for one in found.intervals] == [3.0, 6.0, 9.0] + [12.0] * 9
    assert found.goal_kw == pytest.approx((3 + 6 + 9 + 9 * 12) / 12)
    assert settle([], [], START, END, course(12.0, 12.0)).goal_kw == 12.0
    assert settle([], [], START, START, course(12.0, 12.0, 20.0)).goal_kw == 0.0

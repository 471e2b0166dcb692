"""The second call of a site as pure values: who may come back, what is kept of the first call, what is proven."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.energy.dispatch.coordinator import corrected, in_reserve
from shared.energy.dispatch.journal import rows_of
from shared.energy.dispatch.lifecycle import advance
from shared.energy.dispatch.merging import ShardPlan, merge, pack_commitments
from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.planning import Commitment
from shared.energy.dispatch.recalling import STEERED, called_again, may_return
from shared.energy.dispatch.records import (
    Meter,
    Outcome,
    Restoration,
    SiteRecord,
    Snapshot,
    Stage,
    StageTimes,
    Touch,
    TouchState,
    Wanted,
    counts_of,
)
from shared.energy.dispatch.settlement import Point, Span, asked_s, energy_agrees, measure, participates
from shared.energy.dispatch.steering import Benched, Running, SteerRules, steer
from shared.energy.dispatch.steps import Conditions
from shared.tesla.catalogue.energy import EnergyAction
from tests.unit.dispatch_samples import END, FACT, START, record

MINUTE = timedelta(minutes=1)
TIMES = StageTimes(START, START, START, START, START + 10 * MINUTE, START + 11 * MINUTE)
METER = Meter(START + 10 * MINUTE, 3_000.0, 500.0, 600.0, 9_000.0, 8_470.0)


def let_go(**changes: object) -> SiteRecord:
    """A site that steering let go after ten minutes, and that would give 2 kW if it were called again."""
    value = record(
        stage=Stage.DONE,
        wanted=Wanted.RELEASE,
        outcome=Outcome.CONFIRMED,
        restoration=Restoration.RESTORED,
        reason=STEERED,
        snapshot=Snapshot(START, "backup"),
        touches=(Touch(EnergyAction.OPERATION, "backup", "self_consumption", TouchState.UNDONE, START),),
        times=TIMES,
        meter=METER,
        again_w=2_000.0,
    )
    return replace(value, **changes)


COMMITMENT = Commitment("101", "account", "eu", "0000", FACT, FACT, FACT, 3_000.0)
PLAN = ShardPlan(dispatch="d", shard="0", modification=0, run=pack_commitments([COMMITMENT]), bench=b"\x90")


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "near_reserve"},
        {"reason": "opted_out"},
        {"stage": Stage.RESTORING},
        {"restoration": Restoration.LEFT_TO_OWNER},
        {"restoration": Restoration.NOT_RESTORED},
        {"outcome": Outcome.REFUSED},
        {"outcome": Outcome.UNKNOWN},
        {"owner_changed": True},
        {"before": called_again(let_go()).before},
    ],
)
def test_who_may_not_come_back(changes: dict[str, object]) -> None:
    assert may_return(let_go())
    assert not may_return(let_go(**changes))


def test_steering_calls_a_site_again_only_where_the_bench_does_not_suffice() -> None:
    running = [Running("1", 3_000.0, 3_000.0, settled=True)]
    bench = [Benched("2", 2_000.0), Benched("3", 2_000.0, again=True)]
    rules = SteerRules(aim=0.0)
    assert steer(5_000.0, running, bench, rules).add == ("2",)
    short = steer(6_500.0, running, bench, rules)
    assert (short.add, short.release, short.predicted_w) == (("2", "3"), (), 7_000.0)


def test_a_site_is_in_reserve_again_while_nothing_stands_against_it() -> None:
    assert in_reserve([let_go()], set()) == [Benched("101", 2_000.0, again=True)]
    assert in_reserve([let_go()], {"101"}) == []
    assert in_reserve([let_go(again_w=0.0)], set()) == []


def test_a_call_takes_back_what_steering_released_and_nothing_else() -> None:
    released = corrected(PLAN, 0, add=[], release=["101"])
    (same,) = merge([let_go()], released.sites(), (), newer=False)
    assert same == let_go()
    again = corrected(released, 0, add=["101"], release=[])
    assert again.release == {}
    (record_,) = merge([let_go()], again.sites(), (), newer=False)
    assert (record_.stage, record_.wanted, record_.expected_w) == (Stage.PLANNED, Wanted.RUN, 2_000.0)
    (out,) = merge([let_go()], again.sites(), ("101",), newer=False)
    assert out == let_go()
    (twice,) = merge([record_], again.sites(), (), newer=False)
    assert twice == record_
    outranked = replace(released, release={"101": "outranked_by x"})
    assert corrected(outranked, 0, add=["101"], release=[]).release == {"101": "outranked_by x"}


def test_an_event_that_ends_first_leaves_the_site_as_the_first_call_did() -> None:
    conditions = Conditions(Strategy.DISCHARGE, START, END, over=True)
    planned = called_again(let_go())
    after = advance(planned, conditions, START + 30 * MINUTE)
    assert (after.stage, after.times, after.restoration, after.outcome, after.before) == (
        Stage.DONE,
        TIMES,
        Restoration.RESTORED,
        Outcome.CONFIRMED,
        None,
    )
    assert [row.what for row in rows_of(planned, after, END)] == ["withdrawn"]


def test_both_calls_count_for_what_was_asked_and_what_was_delivered() -> None:
    second = called_again(let_go())
    since = START + 40 * MINUTE
    times = StageTimes(since, since, since, None, since + 10 * MINUTE, since + 11 * MINUTE)
    span, by_interval = Span(START, since + 10 * MINUTE, since), [0.0] * 12
    meter = second.meter
    for minutes, energy_wh in ((0, 8_400.0), (5, 8_220.0), (10, 8_040.0)):
        meter = measure(meter, Point(since + minutes * MINUTE, 2_000.0, energy_wh), span, by_interval)
    ended = replace(second, stage=Stage.DONE, times=times, meter=meter)
    assert asked_s(ended, START, END) == 20 * 60
    assert meter.delivered_wh == pytest.approx(500.0 + 2_000.0 / 6)
    assert sum(by_interval) == pytest.approx(2_000.0 / 6), "the half hour in between gave nothing"
    assert meter.fell_wh == 530.0
    assert energy_agrees(ended)
    # Asked for 3 kW and then 2 kW, ten minutes each.
    enough_wh = 0.5 * (3_000.0 + 2_000.0) / 6
    for delivered_wh, part in ((enough_wh + 1, True), (enough_wh - 1, False)):
        assert participates(replace(ended, meter=replace(meter, delivered_wh=delivered_wh)), START, END) is part


def test_energy_that_is_not_known_of_one_call_cannot_be_checked() -> None:
    untold = called_again(let_go(meter=replace(METER, energy_end_wh=None)))
    assert untold.meter.fell_wh is None
    told = replace(untold.meter, at=END, energy_start_wh=9_000.0, energy_end_wh=8_000.0)
    assert energy_agrees(replace(untold, meter=told)) is None


def test_a_site_that_is_called_again_was_confirmed_once() -> None:
    counts = counts_of([called_again(let_go())])
    assert (counts.confirmed, counts.accepted, counts.delivering, counts.unfinished) == (1, 1, 1, 1)

"""Steering by whole sites, ending a site's event in time, and what polling tells of a site."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.records import SiteRecord, Stage, StageTimes, Wanted
from shared.energy.dispatch.steering import Benched, Running, SteerRules, must_end, steer
from shared.energy.dispatch.strategies import delivering
from shared.energy.dispatch.watching import NEAR_RESERVE, Seen, WatchRules, observe, running
from shared.energy.samples import Reading
from tests.unit.dispatch_samples import START, dispatch, record

RULES = SteerRules()
SIGNAL = dispatch().signal


def run(number: int, flow_w: float | None, *, expected_w: float = 3_000.0, settled: bool = True) -> Running:
    return Running(f"{number}", expected_w, flow_w, settled)


BENCH = [Benched("b1", 3_000.0), Benched("b2", 5_000.0), Benched("b3", 0.0)]


def test_sites_are_added_until_the_target_is_met_and_not_within_the_band() -> None:
    assert steer(10_000, [run(1, 9_901.0)], BENCH, RULES).add == ()
    assert steer(10_000, [run(1, 8_000.0)], BENCH, RULES).add == ("b1",)
    assert steer(10_000, [run(1, 6_000.0)], BENCH, RULES).add == ("b2",)
    assert steer(20_000, [run(1, 8_000.0)], BENCH, RULES).add == ("b2", "b1")


def test_who_lasts_longest_is_called_first_and_nobody_needlessly() -> None:
    bench = [Benched("short", 3_000.0, lasts_h=0.5), Benched("long", 3_000.0, lasts_h=3.0), Benched("big", 9_000.0)]
    assert steer(10_000, [run(1, 7_000.0)], bench, RULES).add == ("long", "short")
    assert steer(10_000, [run(1, 7_300.0)], bench, RULES).add == ("long",)
    assert steer(19_000, [run(1, 7_000.0)], bench, RULES).add == ("long", "short", "big")
    assert steer(18_000, [run(1, 7_000.0)], bench, RULES).add == ("long", "big")


def test_sites_are_let_go_only_whole_and_only_if_the_target_stays_met() -> None:
    over = [run(1, 5_000.0), run(2, 4_000.0), run(3, 2_000.0), run(4, None)]
    assert steer(10_000, over, BENCH, RULES).release == ()
    assert steer(9_000, over, BENCH, RULES).release == ("3",)
    assert steer(6_000, over, BENCH, RULES).release == ("1",)
    assert steer(11_000, over, BENCH, RULES).release == ()


def test_a_site_counts_as_expected_until_it_could_be_measured_and_then_only_as_measured() -> None:
    assert run(1, None, settled=False).counted_w == 3_000.0
    assert run(1, None).counted_w == 0.0
    assert run(1, -2_000.0).counted_w == 0.0
    assert Running("1", 3_000.0, 3_000.0, settled=True, ending=True).counted_w == 0.0


POWERS = st.integers(0, 12_000).map(float)


@given(
    st.floats(1, 200_000),
    st.lists(st.tuples(POWERS, POWERS, st.booleans()), max_size=40),
    st.lists(POWERS, max_size=40),
)
def test_a_correction_never_makes_it_worse(
    target_w: float, sites: list[tuple[float, float, bool]], bench: list[float]
) -> None:
    fleet = [run(n, flow, expected_w=expected, settled=settled) for n, (flow, expected, settled) in enumerate(sites)]
    reserve = [Benched(f"b{n}", expected) for n, expected in enumerate(bench)]
    now_w = sum(site.counted_w for site in fleet)
    found = steer(target_w, fleet, reserve, RULES)
    assert not (found.add and found.release)
    if found.release:
        assert target_w <= found.predicted_w < now_w
    if found.add:
        last_w = reserve[int(found.add[-1][1:])].expected_w
        assert now_w < found.predicted_w
        assert found.predicted_w - last_w < target_w * (1 + RULES.aim)
    left = [site for site in fleet if site.energy_site_id not in found.release]
    added = [Running(name, reserve[int(name[1:])].expected_w, None, settled=False) for name in found.add]
    again = steer(target_w, [*left, *added], [one for one in reserve if one.energy_site_id not in found.add], RULES)
    assert not again.add or now_w < target_w * (1 - RULES.under), "what was let go is missed at once"
    assert not again.add or len(found.add) == sum(power_w > 0 for power_w in bench), "more could have been added"


@given(st.floats(0, 15_000), st.floats(0, 13_500), st.floats(0, 11_500))
def test_a_site_that_goes_on_stays_above_its_reserve_until_the_next_poll(
    energy_wh: float, reserve_wh: float, power_w: float
) -> None:
    rules = {"efficiency": 0.95, "interval_s": 300.0, "guard_wh": 0.0}
    if not must_end(energy_wh, reserve_wh, power_w, **rules):
        assert energy_wh - power_w / 0.95 * 300 / 3600 > reserve_wh


def active() -> SiteRecord:
    times = StageTimes(commanded_at=START, accepted_at=START, confirmed_at=START)
    return record(stage=Stage.ACTIVE, times=times)


def seen(
    minutes: float, power_w: float | None, left_wh: float | None = 9_000.0, keep_wh: float | None = 2_700.0
) -> Seen:
    at = START + timedelta(minutes=minutes)
    return Seen(Reading(received_at=at, at=at, battery_power_w=power_w), left_wh, keep_wh)


def watched(value: SiteRecord, look: Seen, now: datetime = START) -> SiteRecord:
    return observe(value, look, SIGNAL, WatchRules(), [], now)


def test_a_site_delivers_when_the_device_says_so_after_it_was_confirmed() -> None:
    before = watched(active(), seen(-1, 3_000.0))
    assert before.times.delivering_at is None
    assert watched(before, seen(5, 1_400.0)).times.delivering_at is None
    assert watched(before, seen(5, 1_600.0)).times.delivering_at == START
    assert watched(before, seen(5, None)) == before


def test_a_site_near_its_reserve_is_let_go() -> None:
    assert watched(active(), seen(5, 3_000.0, left_wh=3_100.0)).wanted is Wanted.RUN
    near = watched(active(), seen(5, 3_000.0, left_wh=3_000.0))
    assert (near.wanted, near.reason) == (Wanted.RELEASE, NEAR_RESERVE)
    soon = watched(active(), seen(5, 3_000.0, left_wh=3_250.0))
    assert (soon.wanted, soon.ending) == (Wanted.RUN, True)
    assert watched(active(), seen(5, -3_000.0, left_wh=2_700.0)).wanted is Wanted.RUN
    assert watched(active(), seen(5, 3_000.0, left_wh=None)).wanted is Wanted.RUN


def test_a_site_that_lasts_to_the_end_is_not_let_go_before_it() -> None:
    assert watched(active(), seen(58, 3_000.0, left_wh=2_920.0)).wanted is Wanted.RUN
    assert not watched(active(), seen(58, 3_000.0, left_wh=2_920.0)).ending
    assert watched(active(), seen(58, 3_000.0, left_wh=2_880.0)).wanted is Wanted.RELEASE


def test_steering_counts_a_site_by_its_meter_once_it_is_fresh() -> None:
    now, rules = START + timedelta(minutes=6), WatchRules()
    assert running(active(), rules, now) == Running("101", 3_000.0, None, settled=False)
    metered = watched(active(), seen(5, 2_500.0))
    assert running(metered, rules, now) == Running("101", 3_000.0, 2_500.0, settled=True)
    later = now + timedelta(minutes=20)
    assert running(metered, rules, later) == Running("101", 3_000.0, None, settled=True)
    assert running(record(wanted=Wanted.RELEASE), rules, now) is None
    assert running(record(stage=Stage.BENCH), rules, now) is None


@pytest.mark.parametrize(
    ("strategy", "power_w", "delivers"),
    [
        (Strategy.DISCHARGE, 1_500.0, True),
        (Strategy.DISCHARGE, 1_499.0, False),
        (Strategy.EXPORT, 3_000.0, True),
        (Strategy.HOLD, 0.0, True),
        (Strategy.HOLD, -4_000.0, True),
        (Strategy.PRESERVE, 500.0, False),
    ],
)
def test_what_counts_as_delivering(strategy: Strategy, power_w: float, *, delivers: bool) -> None:
    assert delivering(strategy, 3_000.0, power_w) is delivers

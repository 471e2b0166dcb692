"""What is committed along a learnt day, on days that are not like it: never more than simulated homes can deliver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.availability import HOURS, SiteAvailability, availability
from shared.energy.dispatch.candidate import Candidate, Held, running_w, sustained_w
from shared.energy.dispatch.holding import LOAD_COUNTED, Window, held, window_of
from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.offers import offer
from shared.energy.dispatch.planning import Plan, PlanRules, Request, plan
from shared.energy.dispatch.standing import Standing
from shared.energy.dispatch.strategies import Expect
from shared.energy.outlook import Outlooks
from shared.tesla.plan_limits import NO_LIMITS
from tests.simulator.config import SimulatorConfig
from tests.simulator.energy_truth import deliverable_w
from tests.unit.test_dispatch_planning import candidate, request
from tests.unit.test_energy_availability_ahead import FALLING, FULL, NOW, ahead, found, seen
from tests.unit.test_energy_availability_days import DAY_S, MIDNIGHT_S, Watched

HOUR = timedelta(hours=1)
SEEDS = (3, 11)
FEWEST = 40
"""Sites of a fleet: one home alone has whims that its neighbours even out."""


def window(start_h: float, hours: float) -> Window:
    start = NOW + start_h * HOUR
    return window_of(start, start + hours * HOUR, NOW)


@pytest.mark.parametrize(
    ("start_h", "hours", "expected"),
    [
        (0, 1, Window(0, (2,))),
        (0.25, 1, Window(0, (3,))),
        (1, 2.5, Window(2, (4, 6, 7))),
        (-1.5, 3, Window(0, (1, 1, 3))),
        (-5, 1, Window(0, (1,))),
        (49, 1, Window(2, (4,))),
        (23.5, 1, Window(47, (49,))),
    ],
)
def test_an_event_in_half_hours_from_now(start_h: float, hours: float, expected: Window) -> None:
    assert window(start_h, hours) == expected
    assert expected.hours == expected.ends[-1] / 2


def test_every_row_of_an_offer_has_its_hour() -> None:
    end = NOW + 2 * HOUR + timedelta(microseconds=1)
    assert len(window_of(NOW, end, NOW).ends) == 3
    one = candidate(held=Held(900.0, (800.0, 700.0, 600.0)))
    asked = Request(Strategy.DISCHARGE, NOW, end, 0.0, Standing(0, NOW, "e"))
    rows = offer([one], asked, PlanRules(margin=0.0), NOW).hours
    assert [(row.kw_if_last, row.kw) for row in rows] == [(0.8, 0.6), (0.7, 0.6), (0.6, 0.6)]


def test_the_least_half_hour_counts_and_the_site_begins_with_what_is_expected_of_it() -> None:
    """1600 W, from 18:30 on 1200 W, from 19:00 on 800 W."""
    can = found(seen(1600), ahead(FALLING))
    assert _held(can, 0, 2) == pytest.approx((1600, 1200 * LOAD_COUNTED, 800 * LOAD_COUNTED))
    assert _held(can, 1, 1) == pytest.approx((800, 800 * LOAD_COUNTED))


def _held(can: SiteAvailability, start_h: float, hours: float) -> tuple[float, ...]:
    """What it gives at the start, then what it holds up to the end of each hour."""
    got = held(can, window(start_h, hours), export=False)
    assert got is not None
    return (got.at_start_w, *got.least_w)


def test_the_battery_exports_what_it_can_whatever_the_house_will_draw() -> None:
    parts = msgspec.structs.replace(FULL, export_rule="battery_ok")
    can = found(seen(1600), ahead(FALLING), parts)
    assert held(can, window(0, 2), export=True) == Held(5000, (5000, 5000))
    assert _held(can, 0, 1) == pytest.approx((1600, 1200 * LOAD_COUNTED))


def test_without_a_learnt_day_the_present_counts_and_fades() -> None:
    assert held(found(seen(1600), None), window(0, 2), export=False) is None
    known = candidate(offset_w=100.0, held=Held(2_000.0, (1_500.0, 1_200.0)))
    assert running_w(known, Expect.LOAD_OFFSET) == 2_000
    assert sustained_w(known, Expect.LOAD_OFFSET, 2.0, 0.1) == 1_200
    assert sustained_w(known, Expect.LOAD_OFFSET, 1.0, 0.1, hour=0) == 1_500
    assert sustained_w(known, Expect.LOAD_OFFSET, 18.0, 0.1) == 500
    assert sustained_w(known, Expect.NOTHING, 1.0) == running_w(known, Expect.NOTHING) == 0
    asked = request(10.0, 2.0, strategy=Strategy.DISCHARGE)
    assert plan([known], asked, PlanRules(margin=0.0), NO_LIMITS, asked.start).committed_kw == pytest.approx(1.2)


@dataclass(frozen=True)
class Moment:
    """A fleet at one hour: what is known of it, and what each site can really give on average, W by hours."""

    fleet: Mapping[str, Candidate]
    fleet_of: Mapping[int, Mapping[str, Held | None]]
    truth: Mapping[str, Mapping[float, float]]
    now: datetime


@cache
def day(seed: int) -> tuple[Moment, ...]:
    """The hours of the day after two others; all of them differ."""
    config = SimulatorConfig(seed=seed, accounts=1, vehicles=0, sites=120, empty_site=False, variety=1.0)
    watched = Watched(config)
    for half_hour in range(96):
        watched.poll(MIDNIGHT_S - 2 * DAY_S + 1800 * half_hour + 900)
    return tuple(_moment(watched, MIDNIGHT_S + 3600 * hour) for hour in range(24))


def _moment(watched: Watched, at_s: float) -> Moment:
    sites, now = watched.poll(at_s), datetime.fromtimestamp(at_s, UTC)
    outlooks = Outlooks(watched.shapes, now, max(HOURS) + 0.5)
    fleet: dict[str, Candidate] = {}
    held_of: dict[int, dict[str, Held | None]] = {hours: {} for hours in HOURS}
    for key, site in watched.roster.items():
        can = availability(site, watched.samples[key], now, outlook=outlooks.of(site))
        assert can.ahead is not None
        energy_wh = can.surplus_wh * can.efficiency
        fleet[key] = Candidate(site, "0000", deliverable_wh=energy_wh, excluded="" if can.counts else "out")
        for hours in HOURS:
            held_of[hours][key] = held(can, window_of(now, now + hours * HOUR, now), export=False)
    return Moment(fleet, held_of, {str(site.site_id): deliverable_w(site, "self_consumption") for site in sites}, now)


def planned(moment: Moment, keys: list[str], hours: int, target_kw: float) -> Plan:
    fleet = [replace(moment.fleet[key], held=moment.fleet_of[hours][key]) for key in keys]
    end = moment.now + hours * HOUR
    asked = Request(Strategy.DISCHARGE, moment.now, end, target_kw * 1000, Standing(0, moment.now, "event"))
    return plan(fleet, asked, PlanRules(), NO_LIMITS, moment.now)


@given(st.sampled_from(SEEDS), st.integers(0, 23), st.sampled_from(HOURS), st.floats(1, 300), st.data())
def test_no_more_is_committed_than_the_homes_deliver_on_a_day_that_is_not_the_learnt_one(
    seed: int, hour: int, hours: int, target_kw: float, data: st.DataObject
) -> None:
    moment = day(seed)[hour]
    keys = data.draw(st.lists(st.sampled_from(sorted(moment.fleet)), min_size=FEWEST, unique=True))
    made = planned(moment, keys, hours, target_kw)
    can_w = sum(moment.truth[one.energy_site_id][hours] for one in (*made.run, *made.bench))
    assert made.committed_kw * 1000 <= can_w
    for one in (*made.run, *made.bench):
        assert one.sustained_w <= one.expected_w + 1e-6


def test_most_of_what_the_homes_deliver_is_committed() -> None:
    """Over a whole day more than half of what the homes give on average, which they do not give all the time."""
    for hours in HOURS:
        committed_w = truth_w = 0.0
        for moment in day(SEEDS[0]):
            made = planned(moment, list(moment.fleet), hours, 1e6)
            committed_w += made.committed_kw * 1000
            truth_w += sum(moment.truth[key][hours] for key in moment.fleet)
        assert 0.5 * truth_w < committed_w < truth_w

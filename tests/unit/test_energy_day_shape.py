"""How the course of a day is learnt from ticks: by hand, through growth, gaps, clock changes and broken meters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.day_shape import (
    DAY_S,
    FEWEST_SITES,
    MOST_W,
    SLOT_S,
    SLOTS,
    Course,
    DayShape,
    Shapes,
    learn_day,
    pack_shapes,
    unpack_shapes,
    wall_s,
    zone_of,
)
from shared.energy.model import Equipment, RosterSite
from shared.energy.polling import TICK_S, sample_after, tick_of
from shared.energy.samples import Outcome, Reading, Sample

NOON = datetime(2026, 7, 1, 12, 10, tzinfo=UTC)
TICK = tick_of(NOON)
TICKS_A_DAY = DAY_S // TICK_S
BERLIN = Equipment(NOON, 5000, 13_500, 1, 20, time_zone="Europe/Berlin", has_solar=True)
Rows = list[tuple[RosterSite, Sample | None]]


def site(number: int = 0, **changes: Any) -> RosterSite:
    return RosterSite(str(number), "account", "eu", equipment=msgspec.structs.replace(BERLIN, **changes))


def sample(load_w: float | None = 1000, solar_w: float | None = 500, peak_w: float = 2000, **changes: Any) -> Sample:
    seen = Reading(NOON, NOON, load_power_w=load_w, solar_power_w=solar_w)
    return msgspec.structs.replace(Sample(Outcome.OK, seen, asked_tick=TICK, solar_peak_w=peak_w), **changes)


def homes(count: int, **changes: Any) -> Rows:
    """So many homes that all answer the same."""
    return [(site(number), sample(**changes)) for number in range(count)]


def seen(**changes: Any) -> Sample:
    """A sample whose reading has changes."""
    whole = sample()
    assert whole.reading is not None
    return msgspec.structs.replace(whole, reading=msgspec.structs.replace(whole.reading, **changes))


def slot(shapes: Shapes, zone: str = "Europe/Berlin") -> tuple[float, float]:
    """Load and sun in the half hour of noon: 14:10 on Berlin's walls, 12:10 UTC."""
    shape = shapes[zone]
    return shape.load_w.means[28 if zone == "Europe/Berlin" else 24], shape.sun.means[24]


def test_a_tick_adds_the_mean_load_and_the_share_of_the_panels_best() -> None:
    rows = homes(5, load_w=600, solar_w=300, peak_w=3000) + homes(5, load_w=1000, solar_w=None, peak_w=0)
    shapes = learn_day({}, rows, TICK, NOON)
    assert slot(shapes) == pytest.approx((800, 0.1))
    assert sum(shapes["Europe/Berlin"].load_w.ticks) == 1
    assert shapes["Europe/Berlin"].sun.ticks[24] == 1


def test_a_fleet_without_panels_has_a_course_of_darkness() -> None:
    assert slot(learn_day({}, homes(10, solar_w=None, peak_w=0), TICK, NOON)) == (1000, 0)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        sample(outcome=Outcome.TIMED_OUT, failures=1),
        sample(asked_tick=TICK - 1),
        sample(reading=None),
        sample(load_w=None),
        sample(load_w=-5),
        seen(at=None),
        seen(at=NOON - timedelta(minutes=11)),
        seen(flags=("unbalanced",)),
    ],
)
def test_what_this_tick_did_not_read_teaches_nothing(odd: Sample | None) -> None:
    few: Rows = homes(FEWEST_SITES - 1)
    assert learn_day({}, [*few, (site(99), odd)], TICK, NOON) == {}
    assert learn_day({}, [*few, (site(99), sample())], TICK, NOON) != {}


def test_one_broken_meter_bends_no_course() -> None:
    rows = [*homes(99), (site(99), sample(load_w=900_000)), (site(100), sample(solar_w=1e6, peak_w=1e6))]
    assert slot(learn_day({}, rows, TICK, NOON)) == pytest.approx((1000, 0.25))
    rows = [*homes(99), (site(99), sample(load_w=MOST_W, solar_w=MOST_W, peak_w=MOST_W))]
    load_w, sun = slot(learn_day({}, rows, TICK, NOON))
    assert load_w == pytest.approx((99 * 1000 + MOST_W) / 100)
    assert sun == pytest.approx((99 * 500 + MOST_W) / (99 * 2000 + MOST_W))


def test_the_first_ticks_are_a_plain_mean_and_later_ones_fade() -> None:
    course = Course()
    for value in (100, 200, 600):
        course.take(0, value)
    assert course.means[0] == pytest.approx(300)
    for _ in range(6 * 30):
        course.take(0, 900)
    assert course.means[0] == pytest.approx(900, rel=0.001)
    for _ in range(6):
        course.take(0, 1900)
    assert course.means[0] == pytest.approx(1900 - 1000 * 0.94**6, rel=0.001)


def test_a_course_goes_evenly_from_middle_to_middle_and_around_midnight() -> None:
    course = Course([float(number) for number in range(SLOTS)], [1] * SLOTS)
    assert course.at(SLOT_S / 2) == 0
    assert course.at(SLOT_S * 1.25) == pytest.approx(0.75)
    assert course.at(DAY_S - SLOT_S / 2) == SLOTS - 1
    assert course.at(DAY_S) == course.at(0) == pytest.approx((SLOTS - 1) / 2)


def test_a_gap_in_what_is_learnt_stays_a_gap() -> None:
    course = Course(ticks=[1] * 10 + [0] * (SLOTS - 10))
    assert course.at(9.4 * SLOT_S) is not None
    assert course.at(9.6 * SLOT_S) is None
    assert course.at(0) is None


def test_zones_are_learnt_apart_and_forgotten_with_their_last_site() -> None:
    there: Rows = [(site(20 + number, time_zone="Europe/Lisbon"), sample(load_w=300)) for number in range(10)]
    both = learn_day({}, homes(10) + there, TICK, NOON)
    assert slot(both)[0] == 1000
    assert both["Europe/Lisbon"].load_w.means[26] == 300
    assert set(learn_day(both, homes(10), TICK, NOON)) == {"Europe/Berlin"}


def test_a_zone_out_of_reach_keeps_what_it_learnt() -> None:
    before = learn_day({}, homes(10), TICK, NOON)
    packed = pack_shapes(before)
    assert learn_day(before, [(site(number), None) for number in range(10)], TICK, NOON) == unpack_shapes(packed)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "\x00", "Europe", "x" * 64, "eu"])
def test_a_zone_that_nobody_knows_goes_by_utc(name: str) -> None:
    assert wall_s(name, NOON) == NOON.timestamp()
    shapes = learn_day({}, [(site(number, time_zone=name), sample()) for number in range(10)], TICK, NOON)
    assert slot(shapes, name or "eu") == pytest.approx((1000, 0.25))


def test_a_site_without_equipment_goes_by_its_region() -> None:
    assert zone_of(RosterSite("1", "account", "na")) == "na"
    assert zone_of(site()) == "Europe/Berlin"


def test_load_goes_by_the_clock_on_the_wall_and_the_sun_does_not() -> None:
    """Between Saturday and Sunday Berlin's clocks are put back."""
    shapes: Shapes = {}
    for at in (datetime(2026, 10, 24, 10, 5, tzinfo=UTC), datetime(2026, 10, 25, 10, 5, tzinfo=UTC)):
        rows: Rows = []
        for number in range(10):
            told = sample()
            assert told.reading is not None
            reading = msgspec.structs.replace(told.reading, at=at)
            rows.append((site(number), msgspec.structs.replace(told, reading=reading)))
        learn_day(shapes, rows, TICK, at)
    shape = shapes["Europe/Berlin"]
    assert [number for number, ticks in enumerate(shape.load_w.ticks) if ticks] == [22, 24]
    assert [number for number, ticks in enumerate(shape.sun.ticks) if ticks] == [20]


def test_a_shard_that_grows_keeps_its_course_within_what_its_sites_are() -> None:
    shapes = learn_day({}, homes(10, load_w=500), TICK, NOON)
    learn_day(shapes, homes(400, load_w=2000), TICK, NOON)
    assert 500 <= slot(shapes)[0] <= 2000


def test_shapes_are_stored_small_and_read_again() -> None:
    shapes = learn_day({}, homes(10), TICK, NOON)
    packed = pack_shapes(shapes)
    assert unpack_shapes(packed) == shapes
    assert len(packed) < 1_100
    assert (pack_shapes({}), unpack_shapes(b"")) == (b"", {})


def test_a_shape_of_other_half_hours_is_learnt_anew() -> None:
    odd = DayShape(Course([1.0] * 24, [1] * 24), Course())
    assert set(unpack_shapes(pack_shapes({"odd": odd, "even": DayShape()}))) == {"even"}


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(allow_nan=True, allow_infinity=True),
            st.none() | st.floats(0, 1e6),
            st.floats(0, 1e6),
        ),
        min_size=FEWEST_SITES,
        max_size=20,
    ),
    st.floats(0, 2e9),
)
def test_whatever_sites_say_a_course_stays_within_what_homes_are(
    told: list[tuple[float | None, float | None, float]], at_s: float
) -> None:
    shapes: Shapes = {}
    for load_w, solar_w, peak_w in told:
        rows: Rows = [
            (site(number), sample(load_w, solar_w, max(peak_w, solar_w or 0))) for number in range(FEWEST_SITES)
        ]
        learn_day(shapes, rows, TICK, NOON + timedelta(seconds=at_s % 60))
    for shape in shapes.values():
        assert all(0 <= mean <= MOST_W for mean in shape.load_w.means)
        assert all(0 <= mean <= 1 + 1e-9 for mean in shape.sun.means)


def polled(*solar_w: float | None, every: int = 1) -> Sample:
    """The sample after polls that read so much from the panels."""
    found: Sample | None = None
    for number, each in enumerate(solar_w):
        reading = Reading(NOON, NOON, solar_power_w=each)
        found = sample_after(found, Outcome.OK, reading, TICK + number * every)
    assert found is not None
    return found


def test_the_panels_best_is_kept_and_loses_a_tenth_a_day() -> None:
    assert polled(100, 4000, 3000).solar_peak_w == pytest.approx(4000, rel=0.001)
    assert polled(4000, 0, every=TICKS_A_DAY).solar_peak_w == pytest.approx(3600)
    assert polled(*[4000, *[None] * TICKS_A_DAY]).solar_peak_w == pytest.approx(3600)
    assert polled(4000, 5000, every=TICKS_A_DAY).solar_peak_w == 5000
    assert polled(None, -40).solar_peak_w == 0


def test_polls_that_fail_or_are_left_out_keep_the_panels_best() -> None:
    known = polled(4000)
    for outcome in (Outcome.TIMED_OUT, Outcome.SKIPPED, Outcome.NOT_REACHED):
        assert sample_after(known, outcome, None, TICK + 1).solar_peak_w == 4000
    assert sample_after(None, Outcome.TIMED_OUT, None, TICK).solar_peak_w == 0

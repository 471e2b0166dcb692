"""Availability along a learnt day: by hand, at its bounds, and never beyond what battery, house and meter allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.availability import HOURS, SiteAvailability, availability
from shared.energy.day_shape import DAY_S, MOST_W, SLOT_S, SLOTS, Course, DayShape, Shapes
from shared.energy.fleet import total
from shared.energy.model import Equipment, Evidence, Fact, RosterSite
from shared.energy.outlook import Outlook, Outlooks, outlook
from shared.energy.samples import Outcome, Reading, Sample

NOW = datetime(2026, 7, 1, 18, 0, tzinfo=UTC)
HOLDS = Fact(True, NOW, Evidence.OPERATOR)
FULL = Equipment(NOW, 5000, 40_000, 1, 0, export_rule="never")
SUNNY = msgspec.structs.replace(FULL, has_solar=True)
HORIZON_H = max(HOURS)


def course(*levels: float, start_h: float = 18) -> Course:
    """A course with these levels in the half hours from an hour on, and the first of them in all the others."""
    means = [levels[0]] * SLOTS
    for number, level in enumerate(levels):
        means[(int(start_h * 2) + number) % SLOTS] = level
    return Course(means, [1] * SLOTS)


def ahead(load_w: Course, sun: Course | None = None, now: datetime = NOW, hours: float = HORIZON_H) -> Outlook:
    """The outlook of a zone by UTC."""
    found = outlook(DayShape(load_w, sun or course(0)), "", now, hours)
    assert found is not None
    return found


def seen(load_w: float | None, solar_w: float | None = None, peak_w: float = 0, **changes: Any) -> Sample:
    """A sample of a battery with 38 kWh to give."""
    whole = Reading(
        NOW, NOW, 0, solar_w, load_w, energy_left_wh=40_000, total_pack_energy_wh=40_000,
        island_status="on_grid", grid_status="Active",
    )  # fmt: skip
    return Sample(Outcome.OK, msgspec.structs.replace(whole, **changes), solar_peak_w=peak_w)


def found(sample: Sample, out: Outlook | None, parts: Equipment = FULL, now: datetime = NOW) -> SiteAvailability:
    site = RosterSite("1", "account", "eu", HOLDS, HOLDS, HOLDS, equipment=parts)
    return availability(site, sample, now, outlook=out)


FALLING = course(800, 800, 600, 400, 400, 400, 400, 400, start_h=17.5)
"""At 18:00, between two half hours of 800 W; then 800, 600, and 400 W from 19:00 on."""


def test_the_load_goes_as_its_neighbours_do() -> None:
    """A house that draws 1600 W where the others draw 800: 1600, 1200, then 800 W."""
    got = found(seen(1600), ahead(FALLING))
    assert got.offset_limit_w == 1600
    assert got.load_offset_w == got.available_w == pytest.approx((1400, 1100, 1000))
    assert [got.deliverable_w(hours) for hours in HOURS] == pytest.approx(got.available_w)


def test_an_event_later_or_of_odd_length_has_its_own_mean() -> None:
    got = found(seen(1600), ahead(FALLING))
    assert got.deliverable_w(0.5) == pytest.approx(1600)
    assert got.deliverable_w(0.75) == pytest.approx((1600 * 2 + 1200) / 3)
    assert got.deliverable_w(1, after_h=1) == pytest.approx(800)
    assert got.deliverable_w(0.5, after_h=0.25) == pytest.approx(1400)


def test_beyond_what_is_looked_at_the_last_half_hour_stays() -> None:
    got = found(seen(1600), ahead(FALLING))
    assert got.deliverable_w(2, after_h=50) == pytest.approx(800)
    assert got.deliverable_w(6) == pytest.approx((1600 + 1200 + 10 * 800) / 12)
    night = course(800, *[800] * 8, 200, start_h=17.5)
    assert found(seen(1600), ahead(night)).deliverable_w(1, after_h=4) == pytest.approx(1600)
    assert found(seen(1600), ahead(night, hours=6)).deliverable_w(0.5, after_h=4) == pytest.approx(400)


def test_energy_and_rating_bound_what_is_ahead() -> None:
    rising = ahead(course(1000, 1000, 2000, 3000, 4000, 4000, 4000, 4000, start_h=17.5))
    got = found(seen(2000), rising)
    assert got.available_w == pytest.approx((3000, (2000 + 4000 + 2 * 5000) / 4, (2000 + 4000 + 4 * 5000) / 6))
    short = found(seen(2000, energy_left_wh=6_000), rising)
    assert short.available_w == pytest.approx((3000, 2850, 1900))
    assert short.deliverable_w(2) == pytest.approx(2850)


def test_export_without_limit_depends_on_no_shape() -> None:
    free = msgspec.structs.replace(FULL, export_rule="battery_ok")
    got = found(seen(1600), ahead(FALLING), free)
    assert got.available_w == pytest.approx((5000, 5000, 5000))
    assert got.load_offset_w == pytest.approx((1400, 1100, 1000))
    assert got.deliverable_w(2) == 5000
    assert got.deliverable_w(2, export=False) == pytest.approx(1100)


def test_a_limited_meter_takes_what_the_sun_leaves() -> None:
    """Of 3 kW the sun feeds in 2, 1 and then nothing, with the house drawing 1 kW and 1 kW of sun less each time."""
    capped = msgspec.structs.replace(SUNNY, export_rule="battery_ok", export_cap_w=3000)
    sun = course(0.6, 0.6, 0.4, 0.2, 0.2, 0.2, 0.2, 0.2, start_h=17.5)
    got = found(seen(1000, 3000, 5000), ahead(course(800), sun), capped)
    assert got.export_limit_w == 1000
    assert got.available_w == pytest.approx(((1000 + 2000) / 2, (1000 + 2000 + 2 * 3000) / 4, 15_000 / 6))
    assert got.load_offset_w == pytest.approx((0, 0, 0))


def test_the_sun_goes_on_under_todays_sky() -> None:
    """Panels at half of what they give on other days: 1000 W of 2000, then 500 W."""
    setting = ahead(course(800), course(0.5, 0.5, 0.25, 0, 0, 0, 0, 0, start_h=17.5))
    got = found(seen(1500, 1000, 4000), setting, SUNNY)
    assert got.load_offset_w == pytest.approx(((500 + 1000) / 2, (500 + 1000 + 2 * 1500) / 4, (1500 + 6000) / 6))


def test_before_dawn_the_panels_best_tells_what_will_come() -> None:
    dawn = ahead(course(800), course(0, 0, 0, 0.1, 0.2, 0.2, 0.2, 0.2, start_h=17.5))
    assert found(seen(1000, 0, 4000), dawn, SUNNY).load_offset_w[1] == pytest.approx((1000 + 1000 + 600 + 200) / 4)
    unknown = found(seen(1000, 0, 0), dawn, SUNNY)
    assert unknown.load_offset_w == pytest.approx(
        (1000, 500, 2000 / 6)
    )  # panels of 20 kW, until they have shown more
    assert found(seen(1000, 0, 0), dawn).load_offset_w == pytest.approx((1000, 1000, 1000))


def test_panels_never_give_more_than_their_best() -> None:
    """Far more than the others in the morning, as panels to the east do: 4 kW at noon, not 20."""
    noon = ahead(course(800), course(0.2, 0.2, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, start_h=17.5))
    assert noon.of_site(800, (4000, 4000), 0).sun_w == pytest.approx(4000 / 0.8)


def test_panels_that_may_not_feed_in_may_be_held_back() -> None:
    """They carry the house and could give 3 kW: when it draws more, they do."""
    more = ahead(course(800, 800, 1600, 1600, start_h=17.5), course(0.5))
    assert found(seen(1000, 1000, 6000), more, SUNNY).load_offset_w[0] == 0
    pv_only = msgspec.structs.replace(SUNNY, export_rule="pv_only")
    assert found(seen(1000, 1000, 6000), more, pv_only).load_offset_w[0] == pytest.approx(500)


def test_a_reading_counts_from_when_it_was_made() -> None:
    """Ten minutes ago the zone stood at 1000 W, now at 800: 1000 W then are 800 now."""
    steep = Course([1000.0 - 600 * (number == 36) for number in range(SLOTS)], [1] * SLOTS)
    out = ahead(steep)
    assert out.load_w == pytest.approx(700)
    old = NOW - timedelta(minutes=10)
    assert out.load_w + out.load_slope * 600 == pytest.approx(900)
    assert found(seen(900, at=old), out).load_offset_w[0] == pytest.approx((400 + 1000) / 2)
    assert found(seen(700), out).load_offset_w[0] == pytest.approx((400 + 1000) / 2)


@pytest.mark.parametrize(
    ("sample", "parts"),
    [(seen(None), FULL), (seen(None, 500, 900), SUNNY), (seen(1000, None, 900), SUNNY)],
)
def test_where_load_or_sun_are_unknown_nothing_is_offset(sample: Sample, parts: Equipment) -> None:
    got = found(sample, ahead(FALLING, course(0.5)), parts)
    assert (got.load_offset_w, got.available_w, got.deliverable_w(1)) == ((0, 0, 0), (0, 0, 0), 0)


@pytest.mark.parametrize("load_w", [0.0, -0.0, -300.0])
def test_a_house_that_draws_nothing_is_expected_to_draw_nothing(load_w: float) -> None:
    assert found(seen(load_w), ahead(FALLING)).load_offset_w == (0, 0, 0)


def test_ratios_are_bounded() -> None:
    jump = ahead(course(1, 1, 20_000, 20_000, 20_000, 20_000, 20_000, 20_000, start_h=17.5))
    assert found(seen(100), jump).load_offset_w[2] <= 400
    drop = ahead(course(20_000, *[20_000] * 2, *[1] * 6, start_h=17.5))
    assert found(seen(1000), drop).load_offset_w[2] >= 250


def test_no_load_and_a_day_not_learnt_yet_give_no_outlook() -> None:
    assert outlook(DayShape(course(0.5), course(0)), "", NOW) is None
    assert outlook(DayShape(), "", NOW) is None
    young = course(800)
    young.ticks[(18 + 2) * 2] = 0
    assert outlook(DayShape(young, course(0)), "", NOW) is None
    assert outlook(DayShape(course(800), young), "", NOW) is None
    assert outlook(DayShape(young, course(0)), "", NOW + timedelta(hours=5)) is not None


def test_outlooks_are_by_zone() -> None:
    shapes: Shapes = {"Europe/Berlin": DayShape(FALLING, course(0)), "eu": DayShape(course(500), course(0))}
    out = Outlooks(shapes, NOW)
    here = msgspec.structs.replace(FULL, time_zone="Europe/Berlin")
    one = out.of(RosterSite("1", "a", "eu", equipment=here))
    assert one is out.of(RosterSite("2", "a", "na", equipment=here))
    assert one is not None
    assert one.load_w == 400  # 20:00 on the wall
    other = out.of(RosterSite("3", "a", "eu"))
    assert other is not None
    assert other.load_w == 500
    assert out.of(RosterSite("4", "a", "na")) is None


def test_sums_go_along_the_shape_and_stay_as_they_are_without() -> None:
    rows = [(RosterSite("1", "a", "eu", HOLDS, HOLDS, HOLDS, equipment=FULL), seen(1600))]
    shapes: Shapes = {"eu": DayShape(FALLING, course(0))}
    assert total(rows, NOW, shapes=shapes).load_offset_w == pytest.approx([1400, 1100, 1000])
    assert total(rows, NOW, shapes={}) == total(rows, NOW)
    assert total(rows, NOW).load_offset_w == [1600, 1600, 1600]


levels = st.lists(st.floats(0, MOST_W), min_size=SLOTS, max_size=SLOTS)
shares = st.lists(st.floats(0, 1), min_size=SLOTS, max_size=SLOTS)


@given(
    shape=st.tuples(levels, shares),
    powers=st.tuples(st.none() | st.floats(-1e6, 1e6), st.none() | st.floats(-1e6, 1e6), st.floats(0, 1e6)),
    energy_wh=st.floats(0, 40_000),
    cap=st.none() | st.floats(0, 20_000),
    rule=st.sampled_from(["battery_ok", "pv_only", "never", ""]),
    age_s=st.floats(-600, 600),
    at_s=st.floats(0, DAY_S),
)
def test_no_shape_lets_a_site_offer_more_than_rating_energy_and_rule_allow(
    shape: tuple[list[float], list[float]],
    powers: tuple[float | None, float | None, float],
    energy_wh: float,
    cap: float | None,
    rule: str,
    age_s: float,
    at_s: float,
) -> None:
    now = NOW + timedelta(seconds=at_s)
    (load, sun), (load_w, solar_w, peak_w) = shape, powers
    out = outlook(DayShape(Course(load, [1] * SLOTS), Course(sun, [1] * SLOTS)), "", now)
    parts = msgspec.structs.replace(SUNNY, export_rule=rule, export_cap_w=cap)
    sample = seen(load_w, solar_w, peak_w, energy_left_wh=energy_wh, at=now - timedelta(seconds=age_s))
    got = found(sample, out, parts, now)
    assert got.counts
    for hours, most, offset in zip(HOURS, got.available_w, got.load_offset_w, strict=True):
        assert 0 <= offset <= most + 1e-6
        assert most <= 5000
        assert most * hours <= got.surplus_wh * 0.95 + 1e-6
        assert offset <= 4 * max(0, load_w or 0) + 1e-6
        assert rule == "battery_ok" or most == offset
        assert cap is None or most <= 4 * max(0, load_w or 0) + cap + 1e-6
        assert most == pytest.approx(got.deliverable_w(hours), abs=1e-3)
        assert offset == pytest.approx(got.deliverable_w(hours, export=False), abs=1e-3)


@given(shares, st.floats(0, 9000), st.floats(0, 9000), st.integers(0, SLOTS - 1))
def test_more_sun_never_means_more_to_offset(sun: list[float], one_w: float, two_w: float, slot: int) -> None:
    now = NOW + timedelta(seconds=slot * SLOT_S)
    out = ahead(course(800), Course(sun, [1] * SLOTS), now)
    less, more = (found(seen(1500, solar_w, 9000, at=now), out, SUNNY, now) for solar_w in sorted((one_w, two_w)))
    for few, many in zip(more.load_offset_w, less.load_offset_w, strict=True):
        assert few <= many + 1e-6

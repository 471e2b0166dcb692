"""Energy by interval against a known power curve, participation, and the check against the battery's own energy."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.energy.dispatch.event_csv import sites_csv
from shared.energy.dispatch.records import Meter, SiteRecord, Snapshot, Stage, StageTimes
from shared.energy.dispatch.settlement import (
    Point,
    Span,
    close,
    energy_agrees,
    intervals,
    measure,
    participates,
    settle,
)
from tests.unit.dispatch_samples import END, START, course, record

SNAPSHOT = Snapshot(START, "backup")


def point(minutes: float, power_w: float, energy_wh: float | None = None) -> Point:
    return Point(START + timedelta(minutes=minutes), power_w, energy_wh)


def metered(points: list[Point]) -> tuple[Meter, list[float]]:
    meter, by_interval = Meter(), list[float]()
    for one in points:
        meter = measure(meter, one, Span(START, END), by_interval)
    return meter, by_interval


def test_a_steady_power_gives_the_same_energy_in_every_interval() -> None:
    meter, by_interval = metered([point(minutes, 6_000.0) for minutes in range(-7, 75, 4)])
    assert by_interval == [pytest.approx(500.0)] * 12
    assert [meter.delivered_wh, meter.covered_s] == pytest.approx([6_000.0, 3_600.0])


@given(
    st.lists(st.tuples(st.floats(0.1, 15), st.floats(-5_000, 12_000)), min_size=2, max_size=30),
    st.floats(-30, 30),
)
def test_intervals_add_up_to_the_integral(steps: list[tuple[float, float]], first: float) -> None:
    points, minutes = [], first
    for gap, power_w in steps:
        points.append(point(minutes, power_w))
        minutes += gap
    meter, by_interval = metered(points)
    assert sum(by_interval) == pytest.approx(meter.delivered_wh, abs=1e-6)
    assert len(by_interval) <= 12
    assert 0 <= meter.covered_s <= 3_600 + 1e-6
    most = max(power for _, power in steps)
    assert all(wh <= max(0.0, most) * 300 / 3600 + 1e-6 for wh in by_interval)


def test_repeated_and_older_points_change_nothing_and_a_long_gap_counts_nothing() -> None:
    meter, by_interval = metered([point(0, 6_000.0), point(5, 6_000.0), point(5, 9_000.0), point(2, 9_000.0)])
    assert [meter.delivered_wh, *by_interval] == pytest.approx([500.0, 500.0])
    after_gap, _ = metered([point(0, 6_000.0), point(5, 6_000.0), point(30, 6_000.0), point(35, 6_000.0)])
    assert [after_gap.delivered_wh, after_gap.covered_s] == pytest.approx([1_000.0, 600.0])


def test_what_a_site_does_after_the_end_takes_nothing_from_the_event() -> None:
    charging = point(60.02, -6_000.0)  # a second after the end its tariff is over, or it has been put back
    meter, by_interval = metered([*(point(minutes, 6_000.0) for minutes in range(0, 60, 5)), charging])
    assert by_interval == [pytest.approx(500.0)] * 12
    assert (meter.at, meter.power_w) == (charging.at, -6_000.0)


def test_energy_is_taken_at_the_events_ends() -> None:
    points = [point(minutes, 6_000.0, 12_000 - 100 * minutes) for minutes in (-4, 1, 6, 11, 16, 31, 46, 59, 64, 69)]
    meter, _ = metered(points)
    assert [meter.energy_start_wh, meter.energy_end_wh] == pytest.approx([12_000.0, 6_000.0])
    site = record(meter=meter)
    assert energy_agrees(site)
    assert not energy_agrees(record(meter=Meter(START, 0.0, 6_000.0, 3_600.0, 12_000.0, 9_000.0)))
    assert energy_agrees(record(meter=Meter(START, 0.0, 6_000.0, 3_600.0, None, 9_000.0))) is None


def ran(number: int, meter: Meter, *, until: datetime = END) -> SiteRecord:
    return record(number, snapshot=SNAPSHOT, meter=meter, times=StageTimes(commanded_at=START, restoring_at=until))


def test_a_site_participates_with_half_of_what_it_should_deliver_while_it_was_asked() -> None:
    assert participates(ran(1, Meter(delivered_wh=1_500.0)), START, END)
    assert not participates(ran(1, Meter(delivered_wh=1_499.0)), START, END)
    half = START + timedelta(minutes=30)
    assert participates(ran(1, Meter(delivered_wh=750.0), until=half), START, END)
    assert not participates(record(1), START, END)


def test_a_site_that_was_to_hold_takes_part_as_long_as_it_gives_nothing() -> None:
    charged, idle, discharged = (
        replace(ran(number, Meter(END, 0.0, wh, 3_600.0)), expected_w=0.0)
        for number, wh in enumerate((-2_766.0, 12.0, 1_800.0))
    )
    assert [participates(one, START, END) for one in (charged, idle, discharged)] == [True, True, False]
    found = settle([charged, idle], [-230.0] * 12, START, END, course(5.0, 0.0))
    assert found.participation == 1.0


def test_a_site_that_still_runs_is_judged_up_to_its_last_reading() -> None:
    now = START + timedelta(minutes=24)
    meter = Meter(START + timedelta(minutes=20), 3_000.0, 1_000.0, 1_200.0)
    times = StageTimes(commanded_at=START)
    steady = record(1, stage=Stage.ACTIVE, snapshot=SNAPSHOT, meter=meter, times=times)
    unread = replace(steady, meter=Meter())
    for end in (now, END):
        assert participates(steady, START, end)
        assert settle([steady, unread], [], START, end, course(3.0, 3.0)).participation == 1.0
        (row,) = csv.DictReader(io.StringIO(sites_csv([steady], START, end)))
        assert row["participated"] == "yes"
    silent = replace(steady, stage=Stage.DONE, times=replace(times, restored_at=END))
    assert not participates(silent, START, END)  # what it did after its last reading, nobody can tell: it is over


def test_the_settlement_adds_up() -> None:
    records = [
        ran(1, Meter(END, 3_000.0, 3_000.0, 3_600.0, 9_000.0, 5_900.0)),
        ran(2, Meter(END, 0.0, 300.0, 3_600.0, 9_000.0, 5_900.0)),
        record(3),
    ]
    found = settle(records, [275.0] * 12, START, END, course(5.0, 4.0))
    assert (found.delivered_kwh, found.mean_kw, found.participation) == (3.3, 3.3, 0.5)
    assert (found.energy_checked, found.energy_agrees, len(found.intervals)) == (2, 1, 12)
    assert found.intervals[0].kw == pytest.approx(3.3)


def test_an_event_that_is_no_whole_number_of_intervals_ends_with_a_shorter_one() -> None:
    rows = intervals([100.0, 40.0], START, START + timedelta(minutes=7), course())
    assert [(row.end - row.start).total_seconds() for row in rows] == [300, 120]
    assert [row.kw for row in rows] == [pytest.approx(1.2), pytest.approx(1.2)]


def test_an_end_within_a_second_loses_nothing() -> None:
    rows = intervals([100.0, 1.0], START, START + timedelta(seconds=300.4), course())
    assert sum(row.kwh for row in rows) == pytest.approx(0.101)
    assert rows[-1].end == START + timedelta(seconds=300.4)


def test_before_the_first_reading_the_power_counts_since_the_command_for_one_interval_at_most() -> None:
    span = Span(START, END, since=START + timedelta(minutes=3))
    by_interval = list[float]()
    meter = measure(Meter(), Point(START + timedelta(minutes=6), 6_000.0, 9_000.0), span, by_interval)
    assert meter.delivered_wh == meter.estimated_wh == pytest.approx(300)  # three minutes
    assert by_interval == pytest.approx([200, 100])
    late = measure(Meter(), Point(START + timedelta(minutes=20), 6_000.0, None), span, list[float]())
    assert late.estimated_wh == pytest.approx(500)  # five minutes, not seventeen


def test_when_a_site_is_let_go_its_last_power_is_taken_to_have_held() -> None:
    span, by_interval = Span(START, END), list[float]()
    meter = measure(Meter(), Point(START, 6_000.0, 9_000.0), span, by_interval)
    meter = close(meter, START + timedelta(minutes=4), span, by_interval)
    assert meter.delivered_wh == meter.estimated_wh == pytest.approx(400)
    assert close(meter, START + timedelta(hours=3), span, by_interval) == meter  # the reading is too old for that
    beyond = measure(Meter(), Point(END - timedelta(minutes=2), 6_000.0, None), span, [])
    assert close(beyond, END + timedelta(minutes=5), span, []).estimated_wh == pytest.approx(200)  # nothing after it


def test_what_is_estimated_is_no_part_of_the_check_against_the_batterys_energy() -> None:
    meter = Meter(START, 6_000.0, 3_000.0, 1_800.0, 9_000.0, 6_500.0, 500.0)
    assert energy_agrees(record(meter=meter)) is True

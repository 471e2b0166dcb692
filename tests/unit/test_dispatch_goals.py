"""What was to be delivered at which time of an event that was changed while it ran."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.dispatch.event_csv import intervals_csv
from shared.energy.dispatch.goals import MOST_GOALS, Course, Goal, changed
from shared.energy.dispatch.settlement import settle
from tests.unit.dispatch_samples import END, START

MINUTE = timedelta(minutes=1)


def goal(minutes: float, kw: float, *, ramp_minutes: float = 0.0) -> Goal:
    return Goal(since=START + minutes * MINUTE, target_kw=2 * kw, committed_kw=kw, ramp_minutes=ramp_minutes)


FIRST, SECOND = goal(-10, 3.0), goal(16, 8.0)


def at(minutes: float) -> datetime:
    return START + minutes * MINUTE


def test_every_interval_is_compared_with_the_goal_of_its_time() -> None:
    found = settle([], [250.0] * 12, START, END, Course(START, (FIRST, SECOND)))
    mixed = (3.0 + 4 * 8.0) / 5
    assert [one.goal_kw for one in found.intervals] == pytest.approx([3.0] * 3 + [mixed] + [8.0] * 8)
    assert [one.committed_kw for one in found.intervals] == [one.goal_kw for one in found.intervals]
    assert [one.target_kw for one in found.intervals] == pytest.approx([2 * one.goal_kw for one in found.intervals])
    mean_kw = (16 * 3.0 + 44 * 8.0) / 60
    assert (found.committed_kw, found.goal_kw, found.target_kw) == pytest.approx((mean_kw, mean_kw, 2 * mean_kw))
    rows = list(csv.DictReader(io.StringIO(intervals_csv(found))))
    assert [row["committed_kw"] for row in rows[2:5]] == ["3.000", "7.000", "8.000"]
    assert [row["target_kw"] for row in rows[2:5]] == ["6.000", "14.000", "16.000"]


def test_a_ramp_and_a_change_are_one_course() -> None:
    course = Course(START, (goal(-10, 4.0, ramp_minutes=20.0), goal(7, 8.0, ramp_minutes=20.0)))
    assert [course.goal_kw(at(minutes)) for minutes in (0, 5, 6.9, 7, 10, 15, 59)] == [1, 2, 2, 4, 6, 8, 8]
    found = settle([], [], START, END, course)
    assert [one.goal_kw for one in found.intervals[:4]] == pytest.approx([1.0, (2 * 2 + 3 * 4) / 5, 6.0, 8.0])


def test_an_event_that_was_stopped_is_compared_with_what_held_until_then() -> None:
    assert settle([], [], START, at(16), Course(START, (FIRST, SECOND))).committed_kw == 3.0


def test_what_is_changed_before_the_start_has_always_been_so() -> None:
    assert changed((), FIRST, goal(-5, 8.0), START) == ()
    assert changed((), FIRST, goal(0, 8.0), START) == ()
    assert changed((), FIRST, goal(5, 3.0), START) == ()
    assert changed((), FIRST, SECOND, START) == (FIRST, SECOND)
    third = goal(20, 5.0)
    assert changed((FIRST, SECOND), SECOND, third, START) == (FIRST, SECOND, third)
    assert changed((FIRST, SECOND), SECOND, goal(20, 8.0), START) == (FIRST, SECOND)


def test_which_goals_held_during_a_time() -> None:
    course = Course(START, (FIRST, SECOND, goal(30, 5.0)))
    assert course.during(START, END) == [*course.goals]
    assert course.during(at(20), at(30)) == [SECOND]


@given(st.lists(st.tuples(st.floats(0.01, 0.5), st.floats(0.0, 1e4)), min_size=1, max_size=3 * MOST_GOALS))
def test_however_often_an_event_is_changed_little_is_kept_and_its_mean_stays(
    steps: list[tuple[float, float]],
) -> None:
    minutes, kept = 0.0, tuple[Goal, ...]()
    whole: tuple[Goal, ...] = (FIRST,)
    for later, kw in steps:
        minutes += later
        before = kept[-1] if kept else FIRST
        kept = changed(kept, before, goal(minutes, kw), START)
        whole = (*whole, goal(minutes, kw))
    assert len(kept) <= MOST_GOALS
    span = [(START, START + timedelta(hours=3))]
    means = [Course(START, goals or (FIRST,)).mean(span) for goals in (kept, whole)]
    assert means[0].committed_kw == pytest.approx(means[1].committed_kw, abs=1e-6)

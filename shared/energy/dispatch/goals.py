"""What an event is to deliver at each moment: what was asked and committed, which modifications change, and the ramp.

A modification counts from the moment at which it was taken. What was delivered before is compared with what held
then, and an interval in which it came with both, by their time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import msgspec

from shared.energy.dispatch.ramping import share_at

MOST_GOALS = 100
"""So many are kept of an event; of more the two oldest count as one, with their mean."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What holds from then on: kW asked for and committed, and the minutes of the ramp at the event's start."""

    since: datetime
    target_kw: float
    committed_kw: float
    ramp_minutes: float = 0.0

    @property
    def figures(self) -> tuple[float, float, float]:
        """All but the time."""
        return self.target_kw, self.committed_kw, self.ramp_minutes


@dataclass(frozen=True, slots=True)
class Mean:
    """Means over a time, in kW: asked for, committed, and `goal_kw`, the part of that to which the ramp had come."""

    target_kw: float
    committed_kw: float
    goal_kw: float


@dataclass(frozen=True, slots=True)
class Course:
    """The goals of an event that starts at `start`, by time; one at least, which counts from the beginning."""

    start: datetime
    goals: tuple[Goal, ...]

    def at(self, moment: datetime) -> Goal:
        """The goal that holds then."""
        return next((goal for goal in reversed(self.goals) if goal.since <= moment), self.goals[0])

    def goal_kw(self, at: datetime) -> float:
        """What is to be delivered then."""
        return self._at_once(at).goal_kw

    def mean(self, times: Sequence[tuple[datetime, datetime]]) -> Mean:
        """The means over these times, each from its beginning to its end; without any, what holds now.

        The ramp's share must be the same all through each of them.
        """
        parts = [part for begins, ends in times for part in self._parts(begins, ends)]
        found = [self._at_once(begins) for begins, _ in parts]
        weights = [(ends - begins).total_seconds() for begins, ends in parts]
        if not found:
            return Mean(self.goals[-1].target_kw, self.goals[-1].committed_kw, 0.0)
        return Mean(
            _weighted([one.target_kw for one in found], weights),
            _weighted([one.committed_kw for one in found], weights),
            _weighted([one.goal_kw for one in found], weights),
        )

    def during(self, start: datetime, end: datetime) -> list[Goal]:
        """The goals that held at some time in between."""
        first = self.at(start)
        return [first, *(goal for goal in self.goals if start < goal.since < end and goal is not first)]

    def _parts(self, begins: datetime, ends: datetime) -> list[tuple[datetime, datetime]]:
        """The time, cut where a goal changes."""
        cuts = [goal.since for goal in self.goals[1:] if begins < goal.since < ends]
        return list(pairwise([begins, *cuts, ends]))

    def _at_once(self, moment: datetime) -> Mean:
        goal = self.at(moment)
        share = share_at(moment, self.start, goal.ramp_minutes)
        return Mean(goal.target_kw, goal.committed_kw, goal.committed_kw * share)


def changed(goals: tuple[Goal, ...], before: Goal, after: Goal, start: datetime) -> tuple[Goal, ...]:
    """The goals of an event after a modification; none where it came before the start, so that only one ever held.

    `goals`: those so far (none: only `before`). `start`: the event's, as it is now.
    """
    if after.since <= start:
        return ()
    known = goals or (before,)
    if known[-1].figures == after.figures:
        return goals
    found = (*known, after)
    return found if len(found) <= MOST_GOALS else (_merged(found[:3], start), *found[2:])


def _merged(first: tuple[Goal, ...], start: datetime) -> Goal:
    """The two oldest as one; the third one says when they ended."""
    one, two, third = first
    mean = Course(start, first).mean([(max(start, one.since), third.since)])
    return Goal(
        since=one.since,
        target_kw=mean.target_kw,
        committed_kw=mean.committed_kw,
        ramp_minutes=two.ramp_minutes,
    )


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    """Their mean; of equal ones exactly that."""
    total = sum(weights)
    if len(set(values)) == 1 or total <= 0:
        return values[0]
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total

"""The beginning of an event in steps, for utilities that do not want a whole fleet to move within a minute.

A ramp goes up by equal steps of one settlement interval each: with `ramp_minutes` of 15, a third of what was
committed from the start, two thirds five minutes later, all of it from the tenth minute on. Steering's target and
what the proof compares with are the same figure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

STEP = timedelta(minutes=5)


def steps_of(ramp_minutes: float) -> int:
    """Into how many steps the beginning is divided; 1 without a ramp."""
    return max(1, ceil(timedelta(minutes=ramp_minutes) / STEP))


def share_at(at: datetime, start: datetime, ramp_minutes: float) -> float:
    """The part of the commitment that is to be delivered at that moment; before the start, that of the first step."""
    steps = steps_of(ramp_minutes)
    return min(steps, 1 + max(0, (at - start) // STEP)) / steps


def next_step(at: datetime, start: datetime, ramp_minutes: float) -> datetime | None:
    """When the share grows next; None: it does not any more."""
    number = max(0, (at - start) // STEP) + 1
    return start + number * STEP if number < steps_of(ramp_minutes) else None

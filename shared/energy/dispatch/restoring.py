"""The second half of a site's lifecycle: put back what is still ours, in reverse order, proven by reading."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import starmap

from msgspec.structs import replace

from shared.energy.dispatch.records import Outcome, Restoration, SiteRecord, Snapshot, Stage, Touch, TouchState
from shared.energy.dispatch.steps import End, Look, Patience, Reply, Step, Write
from shared.energy.dispatch.touching import (
    NOT_TAKEN,
    NOT_TOLD,
    failed,
    looked_again,
    recent,
    sent,
    with_mode,
    with_times,
    with_touch,
)


def begin(record: SiteRecord, now: datetime) -> SiteRecord:
    """The event is over for the site. Where nothing can have been changed it is done at once."""
    if all(touch.sent_at is None or touch.settled for touch in record.touches):
        ended = replace(record, stage=Stage.DONE, not_before=None, seen=False)
        return _with_restoration(ended, now)
    outcome = record.outcome if record.outcome is not Outcome.NONE else Outcome.UNKNOWN
    record = with_times(record, restoring_at=now)
    return replace(record, stage=Stage.RESTORING, outcome=outcome, not_before=None, seen=False, failures=0)


def to_send(touch: Touch) -> bool:
    """Whether the setting is known to be still ours, and its own value not sent back yet."""
    return touch.state is TouchState.BACK and touch.sent_at is None


def step(record: SiteRecord) -> Step:
    """What to do at a site that is being restored: the mode first, because it makes the others work.

    What was tried more often comes later: a setting that Tesla does not take back must not hold up the others.
    """
    touch = min(filter(to_send, reversed(record.touches)), key=lambda one: one.attempts, default=None)
    if touch is None or not record.seen:
        return Look()
    return Write(touch.action, touch.prior, undo=True)


def told(record: SiteRecord, done: Look | Write, reply: Reply, patience: Patience, now: datetime) -> SiteRecord:
    """The record after a request of restoring ended."""
    if isinstance(done, Write):
        return _written(record, done, reply, patience, now)
    if reply.end is not End.OK or reply.found is None:
        return _later(record, reply, patience, now)
    return _compared(record, reply.found, patience, now)


def _compared(record: SiteRecord, found: Snapshot, patience: Patience, now: datetime) -> SiteRecord:
    """What a reading while restoring says of each setting."""
    todo = tuple(_judged(touch, found, patience, now) for touch in record.touches)
    if record.taken_by_others and not record.failures:
        todo = tuple(starmap(partial(_yielded, patience=patience, now=now), zip(record.touches, todo, strict=True)))
    record = with_mode(replace(record, touches=todo, seen=True, trouble=""), found.mode)
    if all(touch.settled for touch in todo):
        return _with_restoration(replace(record, stage=Stage.DONE, seen=False), now)
    untried = any(to_send(touch) and not touch.attempts for touch in todo)
    if not untried and _given_up(record, patience, now):
        return _not_restored(record, NOT_TAKEN)
    if any(map(to_send, todo)):
        return record
    if not found.tells(touch for touch in todo if not touch.settled):
        return _later(record, Reply(End.UNKNOWN, NOT_TOLD), patience, now)
    # A command of ours, or its undoing, is still on its way.
    return looked_again(record, patience, now)


def _judged(touch: Touch, found: Snapshot, patience: Patience, now: datetime) -> Touch:
    """One setting by what the site says."""
    if touch.settled:
        return touch
    present = found.value(touch.action)
    if not present:
        # Not told is not changed; and what was seen earlier is no reason to write now.
        return replace(touch, state=TouchState.HELD) if to_send(touch) else touch
    if touch.has_ours(present):
        if touch.state is TouchState.BACK and recent(touch, patience.restore_again_s(touch.attempts), now):
            return touch
        again = touch.attempts + 1 if touch.state is TouchState.BACK else 0
        return replace(touch, state=TouchState.BACK, sent_at=None, attempts=again)
    if present != touch.prior:
        return replace(touch, state=TouchState.OWNER)
    # Its own value, while our command may still be on its way: it would arrive after we looked away.
    late = touch.state in {TouchState.PENDING, TouchState.ACCEPTED} and recent(touch, patience.late_s, now)
    return touch if late else replace(touch, state=TouchState.UNDONE)


def _yielded(before: Touch, after: Touch, patience: Patience, now: datetime) -> Touch:
    """One setting where another operator is at work: what is ours again after Tesla took it back is theirs now."""
    if before.state is not TouchState.BACK or before.sent_at is None or after.settled:
        return after
    return before if recent(before, patience.shown_s, now) else replace(before, state=TouchState.OWNER)


def _written(record: SiteRecord, done: Write, reply: Reply, patience: Patience, now: datetime) -> SiteRecord:
    """The undoing of one setting ended."""
    touch = next(touch for touch in record.touches if touch.action is done.action)
    if reply.end is End.OK:
        return replace(with_touch(record, sent(touch, now)), failures=0)
    if reply.end is End.UNKNOWN:
        return replace(with_touch(record, sent(touch, now)), seen=False, failures=record.failures + 1)
    if reply.end is not End.REFUSED:
        return _later(record, reply, patience, now)
    record = with_touch(record, replace(touch, attempts=touch.attempts + 1))
    untried = any(to_send(other) and other.attempts <= touch.attempts for other in record.touches)
    return record if untried else _later(record, reply, patience, now)


def _later(record: SiteRecord, reply: Reply, patience: Patience, now: datetime) -> SiteRecord:
    """Try again later; after a week of that somebody has to look at it."""
    given_up = _given_up(record, patience, now)
    return _not_restored(record, reply.reason) if given_up else failed(record, reply, patience, now)


def _given_up(record: SiteRecord, patience: Patience, now: datetime) -> bool:
    return now - (record.times.restoring_at or now) >= timedelta(seconds=patience.restore_for_s)


def _not_restored(record: SiteRecord, reason: str) -> SiteRecord:
    return replace(
        record, stage=Stage.DONE, restoration=Restoration.NOT_RESTORED, reason=reason, not_before=None, seen=False
    )


def _with_restoration(record: SiteRecord, now: datetime) -> SiteRecord:
    """The record with how restoring ended."""
    states = {touch.state for touch in record.touches}
    if TouchState.OWNER in states:
        ended = Restoration.LEFT_TO_OWNER
    elif TouchState.UNDONE in states:
        ended = Restoration.RESTORED
    else:
        ended = Restoration.NOTHING_CHANGED
    owner = record.owner_changed or (TouchState.OWNER in states and not record.taken_by_others)
    return with_times(replace(record, restoration=ended, owner_changed=owner), restored_at=now)

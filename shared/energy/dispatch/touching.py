"""Small changes of a record that commanding and restoring share."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.energy.dispatch.records import SiteRecord, Touch
from shared.energy.dispatch.steps import End, Patience, Reply
from shared.tesla.catalogue.energy import EnergyAction

NOT_TOLD = "not_told"
"""Tesla answered, and left out what was asked for."""
NOT_TAKEN = "not_taken"
"""Tesla accepted, and nothing changed."""


def with_touch(record: SiteRecord, changed: Touch) -> SiteRecord:
    """The record with that setting in the place of the one before."""
    new = tuple(changed if touch.action is changed.action else touch for touch in record.touches)
    return replace(record, touches=new)


def with_times(record: SiteRecord, **times: datetime) -> SiteRecord:
    """The record with these times, unless it has them already: the first of its kind counts."""
    new = {name: at for name, at in times.items() if getattr(record.times, name) is None}
    return replace(record, times=replace(record.times, **new)) if new else record


def with_mode(record: SiteRecord, mode: str) -> SiteRecord:
    """The record after a reading of the site's mode ("": not told), which stays as it is.

    Where the event did not touch it, and it is not the one that was there at first, somebody has set it meanwhile.
    """
    first, touched = record.snapshot, any(touch.action is EnergyAction.OPERATION for touch in record.touches)
    if first is None or touched or mode in ("", first.mode, record.mode_found):
        return record
    return replace(record, mode_found=mode, owner_changed=record.owner_changed or not record.taken_by_others)


def sent(touch: Touch, now: datetime) -> Touch:
    """The setting after a command whose fate only a reading can tell."""
    return replace(touch, sent_at=now)


def recent(touch: Touch, seconds: float, now: datetime) -> bool:
    """Whether its last command was sent less than so long ago."""
    return touch.sent_at is not None and now - touch.sent_at < timedelta(seconds=seconds)


def looked_again(record: SiteRecord, patience: Patience, now: datetime) -> SiteRecord:
    """The record while a command is on its way: another look, the later the longer that takes already."""
    sent_at = max((touch.sent_at for touch in record.touches if touch.sent_at is not None), default=now)
    pause_s = patience.look_s((now - sent_at).total_seconds())
    return replace(record, seen=False, not_before=now + timedelta(seconds=pause_s))


def failed(record: SiteRecord, reply: Reply, patience: Patience, now: datetime) -> SiteRecord:
    """The record after something that has to be tried again: later, and after a fresh look."""
    failures = record.failures + 1
    pause_s = patience.pause_s(failures)
    if reply.end is End.REFUSED:
        pause_s = patience.refused_pause_s
    elif reply.retry_after_s is not None:
        pause_s = max(pause_s, reply.retry_after_s)
    later = now + timedelta(seconds=pause_s)
    return replace(record, failures=failures, not_before=later, seen=False, trouble=reply.reason)

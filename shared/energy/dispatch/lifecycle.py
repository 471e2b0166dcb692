r"""One site through one event, as a pure state machine: what holds, what to do next, what its end means.

```
bench -> planned -> commanding -> active -> restoring -> done
              \          \___________________/      /
               \____________________________________/
```

Rules that hold at every step:

- The site's settings are read before the first command, and what is to be put back is known before it is changed.
- A command is written down as intended (`intended`) before it is sent. After a crash the record alone cannot tell
  whether it was sent: a reading tells. The same after a timeout or a 5xx. Nothing is ever sent again on suspicion.
- Nothing is commanded after the event's end. A refusal is final, and what else was set for the site is put back.
- Put back is only what still has our value. Any other value is somebody's decision and stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.energy.dispatch import restoring
from shared.energy.dispatch.recalling import withdrawn
from shared.energy.dispatch.records import (
    Outcome,
    Restoration,
    SiteRecord,
    Snapshot,
    Stage,
    Touch,
    TouchState,
    Wanted,
)
from shared.energy.dispatch.steps import Conditions, End, Look, Reply, Step, Wait, Write
from shared.energy.dispatch.strategies import TABLE, refusal, touches
from shared.energy.dispatch.touching import (
    NOT_TAKEN,
    NOT_TOLD,
    failed,
    looked_again,
    recent,
    sent,
    with_times,
    with_touch,
)

OWNER_CHANGED = "owner_changed"
NEVER_COMMANDED = "never_commanded"


def advance(record: SiteRecord, conditions: Conditions, now: datetime) -> SiteRecord:
    """The record after what time and decisions alone change: a site called from the bench, the end of the event."""
    over = conditions.ended(now) or record.wanted is not Wanted.RUN
    if record.stage is Stage.BENCH:
        return record if over else replace(record, stage=Stage.PLANNED)
    if not over:
        return record
    if record.stage is Stage.PLANNED and record.before is not None:
        return withdrawn(record, record.before)
    if record.stage is Stage.PLANNED:
        return replace(
            record,
            stage=Stage.DONE,
            restoration=Restoration.NOTHING_CHANGED,
            reason=record.reason or NEVER_COMMANDED,
            not_before=None,
        )
    return restoring.begin(record, now) if record.stage in {Stage.COMMANDING, Stage.ACTIVE} else record


def step(record: SiteRecord, conditions: Conditions, now: datetime) -> Step:
    """What to do at the site now, for a record that was advanced to this moment."""
    if record.stage in {Stage.BENCH, Stage.ACTIVE, Stage.DONE}:
        return Wait(None)
    if record.not_before is not None and now < record.not_before:
        return Wait(record.not_before)
    if record.stage is Stage.PLANNED:
        return _first(record, conditions, now)
    if record.stage is Stage.RESTORING:
        return restoring.step(record)
    waiting = next((touch for touch in record.touches if _to_send(touch)), None)
    if waiting is None or not record.seen:
        return Look()
    return Wait(None) if conditions.paused else Write(waiting.action, waiting.ours, undo=False)


def writes(record: SiteRecord) -> list[Write]:
    """Every command that the record may lead to without another look: those whose intent is stored together."""
    forth = [Write(touch.action, touch.ours, undo=False) for touch in record.touches if _to_send(touch)]
    back = [Write(touch.action, touch.prior, undo=True) for touch in record.touches if restoring.to_send(touch)]
    return back if record.stage is Stage.RESTORING else forth


def intended(record: SiteRecord, now: datetime) -> SiteRecord:
    """The record to store before anything is sent: every setting that is about to be written counts as sent."""
    about = tuple(
        replace(touch, sent_at=now) if _to_send(touch) or restoring.to_send(touch) else touch
        for touch in record.touches
    )
    return replace(record, touches=about)


def told(record: SiteRecord, done: Look | Write, reply: Reply, conditions: Conditions, now: datetime) -> SiteRecord:
    """The record after a request ended. `reply.found` is there whenever a `Look` ended well."""
    record = replace(record, calls=record.calls + 1, not_before=None)
    if record.stage is Stage.RESTORING:
        return restoring.told(record, done, reply, conditions.patience, now)
    if isinstance(done, Write):
        return _written(record, done, reply, conditions, now)
    if reply.end is not End.OK or reply.found is None:
        return _not_read(record, reply, conditions, now)
    if record.stage is not Stage.PLANNED and not reply.found.tells(record.touches):
        return failed(record, Reply(End.UNKNOWN, NOT_TOLD), conditions.patience, now)
    record = replace(record, failures=0, trouble="")
    if record.stage is Stage.PLANNED:
        return _taken(record, reply.found, conditions, now)
    return _compared(record, reply.found, conditions, now)


def _first(record: SiteRecord, conditions: Conditions, now: datetime) -> Step:
    """Before the first look: the time has come, and no other event has the site."""
    if conditions.paused:
        return Wait(None)
    if now < conditions.command_from:
        return Wait(conditions.command_from)
    if record.energy_site_id in conditions.still_held:
        return Wait(now + timedelta(seconds=conditions.patience.handover_s))
    return Look()


def _to_send(touch: Touch) -> bool:
    return touch.state is TouchState.PENDING and touch.sent_at is None


def _taken(record: SiteRecord, found: Snapshot, conditions: Conditions, now: datetime) -> SiteRecord:
    """The snapshot is there: what has to be set, if anything."""
    record = replace(record, snapshot=found)
    reason = refusal(conditions.strategy, found)
    if reason:
        return _refused(record, reason, now)
    event_tariff = conditions.event_tariff(found) if TABLE[conditions.strategy].event_tariff else ""
    todo = touches(conditions.strategy, found, event_tariff)
    record = with_times(replace(record, touches=todo, seen=True), commanded_at=now)
    return replace(record, stage=Stage.COMMANDING) if todo else _confirmed(record, now)


def _written(record: SiteRecord, done: Write, reply: Reply, conditions: Conditions, now: datetime) -> SiteRecord:
    """A command ended."""
    touch = next(touch for touch in record.touches if touch.action is done.action)
    if reply.end is End.OK:
        record = with_touch(record, replace(touch, state=TouchState.ACCEPTED, sent_at=now))
        complete = not any(map(_to_send, record.touches))
        return with_times(replace(record, failures=0), accepted_at=now) if complete else record
    if reply.end is End.UNKNOWN:
        return replace(
            with_touch(record, sent(touch, now)), seen=False, failures=record.failures + 1, trouble=reply.reason
        )
    if reply.end is End.NOT_NOW:
        return failed(record, reply, conditions.patience, now)
    return _refused(with_touch(record, replace(touch, state=TouchState.REFUSED, sent_at=None)), reply.reason, now)


def _not_read(record: SiteRecord, reply: Reply, conditions: Conditions, now: datetime) -> SiteRecord:
    """A look without a result: a refusal is final only while nothing was sent."""
    untouched = all(touch.sent_at is None for touch in record.touches)
    if reply.end is End.REFUSED and untouched:
        return _refused(record, reply.reason, now)
    return failed(record, reply, conditions.patience, now)


def _compared(record: SiteRecord, found: Snapshot, conditions: Conditions, now: datetime) -> SiteRecord:
    """What a reading while commanding says of each setting."""
    todo = tuple(_judged(touch, found, conditions, now) for touch in record.touches)
    record = replace(record, touches=todo, seen=True)
    if any(touch.state is TouchState.OWNER for touch in todo):
        changed = replace(record, owner_changed=True, wanted=Wanted.RELEASE, reason=OWNER_CHANGED)
        return restoring.begin(changed, now)
    if any(touch.attempts >= conditions.patience.tries for touch in todo):
        return _refused(record, NOT_TAKEN, now)
    if all(touch.state is TouchState.HELD for touch in todo):
        return _confirmed(record, now)
    if any(touch.sent_at is not None and touch.state is not TouchState.HELD for touch in todo):
        return looked_again(record, conditions.patience, now)
    return record


def _judged(touch: Touch, found: Snapshot, conditions: Conditions, now: datetime) -> Touch:
    """One setting by what the site says: ours, still its own, or somebody else's."""
    present = found.value(touch.action)
    if touch.has_ours(present):
        return replace(touch, state=TouchState.HELD, sent_at=touch.sent_at or now)
    if present != touch.prior or touch.state is TouchState.HELD:
        return replace(touch, state=TouchState.OWNER)
    accepted = touch.state is TouchState.ACCEPTED
    settle_s = conditions.patience.shown_s if accepted else conditions.patience.settle_s
    if touch.sent_at is None or recent(touch, settle_s, now):
        return touch
    attempts = touch.attempts + 1
    if attempts >= conditions.patience.tries:
        return replace(touch, attempts=attempts)  # it stays sent: what may arrive late still has to be put back
    return replace(touch, state=TouchState.PENDING, sent_at=None, attempts=attempts)


def _confirmed(record: SiteRecord, now: datetime) -> SiteRecord:
    """The site has, by reading, what the strategy asks for."""
    record = with_times(record, accepted_at=now, confirmed_at=now)
    return replace(record, stage=Stage.ACTIVE, outcome=Outcome.CONFIRMED, failures=0)


def _refused(record: SiteRecord, reason: str, now: datetime) -> SiteRecord:
    """Tesla or the site's state says no: final for this event, and what was set already is put back."""
    refused = replace(record, outcome=Outcome.REFUSED, reason=reason)
    return restoring.begin(refused, now)

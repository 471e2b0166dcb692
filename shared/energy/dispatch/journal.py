"""The audit rows that a change of a site's record is worth: every stage it enters, every command and its end."""

from __future__ import annotations

from datetime import datetime

from shared.energy.dispatch.audit import Row
from shared.energy.dispatch.records import Restoration, SiteRecord, Stage, Touch, TouchState

SERVICE, OWNER = "service", "owner"
_WORDS = {
    TouchState.ACCEPTED: "command_accepted",
    TouchState.HELD: "read_back",
    TouchState.REFUSED: "command_refused",
    TouchState.BACK: "to_be_put_back",
    TouchState.UNDONE: "put_back",
    TouchState.OWNER: "changed_by_owner",
}


def rows_of(before: SiteRecord, after: SiteRecord, now: datetime) -> list[Row]:
    """The rows between two states of one site."""
    site, rows = after.energy_site_id, []
    old = {touch.action: touch for touch in before.touches}
    for touch in after.touches:
        rows += _of_touch(old.get(touch.action), touch, site, now)
    if before.times.delivering_at is None and after.times.delivering_at is not None:
        rows.append(Row(now, SERVICE, "delivering", site))
    if before.wanted is not after.wanted:
        rows.append(Row(now, SERVICE, f"wanted_{after.wanted}", site, after.reason))
    if before.stage is not after.stage:
        rows.append(Row(now, SERVICE, _stage(after), site, _why(after)))
    return rows


def _of_touch(old: Touch | None, touch: Touch, site: str, now: datetime) -> list[Row]:
    actor = OWNER if touch.state is TouchState.OWNER else SERVICE
    if touch.state in _WORDS and (old is None or old.state is not touch.state):
        return [Row(now, actor, _WORDS[touch.state], site, touch.action.value)]
    if old is not None and touch.sent_at is not None and old.sent_at != touch.sent_at:
        return [Row(now, actor, "command_sent", site, touch.action.value)]
    return []


def _stage(after: SiteRecord) -> str:
    if after.stage is Stage.DONE and after.restoration is not Restoration.NONE:
        return str(after.restoration)
    return str(after.stage)


def _why(after: SiteRecord) -> str:
    return after.reason or str(after.outcome)

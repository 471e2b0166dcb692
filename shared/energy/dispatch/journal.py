"""The audit rows that a change of a site's record is worth: every stage it enters, every command and its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from shared.energy.dispatch.audit import Row
from shared.energy.dispatch.records import Restoration, SiteRecord, Stage, Touch, TouchState
from shared.tesla.catalogue.energy import EnergyAction

SERVICE, OTHERS = "service", "other_operator"
OUTSIDE = "outside"
"""Whoever changes a setting and is none of us: the owner in the app, an installer, Tesla."""
Operators = Mapping[tuple[str, EnergyAction], str]
"""Who set a site's setting by hand here, by site and setting."""
_NOBODY: Operators = MappingProxyType({})
_WORDS = {
    TouchState.ACCEPTED: "command_accepted",
    TouchState.HELD: "read_back",
    TouchState.REFUSED: "command_refused",
    TouchState.BACK: "to_be_put_back",
    TouchState.UNDONE: "put_back",
}


def rows_of(before: SiteRecord, after: SiteRecord, now: datetime, operators: Operators = _NOBODY) -> list[Row]:
    """The rows between two states of one site. `operators`: who has set something there by hand during the event."""
    site, rows = after.energy_site_id, list[Row]()
    if before.before is not None and after.before is None:
        return [Row(now, SERVICE, "withdrawn", site, after.reason)]  # its second call, before anything was done
    old = {touch.action: touch for touch in before.touches}
    for touch in after.touches:
        rows += _of_touch(old.get(touch.action), touch, after, now, operators)
    if before.mode_found != after.mode_found:
        rows.append(_changed(EnergyAction.OPERATION, after, now, operators))
    if before.times.delivering_at is None and after.times.delivering_at is not None:
        rows.append(Row(now, SERVICE, "delivering", site))
    if before.wanted is not after.wanted:
        rows.append(Row(now, SERVICE, f"wanted_{after.wanted}", site, after.reason))
    if before.stage is not after.stage:
        rows.append(Row(now, SERVICE, _stage(after), site, _why(after)))
    return rows


def _changed(action: EnergyAction, after: SiteRecord, now: datetime, operators: Operators) -> Row:
    """A setting that somebody else has changed: our operator where that is known, else nobody by name."""
    site, what = after.energy_site_id, action.value
    if after.taken_by_others:
        return Row(now, OTHERS, f"changed_by_{OTHERS}", site, what)
    operator = operators.get((site, action))
    if operator is not None:
        return Row(now, operator, "changed_by_operator", site, what)
    return Row(now, OUTSIDE, "changed_outside", site, what)


def _of_touch(old: Touch | None, touch: Touch, after: SiteRecord, now: datetime, operators: Operators) -> list[Row]:
    site, what = after.energy_site_id, touch.action.value
    changed = old is None or old.state is not touch.state
    if changed and touch.state is TouchState.OWNER:
        return [_changed(touch.action, after, now, operators)]
    if changed and touch.state in _WORDS:
        return [Row(now, SERVICE, _WORDS[touch.state], site, what)]
    if old is not None and touch.sent_at is not None and old.sent_at != touch.sent_at:
        return [Row(now, SERVICE, "command_sent", site, what)]
    return []


def _stage(after: SiteRecord) -> str:
    if after.stage is Stage.DONE and after.restoration is not Restoration.NONE:
        return str(after.restoration)
    return str(after.stage)


def _why(after: SiteRecord) -> str:
    return after.reason or str(after.outcome)

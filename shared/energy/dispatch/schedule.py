"""The work of dispatches as due items: the dispatch as a whole, and each shard of it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from shared.energy.dispatch.model import DispatchMessage
from shared.platform.due import DueList
from shared.platform.ports import Event

TOPIC = "dispatch-energy"
SHARDS_AFTER_S = 45.0
"""How long after the start of a poll the shards of a running event look at what it found."""
WHOLE_AFTER_S = 105.0
"""And how long after it the dispatch is corrected by what they saw."""


class Schedule:
    """Plans, sends and completes the work of dispatches. An item stays until its work is done."""

    def __init__(self, due: DueList) -> None:
        self._due = due

    def plan(self, dispatch: str, at: datetime, *, shard: str = "", modification: int = 0) -> None:
        """Bring it forward at that time."""
        self._due.plan(_key(dispatch, shard), at, _event(dispatch, shard, modification), subject=dispatch)

    def expect(self, dispatch: str, *, shard: str = "", modification: int = 0) -> None:
        """Bring it forward soon, whatever becomes of the change that is about to be made."""
        self._due.expect(_key(dispatch, shard), _event(dispatch, shard, modification), subject=dispatch)

    def send(self, dispatch: str, *, shard: str = "", modification: int = 0) -> None:
        """Bring it forward now."""
        self._due.send(_key(dispatch, shard), _event(dispatch, shard, modification), subject=dispatch)

    def done(self, dispatch: str, *, shard: str = "") -> None:
        """Nothing is left to do."""
        self._due.done(_key(dispatch, shard))


def after_poll(now: datetime, tick_s: float, seconds: float) -> datetime:
    """The next moment so many seconds behind the start of a poll: polls start at whole ticks of the clock."""
    polls = int((now.timestamp() - seconds) // tick_s) + 1
    return datetime.fromtimestamp(polls * tick_s + seconds, UTC)


def _key(dispatch: str, shard: str) -> str:
    return f"dispatch.{dispatch}.{shard}" if shard else f"dispatch.{dispatch}"


def _event(dispatch: str, shard: str, modification: int) -> Event:
    message = DispatchMessage(dispatch=dispatch, shard=shard, modification=modification)
    return Event(TOPIC, msgspec.json.encode(message), {"dispatch": dispatch, "shard": shard})

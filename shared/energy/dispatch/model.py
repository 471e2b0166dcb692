"""What a utility asks for, and the dispatch that comes of it: `dispatches/{id}` and the messages about it.

Powers are kW where a utility names them and W per site; positive is discharging. Times are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

OPEN_EVENT = timedelta(hours=3)
"""How long an event without an end runs: no home is kept longer without somebody asking for it."""
HOLDS = "hold_delivers_nothing"
"""Reason of a plan that delivers nothing by intention."""
LONGEST_EVENT = timedelta(hours=24)
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$(?!\n)"
SignalId = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
"""No dots: ids of shards and chunks are appended with one."""
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def require_plausible(*moments: datetime | None) -> None:
    """Raises ValueError for a moment so far away that hours cannot be added to it or taken off everywhere."""
    if any(moment is not None and not _FIRST_YEAR <= moment.year <= _LAST_YEAR for moment in moments):
        raise ValueError(f"a time has to lie in the years {_FIRST_YEAR} to {_LAST_YEAR}")


class BadSignal(Exception):
    """The signal cannot be carried out as it stands; `problems` says why, each in a sentence."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))


class Kind(StrEnum):
    """What a signal wants."""

    AVAILABILITY_REQUEST = "availability_request"
    DISPATCH = "dispatch"
    CANCEL = "cancel"


class Strategy(StrEnum):
    """What the fleet is asked to do; `strategies` says what each does to a site."""

    LOAD_RELIEF = "load_relief"
    DISCHARGE = "discharge"
    HOLD = "hold"
    PRESERVE = "preserve"
    EXPORT = "export"


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One signal. (id, modification) names it: a higher modification supersedes, the same again changes nothing.

    `priority`: 0 is the highest. `end` None: open, for at most `OPEN_EVENT`. `test` only marks the event.
    """

    id: SignalId
    modification: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    kind: Kind = Kind.DISPATCH
    programme: Annotated[str, msgspec.Meta(max_length=100)] = ""
    start: Instant
    end: Instant | None = None
    target_kw: Annotated[float, msgspec.Meta(ge=0, le=1e7)] = 0.0
    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    test: bool = False
    strategy: Strategy = Strategy.DISCHARGE

    @property
    def ends_at(self) -> datetime:
        """When the event ends at the latest."""
        return self.end or self.start + OPEN_EVENT

    def problems(self) -> list[str]:
        """What is wrong with it beyond the form of its fields, each in a sentence; empty for a good one."""
        found = []
        if self.ends_at <= self.start:
            found.append("The end is not after the start.")
        if self.ends_at - self.start > LONGEST_EVENT:
            found.append("The event is longer than 24 hours.")
        if self.kind is Kind.DISPATCH and self.target_kw <= 0:
            found.append("A dispatch needs a target above 0 kW.")
        return found


class State(StrEnum):
    """Where a dispatch stands. The last three are final."""

    SCHEDULED = "scheduled"
    COMMANDING = "commanding"
    ACTIVE = "active"
    RESTORING = "restoring"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    """Over, and no site was ever confirmed."""

    @property
    def ending(self) -> bool:
        """Whether it is over, restored or not: nothing begins in it any more."""
        return self is State.RESTORING or self.final

    @property
    def final(self) -> bool:
        """Whether nothing changes any more."""
        return self in {State.DONE, State.CANCELLED, State.FAILED}


class PlanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The plan in figures. `command_from`: when the first command goes out, so that all are there at the start."""

    committed_kw: float
    sites: int
    bench: int
    command_from: datetime
    calls: int = 0
    cost_usd: float = 0.0
    reasons: tuple[str, ...] = ()


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """The event was ended before its time, by whom and why."""

    at: datetime
    actor: str
    reason: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Sites of the dispatch by how far they are; those of shards add up."""

    committed: int = 0
    accepted: int = 0
    confirmed: int = 0
    delivering: int = 0
    refused: int = 0
    unknown: int = 0
    to_restore: int = 0
    restored: int = 0
    left_to_owner: int = 0
    not_restored: int = 0
    unfinished: int = 0
    """Sites with something left to do."""

    def __add__(self, other: Counts) -> Counts:
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Counts(**dict(zip(self.__struct_fields__, (a + b for a, b in pairs), strict=True)))


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """When the dispatch entered its states."""

    commanding_at: datetime | None = None
    active_at: datetime | None = None
    restoring_at: datetime | None = None
    ended_at: datetime | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet at one tick: kW delivered now by the sites of the dispatch, how many run, how many are fresh."""

    at: datetime
    delivered_kw: float
    running: int
    fresh: int


class Dispatch(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatch as stored under its signal's id.

    `shards`: the roster shards that hold its sites. `opted_out`: sites whose owners left this event.
    `live`: not final (what queries ask for). `received_at` is when the first modification came; it decides between
    events of the same priority.
    """

    signal: Signal
    state: State
    actor: str
    received_at: datetime
    plan: PlanSummary
    shards: tuple[str, ...] = ()
    stop: Stop | None = None
    opted_out: tuple[str, ...] = ()
    counts: Counts = Counts()
    times: Times = Times()
    progress: tuple[Progress, ...] = ()
    live: bool = True

    def over(self, now: datetime) -> bool:
        """Whether nothing may be commanded any more."""
        return self.stop is not None or not self.live or now >= self.signal.ends_at


class DispatchMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the topic `dispatch-energy`: ids only. An empty `shard` means the dispatch as a whole."""

    dispatch: str
    shard: str = ""
    modification: int = 0

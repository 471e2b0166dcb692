"""What a utility asks for, and the dispatch that comes of it: `dispatches/{id}` and the messages about it.

Powers are kW where a utility names them and W per site; positive is discharging. Times are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

from shared.energy.dispatch.byhand import ByHand
from shared.energy.dispatch.goals import Course, Goal

OPEN_EVENT = timedelta(hours=3)
"""How long an event without an end runs: no home is kept longer without somebody asking for it."""
HOLDS = "hold_delivers_nothing"
"""Reason of a plan that delivers nothing by intention."""
SHORTEST_EVENT = timedelta(minutes=5)
"""One interval of the settlement. An event that has been heard of may be cut shorter."""
LONGEST_EVENT = timedelta(hours=24)
_NOTHING_KW = 1e-3
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$(?!\n)"
SignalId = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
"""No dots: ids of shards and chunks are appended with one."""
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
RampMinutes = Annotated[float, msgspec.Meta(ge=0, le=240)]
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


class SignalDiffers(BadSignal):
    """The same (id, modification) came before with other contents, which stand; `problems` names what differs."""


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
    `ramp_minutes`: until the whole commitment is to be delivered, in steps.
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
    ramp_minutes: RampMinutes = 0.0

    @property
    def ends_at(self) -> datetime:
        """When the event ends at the latest."""
        return self.end or self.start + OPEN_EVENT

    @property
    def too_short(self) -> bool:
        """Whether it asks for less than a new event lasts at least."""
        return self.ends_at - self.start < SHORTEST_EVENT

    def problems(self) -> list[str]:
        """What is wrong with it beyond the form of its fields, each in a sentence; empty for a good one."""
        found = []
        if self.ends_at <= self.start:
            found.append("The end is not after the start.")
        if self.ends_at - self.start > LONGEST_EVENT:
            found.append("The event is longer than 24 hours.")
        if self.kind is Kind.DISPATCH and self.target_kw <= 0:
            found.append("A dispatch needs a target above 0 kW.")
        if self.ramp_minutes and timedelta(minutes=self.ramp_minutes) > self.ends_at - self.start:
            found.append("The ramp is longer than the event.")
        return found


def differences(before: Signal, after: Signal) -> list[str]:
    """What differs between two signals, each in a sentence."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in Signal.__struct_fields__)
    return [f"{name} was {old} and is {new} now." for name, old, new in pairs if old != new]


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
    """The plan in figures. `command_from`: when the first command goes out, so that all are there at the start.

    `made_at`: when the fleet was looked at for it. `carried_kw`: what the fleet still carries of what was committed,
    by the plan that was made anew right before commanding; None: there was no such plan.
    """

    committed_kw: float
    sites: int
    bench: int
    command_from: datetime
    calls: int = 0
    cost_usd: float = 0.0
    reasons: tuple[str, ...] = ()
    made_at: datetime | None = None
    carried_kw: float | None = None

    @property
    def renewed(self) -> bool:
        """Whether the plan was made anew right before commanding."""
        return self.carried_kw is not None

    @property
    def shortfall_kw(self) -> float:
        """What the fleet can no longer carry of what was committed."""
        missing_kw = 0.0 if self.carried_kw is None else self.committed_kw - self.carried_kw
        return missing_kw if missing_kw > _NOTHING_KW else 0.0


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
    events of the same priority. `expires_at`: None while it is live. `goals`: what held when, where modifications
    changed it after the start; empty where it has been the same all through. `by_hand`: what operators have set at
    its sites since it has them.
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
    expires_at: datetime | None = None
    goals: tuple[Goal, ...] = ()
    by_hand: tuple[ByHand, ...] = ()

    @property
    def goal(self) -> Goal:
        """What the present modification asks for and has committed; `since`: as if there had been no other one."""
        signal = self.signal
        return Goal(
            since=self.received_at,
            target_kw=signal.target_kw,
            committed_kw=self.plan.committed_kw,
            ramp_minutes=signal.ramp_minutes,
        )

    @property
    def course(self) -> Course:
        """What is to be delivered when."""
        return Course(self.signal.start, self.goals or (self.goal,))

    @property
    def over_at(self) -> datetime:
        """When the last of it was over, for one that is final. What comes late for it has expired by then."""
        ended_at = self.times.ended_at or (self.stop.at if self.stop else self.received_at)
        return max(ended_at, self.signal.ends_at)

    def over(self, now: datetime) -> bool:
        """Whether nothing may be commanded any more."""
        return self.stop is not None or not self.live or now >= self.signal.ends_at


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long is kept what events leave. Nothing of it counts before its event is over and its sites are restored.

    `evidence_days`: what a settlement is proven by: dispatches, the records of their sites, the trail, sites' own
    tariffs. `work_days`: what serves a running event only, or answers what comes late for one that is over.
    """

    evidence_days: int = 1_825
    work_days: int = 120

    def evidence(self, over_at: datetime) -> datetime:
        """Until when evidence is kept of what was over at that moment."""
        return over_at + timedelta(days=self.evidence_days)

    def work(self, over_at: datetime) -> datetime:
        """Until when it is kept what an event worked with that was over at that moment."""
        return over_at + timedelta(days=self.work_days)


class DispatchMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the topic `dispatch-energy`: ids only. An empty `shard` means the dispatch as a whole."""

    dispatch: str
    shard: str = ""
    modification: int = 0

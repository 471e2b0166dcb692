"""Where a dispatch as a whole stands, from its shards. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from shared.energy.dispatch.model import Counts, Dispatch, Progress, State
from shared.energy.dispatch.records import ShardRecords, SiteRecord, Wanted
from shared.energy.dispatch.steering import Running
from shared.energy.dispatch.watching import WatchRules, running

MOST_PROGRESS = 600
_TIMES = {
    State.COMMANDING: "commanding_at",
    State.ACTIVE: "active_at",
    State.RESTORING: "restoring_at",
    State.DONE: "ended_at",
    State.CANCELLED: "ended_at",
    State.FAILED: "ended_at",
}


def counted(shards: Iterable[ShardRecords]) -> Counts:
    """The dispatch's counts."""
    total = Counts()
    for shard in shards:
        total += shard.counts
    return total


def state_of(dispatch: Dispatch, shards: Mapping[str, ShardRecords], counts: Counts, now: datetime) -> State:
    """The state that the dispatch is in now. It never goes back, and ends only when every shard is through."""
    if dispatch.state.final:
        return dispatch.state
    if dispatch.over(now):
        begun = not set(dispatch.shards) - set(shards)
        return _final(dispatch, counts) if begun and not counts.unfinished else State.RESTORING
    if dispatch.state in {State.ACTIVE, State.RESTORING}:
        return dispatch.state
    decided = counts.confirmed + counts.refused + counts.unknown
    if now >= dispatch.signal.start or 0 < counts.committed <= decided:
        return State.ACTIVE
    return State.COMMANDING if now >= dispatch.plan.command_from else State.SCHEDULED


def _final(dispatch: Dispatch, counts: Counts) -> State:
    if dispatch.stop is not None:
        return State.CANCELLED
    return State.DONE if counts.confirmed else State.FAILED


def moved(dispatch: Dispatch, state: State, counts: Counts, progress: Progress | None, now: datetime) -> Dispatch:
    """The dispatch in that state. A row of progress replaces one of the same tick."""
    times = dispatch.times
    name = _TIMES.get(state, "")
    if name and getattr(times, name) is None:
        times = replace(times, **{name: now})
    rows = dispatch.progress if progress is None else (*dispatch.progress, progress)[-MOST_PROGRESS:]
    return replace(dispatch, state=state, counts=counts, times=times, progress=rows, live=not state.final)


def fleet(records: Iterable[SiteRecord], rules: WatchRules, now: datetime) -> list[Running]:
    """The sites that should deliver, as steering sees them."""
    found = (running(record, rules, now) for record in records)
    return [one for one in found if one is not None]


def progress_of(sites: Iterable[Running], records: Iterable[SiteRecord], now: datetime) -> Progress:
    """The fleet at this tick: what is measured, nothing expected."""
    running_sites = list(sites)
    flows = [site.flow_w for site in running_sites if site.flow_w is not None]
    wanted = sum(record.wanted is Wanted.RUN for record in records)
    return Progress(at=now, delivered_kw=sum(flows) / 1000, running=wanted, fresh=len(flows))

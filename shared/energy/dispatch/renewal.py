"""The plan of an event, made anew from the fleet as it is right before commanding begins.

An event may be heard of a day ahead; by then owners have left, batteries are empty, others are there. What was
committed stays what was answered: the new plan says how much of it the fleet still carries. It is made once, counts
from the moment at which the dispatch says so, and is dropped where a modification or a stop came first. Where the
last polls failed, or it is too late for it, the old plan holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

import msgspec
from msgspec.structs import replace

from shared import log
from shared.energy.dispatch.audit import Audit, Row
from shared.energy.dispatch.book import Book
from shared.energy.dispatch.candidate import Candidate
from shared.energy.dispatch.handover import take_over
from shared.energy.dispatch.journal import SERVICE
from shared.energy.dispatch.merging import Anew, ShardPlan, pack_commitments
from shared.energy.dispatch.milestones import milestones
from shared.energy.dispatch.model import Dispatch, State
from shared.energy.dispatch.planner import Planner, request_of
from shared.energy.dispatch.planning import Commitment, Plan
from shared.energy.dispatch.records import Wanted
from shared.energy.dispatch.schedule import Schedule
from shared.energy.reasons import Reason
from shared.platform.errors import NotFound
from shared.platform.ports import Clock

_OPENS = timedelta(seconds=300)
_CLOSES = timedelta(seconds=30)
"""Before the first command: from when to when the plan is made anew. Due items come up to a minute late, and whoever
dies over it holds up the next one for two.
"""
_OLD = timedelta(seconds=300)
"""A plan that is younger then, by a poll, is as good as a new one."""
_AGAIN = timedelta(seconds=20)
_MOST_UNREAD = 0.2
"""Share of the event's sites without a fresh reading above which it is the polls that failed, not the sites."""
_UNREAD = frozenset(map(str, (Reason.NO_READING, Reason.NO_DEVICE_TIME, Reason.STALE, Reason.DEAD)))


def look_at(dispatch: Dispatch, now: datetime) -> datetime | None:
    """When the plan is to be made anew, now at the earliest; None: not, or not any more."""
    plan = dispatch.plan
    if dispatch.state is not State.SCHEDULED or dispatch.over(now) or plan.renewed:
        return None
    opens, closes = plan.command_from - _OPENS, plan.command_from - _CLOSES
    young = plan.made_at is not None and opens - plan.made_at < _OLD
    return None if young or now >= closes else max(now, opens)


class Renewal:
    """Makes plans anew, one event at a time; whoever calls it holds the dispatch."""

    def __init__(self, book: Book, audit: Audit, schedule: Schedule, planner: Planner, clock: Clock) -> None:
        self._book, self._audit, self._schedule = book, audit, schedule
        self._planner, self._clock = planner, clock

    def again_at(self, dispatch: Dispatch, now: datetime) -> datetime:
        """When a dispatch that waits for its time is looked at next."""
        at = look_at(dispatch, now)
        return max(now + timedelta(seconds=1), dispatch.plan.command_from) if at is None else max(at, now + _AGAIN)

    def renewed(self, dispatch: Dispatch) -> Dispatch:
        """The dispatch with its new plan, if the time for that has come. Raises WorkBusy, Unavailable."""
        now = self._clock.now()
        if look_at(dispatch, now) == now:
            with self._planner.alone():
                dispatch = self._made(self._book.get(dispatch.signal.id) or dispatch, now)
        if dispatch.state is State.SCHEDULED and dispatch.plan.renewed:
            self._follow(dispatch)
        return dispatch

    def _made(self, dispatch: Dispatch, now: datetime) -> Dispatch:
        """Plan, then the shards' plans, then the dispatch: from there on it counts. Dying in between repeats it."""
        name, signal = dispatch.signal.id, dispatch.signal
        if look_at(dispatch, now) != now:
            return dispatch
        candidates = self._planner.candidates(signal)
        unread = unread_share(candidates, self._running(dispatch))
        if unread > _MOST_UNREAD:
            log.warning("dispatch plan kept", dispatch=name, unread_percent=round(100 * unread))
            row = Row(now, SERVICE, "plan_kept", "", f"{unread:.0%} of its sites have no fresh reading")
            self._audit.file(name, f"kept.{signal.modification}", 0, [row])
            return dispatch
        request = request_of(signal, dispatch.received_at).with_target(dispatch.plan.committed_kw * 1000)
        made = self._planner.plan(candidates, request, now)
        shards = tuple(sorted({one.shard for one in (*made.run, *made.bench)} | set(dispatch.shards)))
        for shard in shards:
            self._put(dispatch, shard, _of_shard(made, shard))
        return self._book.change(name, partial(self._counting, before=dispatch, made=made, shards=shards))

    def _counting(self, value: Dispatch, before: Dispatch, made: Plan, shards: tuple[str, ...]) -> Dispatch:
        """The dispatch from which on the new plan counts; as it is where something else came first."""
        same = value.signal.modification == before.signal.modification
        if not same or look_at(value, self._clock.now()) is None:
            return value
        figures = made.summary()
        kept = replace(figures, committed_kw=value.plan.committed_kw, reasons=value.plan.reasons)
        return replace(value, plan=replace(kept, carried_kw=made.committed_kw), shards=shards)

    def _put(self, dispatch: Dispatch, shard: str, parts: tuple[list[Commitment], list[Commitment]]) -> None:
        """Lay the new plan beside the old one, in every shard that has or gets a part in the event."""
        run, bench = parts
        packed = msgspec.msgpack.encode(Anew(pack_commitments(run), pack_commitments(bench)))
        sites = {one.energy_site_id for one in (*run, *bench)}
        name, modification = dispatch.signal.id, dispatch.signal.modification
        change = partial(with_anew, modification=modification, anew=packed, sites=sites)
        try:
            self._book.change_plan(name, shard, change)
        except NotFound:
            none = pack_commitments(())
            new = ShardPlan(dispatch=name, shard=shard, modification=modification, run=none, bench=none, anew=packed)
            self._book.put_plan(new)

    def _follow(self, dispatch: Dispatch) -> None:
        """What follows from a new plan; done at every look until commanding begins, so that nothing is left out."""
        plan, name = dispatch.plan, dispatch.signal.id
        for writer, row in milestones(dispatch, self._clock.now()).items():
            self._audit.file(name, writer, 0, [row])
        take_over(self._book, self._schedule, dispatch)
        for shard in dispatch.shards:
            self._schedule.send(name, shard=shard, modification=dispatch.signal.modification)
        if plan.shortfall_kw:
            log.warning(
                "dispatch falls short",
                dispatch=name,
                committed_kw=round(plan.committed_kw, 1),
                shortfall_kw=round(plan.shortfall_kw, 1),
            )

    def _running(self, dispatch: Dispatch) -> set[str]:
        """Sites that the old plan runs."""
        plans = (self._book.plan(dispatch.signal.id, shard) for shard in dispatch.shards)
        entries = (entry for plan in plans if plan is not None for entry in plan.sites().items())
        return {site for site, (_, wanted, _) in entries if wanted is Wanted.RUN}


def unread_share(candidates: Iterable[Candidate], sites: set[str]) -> float:
    """The share of these sites that is left out for want of a fresh reading."""
    unread = {one.site.energy_site_id for one in candidates if one.excluded in _UNREAD}
    return len(unread & sites) / len(sites) if sites else 0.0


def with_anew(plan: ShardPlan, modification: int, anew: bytes, sites: set[str]) -> ShardPlan:
    """The plan with the one made anew; as it is where a newer modification has replaced it.

    Sites of the new plan were free when it was made: whoever they had been released to has left them.
    """
    if plan.modification != modification:
        return plan
    return replace(plan, anew=anew, release={site: why for site, why in plan.release.items() if site not in sites})


def _of_shard(made: Plan, shard: str) -> tuple[list[Commitment], list[Commitment]]:
    return [one for one in made.run if one.shard == shard], [one for one in made.bench if one.shard == shard]

"""The dispatch as a whole: its state, the tick's correction, its end. Shards do everything at sites."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from shared import log
from shared.energy.dispatch.audit import Audit, Row
from shared.energy.dispatch.book import Book
from shared.energy.dispatch.journal import SERVICE
from shared.energy.dispatch.merging import ShardPlan
from shared.energy.dispatch.milestones import milestones
from shared.energy.dispatch.model import Dispatch, DispatchMessage, Progress, State
from shared.energy.dispatch.progressing import counted, fleet, moved, progress_of, state_of
from shared.energy.dispatch.ramping import next_step, share_at
from shared.energy.dispatch.recalling import STEERED, may_return
from shared.energy.dispatch.records import ShardRecords, SiteRecord, Stage, Wanted
from shared.energy.dispatch.renewal import Renewal
from shared.energy.dispatch.schedule import WHOLE_AFTER_S, Schedule, after_poll
from shared.energy.dispatch.standing_order import held_by_others
from shared.energy.dispatch.steering import Benched, Correction, SteerRules, steer
from shared.energy.dispatch.strategies import TABLE, Expect
from shared.energy.dispatch.watching import WatchRules
from shared.energy.dispatch.windows import close_window
from shared.energy.shards import Shards
from shared.platform.errors import WorkBusy
from shared.platform.once import Claim, Once
from shared.platform.ports import Clock

_LEASE_S = 60.0
_CLOSE_LOOK_S = 60.0
"""While sites are being commanded or restored the dispatch is looked at that often."""


class Coordinator:
    """Brings dispatches forward as a whole. `tick_s`: between two corrections of a running event."""

    def __init__(
        self,
        book: Book,
        audit: Audit,
        once: Once,
        schedule: Schedule,
        shards: Shards,
        clock: Clock,
        renewal: Renewal,
        *,
        tick_s: float = 300.0,
        watch: WatchRules | None = None,
        steering: SteerRules | None = None,
    ) -> None:
        self._book, self._audit, self._once, self._schedule = book, audit, once, schedule
        self._shards, self._clock, self._tick_s = shards, clock, tick_s
        self._watch, self._steering = watch or WatchRules(), steering or SteerRules()
        self._renewal = renewal

    def run(self, message: DispatchMessage) -> None:
        """Do what the dispatch needs now. Raises WorkBusy, Unavailable."""
        name = message.dispatch
        claim = self._once.claim(f"dispatch.{name}", lease_s=_LEASE_S)
        if not isinstance(claim, Claim):
            raise WorkBusy("another worker has this dispatch")
        try:
            dispatch = self._book.get(name)
            if dispatch is None or dispatch.state.final:
                if dispatch is not None:
                    self._tell(name, dispatch)  # whoever brought it to its end may have died of it
                self._end(name)
                return
            self._advance(name, self._renewal.renewed(dispatch))
        finally:
            self._once.release(claim)

    def _advance(self, name: str, dispatch: Dispatch) -> None:
        now = self._clock.now()
        shards = self._book.all_records(name, dispatch.shards)
        counts = counted(shards.values())
        state = state_of(dispatch, shards, counts, now)
        progress = self._tick(dispatch, shards, now) if state is State.ACTIVE else None

        def change(value: Dispatch) -> Dispatch:
            if value.state.final or value.signal.modification != dispatch.signal.modification:
                return value
            return moved(
                value, state if not value.over(now) or state.final else State.RESTORING, counts, progress, now
            )

        after = self._book.change(name, change)
        if after.state is not dispatch.state:
            self._tell(name, after)
        if after.state is State.RESTORING and dispatch.state is not State.RESTORING:
            self._wake(name, after.shards, after.signal.modification)
        if after.state.final:
            self._end(name)
            log.info("dispatch ended", dispatch=name, state=str(after.state), confirmed=counts.confirmed)
        else:
            self._schedule.plan(name, self._again_at(after, now), modification=after.signal.modification)

    def _tick(self, dispatch: Dispatch, shards: dict[str, ShardRecords], now: datetime) -> Progress | None:
        """Once a tick: note what is delivered, and correct it. Holding delivers nothing and is not corrected."""
        last = dispatch.progress[-1].at if dispatch.progress else None
        if last is not None and now - last < timedelta(seconds=0.5 * self._tick_s):
            return None
        by_shard = {shard: document.records() for shard, document in shards.items()}
        records = [record for found in by_shard.values() for record in found]
        sites = fleet(records, self._watch, now)
        if TABLE[dispatch.signal.strategy].expect is not Expect.NOTHING and now >= dispatch.signal.start:
            share = share_at(now, dispatch.signal.start, dispatch.signal.ramp_minutes)
            target_w = min(dispatch.signal.target_kw, dispatch.plan.committed_kw) * 1000 * share
            reserve = in_reserve(records, self._held(dispatch).union(dispatch.opted_out))
            found = steer(target_w, sites, reserve, self._steering)
            if share == 1 or not found.release:  # the next step of a ramp needs them
                self._correct(dispatch, by_shard, found, now)
        return progress_of(sites, records, now)

    def _held(self, dispatch: Dispatch) -> frozenset[str]:
        """Sites of the event's shards that other events have their hands on."""
        live, name = self._book.live(), dispatch.signal.id
        if not live.keys() - {name}:
            return frozenset()
        shards = [held_by_others(self._book, name, shard, lambda: live) for shard in dispatch.shards]
        return frozenset().union(*shards)

    def _correct(
        self, dispatch: Dispatch, by_shard: dict[str, list[SiteRecord]], found: Correction, now: datetime
    ) -> None:
        """Write the correction into the plans of the shards that it touches, and wake them."""
        name, where = dispatch.signal.id, _shard_of(by_shard)
        changes = _by_shard(where, found)
        for shard, (add, release) in changes.items():
            self._book.change_plan(
                name, shard, partial(corrected, modification=dispatch.signal.modification, add=add, release=release)
            )
        if changes:
            counts = f"added {len(found.add)}, released {len(found.release)}"
            reason = f"{counts}, predicted {found.predicted_w / 1000:.1f} kW"
            self._audit.file(name, f"steered.{now:%Y%m%dT%H%M%S}", 0, [Row(now, SERVICE, STEERED, "", reason)])
            self._wake(name, changes, dispatch.signal.modification)

    def _again_at(self, dispatch: Dispatch, now: datetime) -> datetime:
        if dispatch.state is State.SCHEDULED:
            return self._renewal.again_at(dispatch, now)
        if dispatch.state is State.ACTIVE:
            signal = dispatch.signal
            step = next_step(now, signal.start, signal.ramp_minutes) or signal.ends_at
            return min(after_poll(now, self._tick_s, WHOLE_AFTER_S), step, signal.ends_at)
        return now + timedelta(seconds=_CLOSE_LOOK_S)

    def _wake(self, name: str, shards: Iterable[str], modification: int) -> None:
        for shard in shards:
            self._schedule.send(name, shard=shard, modification=modification)

    def _tell(self, name: str, dispatch: Dispatch) -> None:
        """File what the dispatch came to so far; what is filed already stays."""
        for writer, row in milestones(dispatch, self._clock.now()).items():
            self._audit.file(name, writer, 0, [row])

    def _end(self, name: str) -> None:
        close_window(self._shards, name)
        self._schedule.done(name)


def in_reserve(records: Iterable[SiteRecord], held: Container[str]) -> list[Benched]:
    """Sites that steering may call, some of them again. Who left the event, or is `held` by another one, is not."""
    free = [one for one in records if one.energy_site_id not in held]
    bench = [one for one in free if one.stage is Stage.BENCH and one.wanted is not Wanted.RELEASE]
    back = [one for one in free if may_return(one) and one.again_w > 0]
    return [
        *(Benched(one.energy_site_id, one.expected_w, lasts_h=one.lasts_h) for one in bench),
        *(Benched(one.energy_site_id, one.again_w, again=True) for one in back),
    ]


def _shard_of(by_shard: dict[str, list[SiteRecord]]) -> dict[str, str]:
    return {record.energy_site_id: shard for shard, records in by_shard.items() for record in records}


def _by_shard(where: dict[str, str], found: Correction) -> dict[str, tuple[list[str], list[str]]]:
    parts: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for site in found.add:
        parts[where[site]][0].append(site)
    for site in found.release:
        parts[where[site]][1].append(site)
    return parts


def corrected(plan: ShardPlan, modification: int, add: list[str], release: list[str]) -> ShardPlan:
    """The plan with a correction; as it is where a newer modification has replaced the one that was corrected."""
    if plan.modification != modification:
        return plan
    called = tuple(dict.fromkeys((*plan.called, *add)))
    still = {site: why for site, why in plan.release.items() if why != STEERED or site not in add}
    return replace(plan, called=called, release={**still, **dict.fromkeys(release, STEERED)})

"""The worker of one shard of one dispatch: command, confirm, watch, restore.

It can die anywhere. What it was about to send was written down before, what came of it is read from the site after,
and the due item that brought it here stays until nothing of the dispatch is left at any site of the shard.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared import log
from shared.energy.availability import Rules
from shared.energy.callers import Callers
from shared.energy.dispatch.audit import Audit, Row
from shared.energy.dispatch.billing import first_of
from shared.energy.dispatch.book import Book
from shared.energy.dispatch.byhand import who
from shared.energy.dispatch.conversation import Conversation, Line
from shared.energy.dispatch.journal import SERVICE, rows_of
from shared.energy.dispatch.lifecycle import intended
from shared.energy.dispatch.merging import merge
from shared.energy.dispatch.model import Dispatch, DispatchMessage
from shared.energy.dispatch.recalling import may_return
from shared.energy.dispatch.records import SiteRecord, Stage, Wanted, counts_of
from shared.energy.dispatch.schedule import SHARDS_AFTER_S, Schedule, after_poll
from shared.energy.dispatch.settlement import participates
from shared.energy.dispatch.shard_file import ShardFile
from shared.energy.dispatch.shelf import Shelf
from shared.energy.dispatch.sightings import Sightings
from shared.energy.dispatch.standing_order import StandingOrder, held_by_others
from shared.energy.dispatch.steps import Patience
from shared.energy.dispatch.strategies import TABLE
from shared.energy.dispatch.strategies import Row as StrategyRow
from shared.energy.dispatch.watching import WatchRules, closed
from shared.energy.shards import Shards, unpack_samples
from shared.platform.errors import WorkBusy
from shared.platform.once import Claim, Once
from shared.platform.ports import Clock, DocumentStore
from shared.tesla.errors import HeldBack, LimitExceeded, NoAnswer
from shared.tesla.many import Engine

_ROUNDS = 10
_HASTY_ROUNDS = 3
_SOON = timedelta(seconds=5)
_WATCHED = frozenset((Stage.PLANNED, Stage.COMMANDING, Stage.ACTIVE))
_NOT_BEGUN = frozenset((Stage.PLANNED, Stage.BENCH))
_LEFT = frozenset((Stage.DONE, Stage.BENCH))
Spent = Callable[[Counter[str], Counter[str], Counter[str]], None]
"""Writes calls, millionths of a dollar by endpoint, and calls by outcome into the ledger."""


@dataclass(frozen=True, slots=True)
class WorkRules:
    """How a worker behaves.

    Attributes:
        concurrency: Requests under way at a time.
        timeout_s: For one request.
        lease_s: How long the shard is held.
        spare_s: Kept back at the end of the lease for writing down.
        tick_s: Between two looks at an event that runs.
        requests_per_s: Of the application, shared by the shards of a dispatch; 0: unlimited.
        enabled: Whether dispatch is allowed at all; if not, everything is restored.
    """

    concurrency: int = 100
    timeout_s: float = 10.0
    lease_s: float = 120.0
    spare_s: float = 30.0
    tick_s: float = 300.0
    requests_per_s: float = 0.0
    enabled: bool = True
    patience: Patience = field(default_factory=Patience)
    watch: WatchRules = field(default_factory=WatchRules)
    availability: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True)
class ShardTools:
    """What a shard's worker works with."""

    store: DocumentStore
    book: Book
    audit: Audit
    once: Once
    schedule: Schedule
    shards: Shards
    callers: Callers
    engine: Engine
    line: Line
    spent: Spent

    @property
    def clock(self) -> Clock:
        """The one clock."""
        return self.line.clock


class ShardWorker:
    """Brings one shard of a dispatch forward."""

    def __init__(self, tools: ShardTools, rules: WorkRules) -> None:
        self._tools, self._rules = tools, rules

    def run(self, message: DispatchMessage) -> None:
        """Do what the shard needs now. Raises WorkBusy, Unavailable.

        Whatever modification the message names, the stored one counts: messages come late and in any order.
        """
        dispatch = self._tools.book.get(message.dispatch)
        if dispatch is None:
            self._tools.schedule.done(message.dispatch, shard=message.shard)
            return
        # One key for all dispatches: a shard's sites are in one hand at a time.
        claim = self._tools.once.claim(f"dispatch-shard.{message.shard}", lease_s=self._rules.lease_s)
        if not isinstance(claim, Claim):
            raise WorkBusy("another worker has this shard")
        deadline_s = time.monotonic() + self._rules.lease_s - self._rules.spare_s
        try:
            again_at = self._advance(dispatch, message.shard, claim.fence, deadline_s)
        finally:
            self._tools.once.release(claim)
        self._come_back(dispatch, message.shard, again_at)

    def expired(self, message: DispatchMessage, reason: str) -> None:
        """The message is not executed; the due list sends a fresh one, whose worker looks what still holds."""
        log.warning("dispatch message given up", dispatch=message.dispatch, shard=message.shard, reason=reason)

    def _advance(self, dispatch: Dispatch, shard: str, fence: int, deadline_s: float) -> datetime | None:
        """One run; gives when to come back, None: never."""
        tools, name = self._tools, dispatch.signal.id
        file, shelf, trail = (
            ShardFile(tools.book, tools.audit, name, shard, fence=fence),
            Shelf(tools.store, tools.book.retention),
            list[Row](),
        )
        records = self._met(dispatch, shard, file, trail)
        order = StandingOrder(
            tools.book,
            tools.clock,
            dispatch,
            shelf,
            patience=self._rules.patience,
            still_held=self._still_held(records, name, shard),
            enabled=self._rules.enabled,
        )
        tokens = tools.callers.gather(shard, {record.account for record in records if record.stage not in _LEFT})
        known = {one.energy_site_id: one for one in records}
        talk = Conversation(tools.line, shelf, order, tokens, known, trail, operators=who(dispatch.by_hand))
        talk.settle()
        for record in records:
            now_is = talk.records[record.energy_site_id]
            if record.stage is Stage.ACTIVE and now_is.stage is not Stage.ACTIVE:
                talk.records[record.energy_site_id] = closed(now_is, dispatch.signal, file.by_interval)
        self._talk(talk, file, shard, len(dispatch.shards), deadline_s)
        shelf.flush()  # before the records that name what is on it
        file.save(talk.records.values(), trail, tools.clock.now())
        if talk.calls:
            tools.spent(talk.calls, talk.price_micro, talk.outcomes)
        self._tell(dispatch, shard, talk)
        return self._again_at(dispatch, shard, talk)

    def _met(self, dispatch: Dispatch, shard: str, file: ShardFile, trail: list[Row]) -> list[SiteRecord]:
        """The stored records, as the plan, the owners and the last poll have them."""
        tools, now = self._tools, self._tools.clock.now()
        plan = tools.book.plan(dispatch.signal.id, shard)
        before = file.records()
        records = before
        if plan is not None and plan.modification == dispatch.signal.modification:
            renewed = dispatch.plan.renewed
            newer = (plan.modification, renewed) > file.plan
            records = merge(before, plan.sites(renewed=renewed), dispatch.opted_out, newer=newer)
            file.plan = (plan.modification, renewed)
        state = tools.shards.state(shard)
        samples = unpack_samples(state.value.samples) if state else {}
        may_write = self._may_write(records, TABLE[dispatch.signal.strategy])
        rules = self._rules
        seen = Sightings(tools.shards.roster(shard), samples, rules.availability, rules.watch, may_write)
        records = [seen.applied(record, dispatch.signal, file.by_interval, now) for record in records]
        known, operators = {record.energy_site_id: record for record in before}, who(dispatch.by_hand)
        for record in records:
            old = known.get(record.energy_site_id)
            trail += rows_of(old, record, now, operators) if old else [_committed(record, now)]
        return records

    def _may_write(self, records: list[SiteRecord], row: StrategyRow) -> Callable[[str], bool]:
        """Whether a site may be set for the event once more today; asked for only where one may come back."""
        if not any(map(may_return, records)):
            return lambda _site: True
        left = self._tools.line.writes.left(self._tools.clock.now().astimezone(UTC).date())

        def may(site: str) -> bool:
            writes, tariffs = left(site)
            return (writes is None or writes >= row.most_writes) and (tariffs != 0 or not row.event_tariff)

        return may

    def _still_held(self, records: list[SiteRecord], name: str, shard: str) -> frozenset[str]:
        if not any(record.stage in _NOT_BEGUN and record.wanted is Wanted.RUN for record in records):
            return frozenset()
        return held_by_others(self._tools.book, name, shard, self._tools.book.live)

    def _talk(self, talk: Conversation, file: ShardFile, shard: str, shards: int, deadline_s: float) -> None:
        """Rounds of asking, each after the intents of its commands are stored, until nothing is left to ask now.

        While Tesla's billing limit holds all calls back there is none, and what is restored waits too.
        """
        tools, rules = self._tools, self._rules
        talk.billing.look(tools.line.breaker)
        for number in range(_ROUNDS):
            if talk.billing.held_back:
                return
            # The first rounds wait for nobody: sites that have to be asked again would hold up the others' commands.
            talk.patient = number >= _HASTY_ROUNDS
            new = talk.intents()
            if new:
                talk.shelf.flush()
                now = tools.clock.now()
                file.save([intended(record, now) for record in talk.records.values()], talk.trail, now)
                talk.stored |= new
            before = sum(talk.calls.values())
            self._ask(talk, rules.requests_per_s / max(1, shards), deadline_s)
            if talk.refused_accounts:
                talk.tokens = tools.callers.instead(shard, dict(talk.tokens), talk.refused_accounts)
                talk.refused_accounts.clear()
            nothing_new = sum(talk.calls.values()) == before and not talk.intents()
            if time.monotonic() >= deadline_s or (talk.patient and nothing_new):
                return

    def _ask(self, talk: Conversation, per_second: float, deadline_s: float) -> None:
        """One round, watched by the breaker."""
        breaker, asks = self._tools.line.breaker, first_of(talk.asks())
        if asks is None:
            return
        try:
            with breaker.watch():
                self._tools.engine.run(
                    asks,
                    talk.hear,
                    concurrency=self._rules.concurrency,
                    timeout_s=self._rules.timeout_s,
                    deadline_s=deadline_s,
                    per_second=per_second,
                )
                talk.billing.check()
        except LimitExceeded:
            log.warning("dispatch held back")
            talk.billing.look(breaker)
        except HeldBack as error:
            talk.billing.held_for_s = error.retry_after_s
        except NoAnswer:
            log.info("nothing heard of the billing limit")

    def _again_at(self, dispatch: Dispatch, shard: str, talk: Conversation) -> datetime | None:
        now, records = self._tools.clock.now(), list(talk.records.values())
        left = [record for record in records if record.stage not in _LEFT]
        over = talk.conditions().ended(now)
        if over and not left:
            self._count(dispatch, shard, records)
            return None
        times = talk.waits()
        if not over:
            times.append(dispatch.signal.ends_at)
        if any(record.stage in _WATCHED or may_return(record) for record in records):
            times.append(after_poll(now, self._rules.tick_s, SHARDS_AFTER_S))
        held_until = now + timedelta(seconds=talk.billing.held_for_s or 0.0)
        return max(held_until, min(times, default=now + timedelta(seconds=self._rules.tick_s)))

    def _count(self, dispatch: Dispatch, shard: str, records: list[SiteRecord]) -> None:
        """The event counts for every site that it reached."""
        start, end = dispatch.signal.start, min(self._tools.clock.now(), dispatch.signal.ends_at)
        took = {one.energy_site_id: participates(one, start, end) for one in records if one.took_part}
        if took:
            self._tools.book.count_event(start, shard, dispatch.signal.id, took)

    def _come_back(self, dispatch: Dispatch, shard: str, again_at: datetime | None) -> None:
        schedule, name, modification = self._tools.schedule, dispatch.signal.id, dispatch.signal.modification
        if again_at is None:
            schedule.done(name, shard=shard)
            schedule.send(name, modification=modification)
        elif again_at - self._tools.clock.now() <= _SOON:
            schedule.send(name, shard=shard, modification=modification)
        else:
            schedule.plan(name, again_at, shard=shard, modification=modification)

    @staticmethod
    def _tell(dispatch: Dispatch, shard: str, talk: Conversation) -> None:
        counts = counts_of(list(talk.records.values()))
        log.info(
            "dispatch shard",
            dispatch=dispatch.signal.id,
            shard=shard,
            calls=sum(talk.calls.values()),
            confirmed=counts.confirmed,
            refused=counts.refused,
            restored=counts.restored,
            unfinished=counts.unfinished,
        )


def _committed(record: SiteRecord, now: datetime) -> Row:
    what = "benched" if record.stage is Stage.BENCH else "committed"
    return Row(now, SERVICE, what, record.energy_site_id, f"{record.expected_w:.0f} W")

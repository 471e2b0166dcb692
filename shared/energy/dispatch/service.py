"""Signals in, dispatches out: what utilities and operators may ask for, and what stands at the end of it.

A signal is named by (id, modification) and handled once. A higher modification supersedes; a lower one that comes
late changes nothing; a cancel that overtakes its dispatch keeps that from ever beginning. Plans are made one at a
time, so that no two of them commit a site.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from shared import log
from shared.energy.dispatch.answers import KeptAnswer, SignalAnswer, Verdict, kept_verdict, verdict_of, view
from shared.energy.dispatch.audit import Audit, Row
from shared.energy.dispatch.book import Book
from shared.energy.dispatch.byhand import ByHand, noted
from shared.energy.dispatch.goals import changed
from shared.energy.dispatch.handover import take_over
from shared.energy.dispatch.merging import ShardPlan, pack_commitments
from shared.energy.dispatch.milestones import received
from shared.energy.dispatch.model import (
    SHORTEST_EVENT,
    BadSignal,
    Dispatch,
    Kind,
    PlanSummary,
    Retention,
    Signal,
    SignalDiffers,
    State,
    Stop,
    Strategy,
    differences,
)
from shared.energy.dispatch.offers import offer
from shared.energy.dispatch.planner import Planner, request_of
from shared.energy.dispatch.planning import Commitment, Plan, PlanRules
from shared.energy.dispatch.schedule import Schedule
from shared.energy.dispatch.windows import open_window
from shared.energy.dispatch.wording import words_of
from shared.energy.shards import Shards
from shared.platform.errors import AlreadyExists, NotFound, WorkBusy
from shared.platform.once import Claim, Done, Once
from shared.platform.ports import Clock
from shared.tesla.plan_limits import NO_LIMITS, PlanLimits
from shared.typed import from_json

_LEASE_S = 120.0


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """`enabled`: whether anything may be dispatched. `plan`, `limits`: what plans have to keep to.

    `retention`: of everything that signals bring about.
    """

    enabled: bool = True
    plan: PlanRules = field(default_factory=PlanRules)
    limits: PlanLimits = NO_LIMITS
    retention: Retention = field(default_factory=Retention)


class DispatchService:
    """Takes signals and decisions; commands nothing itself."""

    def __init__(
        self,
        book: Book,
        audit: Audit,
        once: Once,
        schedule: Schedule,
        shards: Shards,
        planner: Planner,
        clock: Clock,
        rules: ServiceRules,
    ) -> None:
        self._book, self._audit, self._once, self._schedule = book, audit, once, schedule
        self._shards, self._planner, self._clock, self._rules = shards, planner, clock, rules

    def receive(self, signal: Signal, actor: str, *, dry_run: bool = False) -> SignalAnswer:
        """Handle a signal. A dry run plans and keeps nothing.

        Raises BadSignal, SignalDiffers (what was answered before stands), WorkBusy, Unavailable.
        """
        problems = signal.problems()
        if problems and signal.kind is not Kind.CANCEL:
            raise BadSignal(problems)
        if signal.kind is Kind.AVAILABILITY_REQUEST:
            return self._offer(signal)
        if dry_run:
            return self._dry_run(signal, actor)
        claim = self._once.claim(_claim_key(signal), lease_s=_LEASE_S)
        if isinstance(claim, Done):
            _require_same_contents(from_json(claim.result, KeptAnswer).signal, signal)
            return from_json(claim.result, SignalAnswer)
        if not isinstance(claim, Claim):
            raise WorkBusy("this signal is being handled")
        try:
            answer = self._handle(signal, actor)
        except BaseException:
            self._once.release(claim)
            raise
        self._once.complete(claim, msgspec.json.encode(KeptAnswer.of(answer, signal)))
        log.info("signal", dispatch=signal.id, modification=signal.modification, verdict=str(answer.verdict))
        return answer

    def cancel(self, dispatch: str, actor: str, reason: str = "") -> Dispatch:
        """End a dispatch now and restore its sites; again changes nothing. Raises NotFound."""
        now = self._clock.now()
        stop = Stop(at=now, actor=actor, reason=reason)
        if self._book.get(dispatch) is None:
            raise NotFound("no such dispatch")
        # Before the change: if this process dies in between, the dispatch is looked at soon.
        self._schedule.expect(dispatch)

        def change(value: Dispatch) -> Dispatch:
            return value if value.stop is not None or value.state.final else replace(value, stop=stop)

        after = self._book.change(dispatch, change)
        if after.stop is not None:
            self._audit.file(
                dispatch, "stop", 0, [Row(after.stop.at, after.stop.actor, "stop", "", after.stop.reason)]
            )
        self._wake(after)
        return after

    def stop_all(self, actor: str, reason: str = "") -> list[str]:
        """Cancel everything that is not over; gives the ids."""
        found = list(self._book.live())
        for name in found:
            self.cancel(name, actor, reason)
        return found

    def opt_out(
        self, dispatch: str, site: str, shard: str, actor: str, reason: str = "", *, publishes: bool = True
    ) -> Dispatch:
        """Take a site out of this event; it is restored at once. Raises NotFound.

        `publishes`: whether the caller may; else the next look at what is due does it, within a minute.
        """

        def change(value: Dispatch) -> Dispatch:
            if site in value.opted_out or value.state.final:
                return value
            return replace(value, opted_out=(*value.opted_out, site))

        after = self._book.change(dispatch, change)
        row = Row(self._clock.now(), actor, "opted_out", site, reason)
        self._audit.file(dispatch, f"opt-out.{site}", 0, [row])
        if shard in after.shards and after.live:
            modification, now = after.signal.modification, self._clock.now()
            if publishes:
                self._schedule.send(dispatch, shard=shard, modification=modification)
            else:
                self._schedule.plan(dispatch, now, shard=shard, modification=modification)
        return after

    def set_by_hand(self, dispatch: str, done: ByHand) -> None:
        """An operator has set something at a site of this event: its trail tells whose change that was.

        Raises NotFound.
        """
        self._book.change(dispatch, lambda value: replace(value, by_hand=noted(value.by_hand, done)))

    def _handle(self, signal: Signal, actor: str) -> SignalAnswer:
        known = self._book.get(signal.id)
        if known is not None and not _supersedes(signal, known.signal):
            return self._known(known, signal)
        if signal.kind is Kind.CANCEL:
            return self._cancelled(known, signal, actor)
        if self._book.heard(signal.id) > signal.modification:
            return _answer(signal, Verdict.SUPERSEDED)
        if known is not None and (known.state.ending or known.stop is not None):
            return _answer(signal, Verdict.OVER)
        if known is not None and known.state is not State.SCHEDULED:
            _require_same_event(known.signal, signal)
        return self._planned(known, signal, actor)

    def _planned(self, known: Dispatch | None, signal: Signal, actor: str) -> SignalAnswer:
        """A signal that is new and of an event that is not over."""
        now = self._clock.now()
        if not self._rules.enabled:
            return self._not_kept(_answer(signal, Verdict.DISABLED), signal)
        if known is None and _is_past(signal, now):
            return self._not_kept(_answer(signal, Verdict.EXPIRED), signal)
        with self._planner.alone():
            return self._commit(self._unchanged(known, signal), signal, actor, now)

    def _unchanged(self, known: Dispatch | None, signal: Signal) -> Dispatch | None:
        """The event as it is now that nobody else plans. Raises WorkBusy: another signal for it came first."""
        fresh = self._book.get(signal.id)
        if (fresh and fresh.signal) != (known and known.signal):
            raise WorkBusy("another signal for this event came first")
        return fresh

    def _not_kept(self, answer: SignalAnswer, signal: Signal) -> SignalAnswer:
        """The answer to a signal of which no dispatch comes; it still supersedes older ones that come late."""
        self._book.hear(signal.id, signal.modification, max(self._clock.now(), signal.ends_at))
        return answer

    def _known(self, known: Dispatch, signal: Signal) -> SignalAnswer:
        """A modification that is stored already: a worker that died had got that far. An older one is too late."""
        if known.signal.modification > signal.modification or known.signal.kind is not signal.kind:
            return _answer(signal, Verdict.SUPERSEDED)
        _require_same_contents(known.signal, signal)
        take_over(self._book, self._schedule, known)
        self._wake(known)
        if signal.kind is Kind.CANCEL:
            return _answer(signal, Verdict.CANCELLED)
        return _answer(signal, kept_verdict(signal.target_kw, known.plan))

    def _cancelled(self, known: Dispatch | None, signal: Signal, actor: str) -> SignalAnswer:
        """A cancel; one for an unknown event is kept, so that the event does not begin when it comes late."""
        if known is None:
            now = self._clock.now()
            stop, summary = (
                Stop(at=now, actor=actor, reason="signal"),
                PlanSummary(committed_kw=0.0, sites=0, bench=0, command_from=signal.start),
            )
            tombstone = Dispatch(
                signal=signal,
                state=State.CANCELLED,
                actor=actor,
                received_at=now,
                plan=summary,
                stop=stop,
                live=False,
            )
            try:
                self._book.create(tombstone)
            except AlreadyExists:
                self.cancel(signal.id, actor, "signal")
        elif not known.state.final:
            self.cancel(signal.id, actor, "signal")
        return _answer(signal, Verdict.CANCELLED)

    def _commit(self, known: Dispatch | None, signal: Signal, actor: str, now: datetime) -> SignalAnswer:
        """Plan, then: the due item, the shards' plans, the dispatch, the messages. Dying in between repeats it."""
        received_at = known.received_at if known else now
        made = self._plan(signal, received_at, now)
        shortened = signal.ends_at <= now
        answer = _answer(signal, Verdict.ACCEPTED if shortened else verdict_of(made), made)
        if made.refused and known is None:
            row = received(signal, actor, now, answer.verdict, made.committed_kw)
            self._audit.file(signal.id, f"refused.{signal.modification}", 0, [row])
            return self._not_kept(answer, signal)
        shards = sorted({one.shard for one in (*made.run, *made.bench)} | set(known.shards if known else ()))
        self._schedule.expect(signal.id, modification=signal.modification)
        open_window(self._shards, signal.id, made.command_from, signal.ends_at)
        for shard in shards:
            self._book.put_plan(_shard_plan(signal, shard, made), max(now, signal.ends_at))
        stored = self._store(known, signal, actor, made, tuple(shards), received_at)
        row = received(signal, actor, now, answer.verdict, made.committed_kw)
        self._audit.file(signal.id, f"signal.{signal.modification}", 0, [row])
        take_over(self._book, self._schedule, stored)
        self._wake(stored)
        return answer

    def _store(
        self,
        known: Dispatch | None,
        signal: Signal,
        actor: str,
        made: Plan,
        shards: tuple[str, ...],
        received_at: datetime,
    ) -> Dispatch:
        """The moment from which it counts."""
        if known is None:
            new = Dispatch(
                signal=signal,
                state=State.SCHEDULED,
                actor=actor,
                received_at=received_at,
                plan=made.summary(),
                shards=shards,
            )
            self._book.create(new)
            return new
        now = self._clock.now()

        def change(value: Dispatch) -> Dispatch:
            new = replace(value, signal=signal, plan=made.summary(), shards=shards, actor=actor)
            after = replace(new.goal, since=now)
            return replace(new, goals=changed(value.goals, value.goal, after, signal.start))

        return self._book.change(signal.id, change)

    def _dry_run(self, signal: Signal, actor: str) -> SignalAnswer:
        del actor
        now = self._clock.now()
        if signal.kind is Kind.CANCEL:
            raise BadSignal(["A cancel cannot be tried out."])
        known = self._book.get(signal.id)
        if known is None and _is_past(signal, now):
            return replace(_answer(signal, Verdict.EXPIRED), dry_run=True)
        made = self._plan(signal, known.received_at if known else now, now)
        verdict = Verdict.ACCEPTED if signal.ends_at <= now else verdict_of(made)
        return replace(_answer(signal, verdict, made), dry_run=True)

    def _offer(self, signal: Signal) -> SignalAnswer:
        now = self._clock.now()
        if _is_past(signal, now):
            return _answer(signal, Verdict.EXPIRED)
        found = offer(self._planner.candidates(signal), request_of(signal, now), self._rules.plan, now)
        return replace(_answer(signal, Verdict.OFFERED), offer=found, words=words_of(found.excluded))

    def _plan(self, signal: Signal, received_at: datetime, now: datetime) -> Plan:
        return self._planner.plan(self._planner.candidates(signal), request_of(signal, received_at), now)

    def _wake(self, dispatch: Dispatch) -> None:
        modification = dispatch.signal.modification
        for shard in ("", *dispatch.shards):
            self._schedule.send(dispatch.signal.id, shard=shard, modification=modification)


def _claim_key(signal: Signal) -> str:
    """A cancel is another signal than the event that it cancels, although it may carry the same numbers."""
    suffix = ".cancel" if signal.kind is Kind.CANCEL else ""
    return f"signal.{signal.id}.{signal.modification}{suffix}"


def _is_past(signal: Signal, now: datetime) -> bool:
    """Whether what a new signal asks for was over before it came. Raises BadSignal where it is too short to begin."""
    if signal.ends_at <= now:
        return True
    if signal.too_short:
        raise BadSignal([f"The event is shorter than {SHORTEST_EVENT // timedelta(minutes=1)} minutes."])
    return False


def _supersedes(signal: Signal, known: Signal) -> bool:
    """Whether the signal is newer than the one that is known. A cancel ends the modification that it names too."""
    cancels = signal.kind is Kind.CANCEL and known.kind is not Kind.CANCEL
    return signal.modification > known.modification or (cancels and signal.modification == known.modification)


def _require_same_contents(before: Signal | None, after: Signal) -> None:
    """Raises SignalDiffers where something else was answered under this name. A cancel says no more than its name."""
    found = differences(before, after) if before is not None and after.kind is not Kind.CANCEL else []
    if found:
        log.warning("signal differs", dispatch=after.id, modification=after.modification, differences=len(found))
        raise SignalDiffers(found)


def _require_same_event(before: Signal, after: Signal) -> None:
    """What cannot be changed of an event that has begun. Raises BadSignal."""
    if before.strategy is not after.strategy:
        raise BadSignal(["The strategy of an event that has begun cannot be changed; cancel it and send a new one."])
    if after.strategy is Strategy.EXPORT and after.ends_at > before.ends_at:
        # The sites' tariffs name the hours that were known when they were set.
        raise BadSignal(["An export event that has begun cannot be prolonged; send a new one for the time after it."])


def _shard_plan(signal: Signal, shard: str, made: Plan) -> ShardPlan:
    def own(commitments: tuple[Commitment, ...]) -> bytes:
        return pack_commitments(one for one in commitments if one.shard == shard)

    return ShardPlan(
        dispatch=signal.id, shard=shard, modification=signal.modification, run=own(made.run), bench=own(made.bench)
    )


def _answer(signal: Signal, verdict: Verdict, made: Plan | None = None) -> SignalAnswer:
    answer = SignalAnswer(verdict=verdict, dispatch=signal.id, modification=signal.modification)
    if made is None:
        return answer
    return replace(answer, plan=view(made), words=words_of((*made.reasons, *made.excluded)))

"""The poll of one shard: ask its sites, add up, keep. One bad site, account or answer costs no other anything."""

from __future__ import annotations

import time
import zlib
from collections.abc import Container, Iterable, Iterator
from datetime import datetime

import msgspec

from shared import log
from shared.energy.availability import Rules
from shared.energy.callers import Callers
from shared.energy.day_shape import Shapes, learn_day, pack_shapes, unpack_shapes
from shared.energy.fleet import Totals, total
from shared.energy.history import CONTENT_TYPE, history_name, pack_history
from shared.energy.learning import learn
from shared.energy.model import RosterSite
from shared.energy.polling import TICK_S, Agenda, agenda, sample_after
from shared.energy.round import Round, RoundRules, is_old
from shared.energy.samples import Outcome, Sample, from_epoch
from shared.energy.shards import Roster, Samples, Shards, StateDoc, pack_samples, unpack_samples
from shared.platform.errors import AlreadyExists, VersionChanged
from shared.platform.ports import BlobStore, Clock
from shared.tesla.breaker import Breaker
from shared.tesla.errors import HeldBack, LimitExceeded, NoAnswer
from shared.tesla.many import Ask, Engine

_SPARE_S = 30.0
"""Kept back at the end of a tick, to write things down before the next one starts."""
_HOUR_TICKS = 3_600 // TICK_S
_DAY_TICKS = 24 * _HOUR_TICKS
_SLOT_AGE_DAYS, _MISSED_AGE_DAYS = 0.5, 2.0
_RETRY_TICKS = 6
_CALLS_WITH_EQUIPMENT = 3
"""``live_status``, ``site_info``, and ``programs`` where the status says nothing of them."""


class PollShard(msgspec.Struct, frozen=True, kw_only=True):
    """The message of the poll topic: one shard at one tick.

    `before` is the compressed state before this tick, `version` what that state's document is at: the poll writes
    over exactly that, so a second delivery changes nothing. `shapes`: what that state knows of the day's course.
    `most`: how many sites Tesla may be asked for; `every`: the cadence in ticks; `per_second`: the shard's share of
    the request rate (0: unlimited).
    """

    tick: int
    shard: str
    version: str = ""
    before: bytes = b""
    shapes: bytes = b""
    every: int = 1
    most: int | None = None
    per_second: float = 0.0


class PollRules(msgspec.Struct, frozen=True):
    """How a poll behaves: requests under way at a time, time for one, tries of one."""

    concurrency: int
    timeout_s: float
    round: RoundRules
    availability: Rules


class Poller:
    """Polls shards. Collaborators: the shards' documents, tokens, the engine, the breaker, the history."""

    def __init__(
        self,
        shards: Shards,
        callers: Callers,
        engine: Engine,
        breaker: Breaker,
        blobs: BlobStore,
        clock: Clock,
        rules: PollRules,
    ) -> None:
        self._shards, self._callers, self._engine, self._breaker = shards, callers, engine, breaker
        self._blobs, self._clock, self._rules = blobs, clock, rules

    def run(self, message: PollShard) -> None:
        """Poll the shard for the message's tick; nothing happens when that tick is over or was polled already."""
        started = self._clock.now()
        left_s = (from_epoch((message.tick + 1) * TICK_S) - started).total_seconds() - _SPARE_S
        if left_s <= 0:
            log.warning("tick is over, shard not polled", shard=message.shard, tick=message.tick)
            return
        roster, before = self._shards.roster(message.shard), unpack_before(message.before)
        old = _equipment_due(message, roster, before, started)
        plan = agenda(
            roster.values(),
            before,
            message.tick,
            every=message.every,
            most=message.most,
            calls=lambda site: _CALLS_WITH_EQUIPMENT if site.energy_site_id in old else 1,
        )
        asked = self._ask(message, roster, plan, old, left_s)
        after = _samples(before, plan, asked, message.tick)
        roster = learn(self._shards, message.shard, roster, asked, started)
        shapes = self._learn_day(message, roster, after)
        totals = self._add_up(roster, after, shapes)
        state = StateDoc(
            tick=message.tick,
            at=started,
            took_s=round((self._clock.now() - started).total_seconds(), 3),
            totals=totals,
            samples=pack_samples(after),
            calls=dict(asked.calls),
            outcomes=dict(asked.outcomes),
            price_micro=asked.prices.total(),
            prices=dict(asked.prices),
            shapes=pack_shapes(shapes),
        )
        self._keep(message, state, asked)

    def expired(self, message: PollShard, reason: str) -> None:
        """The poll will not be made: the next tick makes its own."""
        log.warning("shard not polled", shard=message.shard, tick=message.tick, reason=reason)

    def _ask(self, message: PollShard, roster: Roster, plan: Agenda, old: Container[str], left_s: float) -> Round:
        """Ask Tesla."""
        accounts = dict.fromkeys(site.account for site in plan.ask)
        known = {site.account for site in roster.values() if site.authorised.holds}
        tokens = self._callers.gather(message.shard, accounts, keep=known)
        asked = Round(self._rules.round, self._clock, roster, tokens)
        infos = [site for site in plan.ask if site.energy_site_id in old]
        deadline_s = time.monotonic() + left_s
        try:
            with self._breaker.watch():
                self._run(asked.asks(plan.ask, infos), asked, message, deadline_s)
                self._ask_again(message, asked, deadline_s)
                asked.check()
        except (LimitExceeded, HeldBack) as error:
            log.warning("poll held back", shard=message.shard, reason=error.reason)
            asked.held_back = True
        except NoAnswer:
            log.info("nothing heard of the billing limit", shard=message.shard)
        for region in sorted(asked.unregistered):
            command = self._rules.round.installation.registration_command(region)
            log.error("application not registered", region=region, command=command)
        for site in plan.ask:
            asked.status.setdefault(site.energy_site_id, (Outcome.LIMIT_EXCEEDED, None))
        return asked

    def _ask_again(self, message: PollShard, asked: Round, deadline_s: float) -> None:
        """A second chance for sites whose token was refused, with a newer one, and for those that live elsewhere."""
        refused, moved = asked.refused(), dict(asked.moved)
        if asked.held_back or not (refused or moved):
            return
        again = asked.ended(Outcome.UNAUTHORIZED)
        again += [site for site in asked.ended(Outcome.WRONG_REGION) if site.account in moved]
        asked.tokens = self._callers.moved(message.shard, asked.tokens, moved)
        asked.tokens = self._callers.instead(
            message.shard, asked.tokens, [name for name in refused if name not in moved]
        )
        self._run(asked.asks(again), asked, message, deadline_s)

    def _run(self, asks: Iterable[Ask], asked: Round, message: PollShard, deadline_s: float) -> None:
        self._engine.run(
            asks,
            asked.hear,
            concurrency=self._rules.concurrency,
            timeout_s=self._rules.timeout_s,
            deadline_s=deadline_s,
            per_second=message.per_second,
        )

    def _learn_day(self, message: PollShard, roster: Roster, samples: Samples) -> Shapes:
        return learn_day(unpack_shapes(message.shapes), _pairs(roster, samples), message.tick, self._clock.now())

    def _add_up(self, roster: Roster, samples: Samples, shapes: Shapes) -> Totals:
        return total(_pairs(roster, samples), self._clock.now(), self._rules.availability, shapes)

    def _keep(self, message: PollShard, state: StateDoc, asked: Round) -> None:
        """State and history; a second delivery of the message finds the state written."""
        try:
            self._shards.save_state(message.shard, message.version, state)
        except (VersionChanged, AlreadyExists):
            log.info("tick already polled", shard=message.shard, tick=message.tick)
            return
        readings = {site_id: found for site_id, (_, found) in asked.status.items() if found is not None}
        if readings:
            self._blobs.put(
                history_name(message.tick, message.shard), pack_history(readings), content_type=CONTENT_TYPE
            )
        log.info(
            "shard polled",
            shard=message.shard,
            tick=message.tick,
            asked=len(asked.status),
            read=len(readings),
            took_s=state.took_s,
            **{f"outcome_{name}": count for name, count in asked.outcomes.items()},
        )


def pack_before(samples: bytes) -> bytes:
    """The samples of a state document as they travel in the message."""
    return zlib.compress(samples, 1) if samples else b""


def unpack_before(packed: bytes) -> Samples:
    """The samples that travelled in the message."""
    return unpack_samples(zlib.decompress(packed)) if packed else {}


def _pairs(roster: Roster, samples: Samples) -> Iterator[tuple[RosterSite, Sample | None]]:
    """Every site with its sample."""
    return ((site, samples.get(site_id)) for site_id, site in roster.items())


def _samples(before: Samples, plan: Agenda, asked: Round, tick: int) -> Samples:
    """Every site's sample after the round."""
    after: dict[str, Sample] = {}
    for site in plan.skip:
        after[site.energy_site_id] = sample_after(before.get(site.energy_site_id), Outcome.SKIPPED, None)
    for site in plan.ask:
        outcome, found = asked.status[site.energy_site_id]
        wait_s = asked.waits.get(site.energy_site_id, 0.0)
        after[site.energy_site_id] = sample_after(before.get(site.energy_site_id), outcome, found, tick, wait_s)
    return after


def _equipment_due(message: PollShard, roster: Roster, before: Samples, now: datetime) -> set[str]:
    """The sites whose ``site_info`` is read along with their status.

    New ones are read at once, the others in the shard's own slot of the day, which is as long as the cadence so that
    it meets every site; whoever missed it follows later. Of some sites, such as replaced ones, only ``site_info``
    fails: they are asked for it seldom.
    """
    mine = zlib.crc32(message.shard.encode()) % _DAY_TICKS
    slot = (message.tick - mine) % _DAY_TICKS < message.every
    days = _SLOT_AGE_DAYS if slot else _MISSED_AGE_DAYS
    old = {site_id for site_id, site in roster.items() if is_old(site, now, days)}
    if message.tick % _RETRY_TICKS:
        old -= {name for name in old if roster[name].equipment is None and _has_reading(before.get(name))}
    return old


def _has_reading(sample: Sample | None) -> bool:
    return sample is not None and sample.reading is not None

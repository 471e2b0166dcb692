"""The 5-minute tick: close the one before (add up what the shards kept), then send one message per shard.

Operations on the store: one read per shard; `fleet/current` read and written; the index read; the ledger written
(`fleet_days` is written once a day, the breaker read only where Tesla held calls back, the day's purse only
where there is a budget and calls have a price).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta

import msgspec

from shared import log
from shared.energy.fleet import Totals, merge
from shared.energy.history import day_of
from shared.energy.poller import PollShard, pack_before
from shared.energy.polling import TICK_S, tick_of
from shared.energy.samples import Outcome, from_epoch
from shared.energy.shards import ShardIndex, Shards, StateDoc
from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, VersionChanged
from shared.platform.ports import Clock, DocumentStore, Event, EventBus
from shared.tesla.breaker import Breaker
from shared.tesla.errors import HeldBack
from shared.tesla.ledger import Ledger, Spent
from shared.tesla.plan_limits import PlanLimits
from shared.typed import from_msgpack

TOPIC = "poll-energy-sites"
CURRENT = "current"
_PART = "fleet"
"""Of the ledger's days, written by nobody else."""
_READERS = 4
_DAYS_KEPT = timedelta(days=400)
_TICKS_A_DAY = 86_400 // TICK_S
_WATTS = 1000.0
_GOLDEN = 0.6180339887498949
"""Its multiples spread most evenly over a whole."""
_ROUNDING = 1e-9


class FleetRow(msgspec.Struct, frozen=True, array_like=True):
    """One tick of the whole fleet: kW, kWh and counts."""

    at: datetime
    sites: int
    enrolled: int
    fresh: int
    stale: int
    dead: int
    flow_kw: float
    naive_kw: float
    available_kw: tuple[float, float, float]
    load_offset_kw: tuple[float, float, float]
    above_reserve_kwh: float
    calls: int
    price_usd: float


class FleetCurrent(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet as of the last closed tick. `tick` is the one under way, `rows` msgpack of the day's rows so far.

    `spent`: the calls of the day's ticks so far.

    `at`: when the counted polls were made (the earliest of them), None before the first.
    """

    tick: int
    closed_tick: int = 0
    at: datetime | None = None
    totals: Totals = msgspec.field(default_factory=Totals)
    shards: int = 0
    missing_shards: int = 0
    day: str = ""
    rows: bytes = b""
    spent: Spent = Spent()


class FleetDay(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one UTC day, as msgpack."""

    day: str
    rows: bytes
    expires_at: datetime


class TickRules(msgspec.Struct, frozen=True):
    """`every`: cadence in ticks outside the windows of events. `limits`: what Tesla lets the application ask.

    `price_micro`: of one answer, in millionths of a dollar.
    """

    every: int
    limits: PlanLimits
    price_micro: int = 0


class ShardBefore(msgspec.Struct, frozen=True):
    """A shard's state as the last tick left it, its samples packed for the message."""

    state: StateDoc
    version: str
    samples: bytes


class FleetTick:
    """Starts ticks."""

    def __init__(
        self,
        store: DocumentStore,
        shards: Shards,
        bus: EventBus,
        ledger: Ledger,
        breaker: Breaker,
        clock: Clock,
        rules: TickRules,
    ) -> None:
        self._current = Collection(store, "fleet", FleetCurrent)
        self._days = Collection(store, "fleet_days", FleetDay)
        self._shards, self._bus, self._ledger = shards, bus, ledger
        self._breaker, self._clock, self._rules = breaker, clock, rules

    def start(self) -> int:
        """Start the present tick, if nobody did; gives the number of messages sent."""
        tick = tick_of(self._clock.now())
        stored = self._current.get(CURRENT)
        if stored is not None and tick <= stored.value.tick <= tick + 1:
            log.info("tick already started", tick=tick)
            return 0
        index = self._shards.index()
        if stored is not None and stored.value.tick > tick + 1:
            log.error("clock was ahead, ticks go on from now", tick=tick, known=stored.value.tick)
        states = self._states(list(index.sites))
        closed = self._close(stored.value if stored else FleetCurrent(tick=0), tick, index, states)
        if not self._take(stored, closed):
            log.info("tick already started", tick=tick)
            return 0
        self._write_ledger(closed, states)
        _tell(closed, self._clock.now())
        if self._is_held_back(tick, states) or not self._is_paid_for(tick, index):
            return 0
        return self._send(tick, index, states)

    def _states(self, shards: Sequence[str]) -> dict[str, ShardBefore]:
        """The shards' states, without those that have none yet. Samples are packed at once: they are most of it."""

        def read(name: str) -> ShardBefore | None:
            stored = self._shards.state(name)
            if stored is None:
                return None
            return ShardBefore(
                state=msgspec.structs.replace(stored.value, samples=b""),
                version=stored.version,
                samples=pack_before(stored.value.samples),
            )

        with ThreadPoolExecutor(_READERS) as pool:
            runs = [(name, pool.submit(copy_context().run, read, name)) for name in shards]
            found = {name: run.result() for name, run in runs}
        return {name: before for name, before in found.items() if before is not None}

    def _close(
        self, before: FleetCurrent, tick: int, index: ShardIndex, states: Mapping[str, ShardBefore]
    ) -> FleetCurrent:
        """The fleet after the tick before this one, with a row of it.

        A shard that missed that tick still counts with the one before it; what is older says nothing of now.
        """
        done = [shard.state for shard in states.values() if shard.state.tick == before.tick]
        recent = (shard.state for shard in states.values() if before.tick - 1 <= shard.state.tick <= before.tick)
        totals = merge(state.totals for state in recent)
        day = day_of(before.tick) if before.tick else day_of(tick)
        rows = before.rows
        if before.day and before.day != day:
            expires_at = self._clock.now() + _DAYS_KEPT
            self._days.put(before.day, FleetDay(day=before.day, rows=rows, expires_at=expires_at))
            rows = b""
        if done:
            row = _row(from_epoch(before.tick * TICK_S), totals, done)
            rows = msgspec.msgpack.encode([*unpack_rows(rows), row])
        return FleetCurrent(
            tick=tick,
            closed_tick=before.tick,
            at=min((state.at for state in done), default=before.at),
            totals=totals,
            shards=len(index.sites),
            missing_shards=len(index.sites) - len(done) if before.tick else 0,
            day=day,
            rows=rows,
            spent=_spent(before.spent if before.spent.day == day else Spent(day=day), done),
        )

    def _take(self, stored: Stored[FleetCurrent] | None, value: FleetCurrent) -> bool:
        """Whether the tick is ours to send: one starter wins."""
        try:
            if stored is None:
                self._current.create(CURRENT, value)
            else:
                self._current.replace(stored, value)
        except (AlreadyExists, VersionChanged):
            return False
        return True

    def _write_ledger(self, closed: FleetCurrent, states: Mapping[str, ShardBefore]) -> None:
        """The day's calls so far, in one write; what a starter that died left out comes with the next one."""
        if closed.spent.calls:
            self._ledger.put(_PART, closed.spent)
        done = (shard.state for shard in states.values() if shard.state.tick == closed.closed_tick)
        self._ledger.charge(sum(state.price_micro for state in done))

    def _is_held_back(self, tick: int, states: Mapping[str, ShardBefore]) -> bool:
        """Whether Tesla's billing limit forbids this tick; looked up only where a poll before met it."""
        met = Outcome.LIMIT_EXCEEDED.value
        if not any(shard.state.totals.by_outcome.get(met) for shard in states.values()):
            return False
        try:
            self._breaker.check()
        except HeldBack:
            log.warning("tick held back", tick=tick)
            return True
        return False

    def _is_paid_for(self, tick: int, index: ShardIndex) -> bool:
        """Whether the day's budget covers the tick; asked only where calls have a price and days a budget."""
        most, _per_second = budget(self._rules.limits, index.total)
        paid = self._ledger.covers((index.total if most is None else most) * self._rules.price_micro)
        if not paid:
            log.warning("tick not polled, the day's budget for Tesla calls is used up", tick=tick)
        return paid

    def _send(self, tick: int, index: ShardIndex, states: Mapping[str, ShardBefore]) -> int:
        every = 1 if _is_watched(index, self._clock.now()) else self._rules.every
        most, per_second = budget(self._rules.limits, index.total)
        parts = shared_out(most, index.sites, tick)
        for shard, sites in index.sites.items():
            known, share = states.get(shard), sites / index.total if index.total else 0.0
            message = PollShard(
                tick=tick,
                shard=shard,
                version=known.version if known else "",
                before=known.samples if known else b"",
                shapes=known.state.shapes if known else b"",
                every=every,
                most=parts[shard],
                per_second=per_second * share,
            )
            self._bus.publish(Event(TOPIC, msgspec.json.encode(message)))
        return len(index.sites)


def budget(limits: PlanLimits, sites: int) -> tuple[int | None, float]:
    """How many calls one tick may make (None: one a site), and how fast, under the application's limits."""
    bounds = [sites]
    if limits.requests_per_s:
        bounds.append(int(limits.requests_per_s * (TICK_S - 60)))
    if limits.requests_per_day:
        bounds.append(limits.requests_per_day // _TICKS_A_DAY)
    most = min(bounds)
    return (None if most >= sites else most), float(limits.requests_per_s or 0)


def shared_out(most: int | None, sites: Mapping[str, int], tick: int) -> dict[str, int | None]:
    """The tick's calls by shard, in all exactly `most`, each shard's by its number of sites.

    A share is seldom a whole number, and that of a small shard is less than one: what is rounded off moves from tick
    to tick, so that over many ticks every shard has its share.
    """
    total = sum(sites.values())
    if most is None or not total:
        return dict.fromkeys(sites, most)
    parts, end = dict[str, int | None](), tick * _GOLDEN % 1
    for shard, count in sites.items():
        begin, end = end, end + most * count / total
        parts[shard] = int(end + _ROUNDING) - int(begin + _ROUNDING)
    return parts


def unpack_rows(rows: bytes) -> list[FleetRow]:
    """Rows as they were packed."""
    return from_msgpack(rows, list[FleetRow]) if rows else []


def _is_watched(index: ShardIndex, now: datetime) -> bool:
    return any(window.start <= now < window.end for window in index.windows)


def _spent(before: Spent, done: Sequence[StateDoc]) -> Spent:
    """The day's calls with those of the tick."""
    for state in done:
        before = before.plus(state.calls, state.prices, state.outcomes)
    return before


def _row(at: datetime, totals: Totals, done: Sequence[StateDoc]) -> FleetRow:
    def kw(watts: Sequence[float]) -> tuple[float, float, float]:
        one, two, three = (round(watt / _WATTS, 3) for watt in watts)
        return one, two, three

    return FleetRow(
        at=at,
        sites=totals.sites,
        enrolled=totals.enrolled,
        fresh=totals.fresh,
        stale=totals.stale,
        dead=totals.dead,
        flow_kw=round(totals.flow_w / _WATTS, 3),
        naive_kw=round(totals.naive_w / _WATTS, 3),
        available_kw=kw(totals.available_w),
        load_offset_kw=kw(totals.load_offset_w),
        above_reserve_kwh=round(totals.surplus_wh / _WATTS, 3),
        calls=sum(sum(state.calls.values()) for state in done),
        price_usd=sum(state.price_micro for state in done) / 1_000_000,
    )


def _tell(closed: FleetCurrent, now: datetime) -> None:
    """The fleet in the log, for metrics and alerts."""
    totals = closed.totals
    log.info(
        "energy tick",
        tick=closed.closed_tick,
        sites=totals.sites,
        enrolled=totals.enrolled,
        fresh=totals.fresh,
        stale=totals.stale,
        dead=totals.dead,
        flow_kw=round(totals.flow_w / _WATTS, 3),
        available_kw=round(totals.available_w[0] / _WATTS, 3),
        missing_shards=closed.missing_shards,
        at=now.isoformat(),
    )
    if totals.dead:
        log.warning("energy sites without connection", count=totals.dead)
    if closed.missing_shards:
        log.warning("shards not polled", count=closed.missing_shards)

"""The documents of dispatches: `dispatches`, `dispatch_plans`, `dispatch_shards`, `signals`, `site_events`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import TypeVar

import msgspec

from shared.energy.dispatch.merging import ShardPlan
from shared.energy.dispatch.model import ID_PATTERN, Dispatch
from shared.energy.dispatch.records import ShardRecords
from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, NotFound
from shared.platform.ports import DocumentStore, Where
from shared.typed import from_msgpack

_READERS = 16
_ID = re.compile(ID_PATTERN)
T = TypeVar("T")


class Took(msgspec.Struct, frozen=True, array_like=True):
    """A site's events of one month: how many, and in how many of them it delivered."""

    events: int = 0
    delivered: int = 0


class SiteEvents(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one month in one shard. `counted`: dispatches that are in it already."""

    counted: tuple[str, ...] = ()
    packed: bytes = b""

    def by_site(self) -> dict[str, Took]:
        """What each site took part in."""
        return from_msgpack(self.packed, dict[str, Took]) if self.packed else {}


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """`signals/{id}`: the highest modification of an event of which no dispatch came."""

    modification: int


class Book:
    """Reads and writes them."""

    def __init__(self, store: DocumentStore) -> None:
        self._dispatches = Collection(store, "dispatches", Dispatch)
        self._plans = Collection(store, "dispatch_plans", ShardPlan)
        self._records = Collection(store, "dispatch_shards", ShardRecords)
        self._events = Collection(store, "site_events", SiteEvents)
        self._heard = Collection(store, "signals", Heard)

    def get(self, dispatch: str) -> Dispatch | None:
        """The dispatch, or None; so for what cannot be the id of one."""
        if not _ID.match(dispatch):
            return None
        stored = self._dispatches.get(dispatch)
        return stored.value if stored else None

    def heard(self, dispatch: str) -> int:
        """The highest modification of which no dispatch came; -1: none."""
        stored = self._heard.get(dispatch)
        return stored.value.modification if stored else -1

    def hear(self, dispatch: str, modification: int) -> None:
        """Remember a modification of which no dispatch came."""
        try:
            self._heard.create(dispatch, Heard(modification=modification))
        except AlreadyExists:
            self._heard.update(dispatch, lambda value: Heard(modification=max(value.modification, modification)))

    def create(self, value: Dispatch) -> None:
        """Store a new dispatch under its signal's id. Raises AlreadyExists."""
        self._dispatches.create(value.signal.id, value)

    def change(self, dispatch: str, change: Callable[[Dispatch], Dispatch]) -> Dispatch:
        """Change a dispatch; gives it as it is then. Raises NotFound."""
        return self._dispatches.update(dispatch, change).value

    def live(self) -> dict[str, Dispatch]:
        """Every dispatch that is not final, by id."""
        return {stored.key: stored.value for stored in self._dispatches.find([Where("live", "==", value=True)])}

    def all(self) -> list[Dispatch]:
        """Every dispatch there is, the latest first."""
        found = [stored.value for stored in self._dispatches.find(())]
        return sorted(found, key=lambda one: one.received_at, reverse=True)

    def plan(self, dispatch: str, shard: str) -> ShardPlan | None:
        """The plan of one shard, or None."""
        stored = self._plans.get(f"{dispatch}.{shard}")
        return stored.value if stored else None

    def put_plan(self, plan: ShardPlan) -> None:
        """Write the plan of one shard over whatever was there."""
        self._plans.put(f"{plan.dispatch}.{plan.shard}", plan)

    def change_plan(self, dispatch: str, shard: str, change: Callable[[ShardPlan], ShardPlan]) -> None:
        """Change the plan of one shard. Raises NotFound."""
        self._plans.update(f"{dispatch}.{shard}", change)

    def records(self, dispatch: str, shard: str) -> Stored[ShardRecords] | None:
        """The records of one shard, or None before its worker began."""
        return self._records.get(f"{dispatch}.{shard}")

    def all_records(self, dispatch: str, shards: Iterable[str]) -> dict[str, ShardRecords]:
        """The records of several shards, read side by side; those that there are."""
        names = list(shards)
        found = side_by_side(lambda shard: self.records(dispatch, shard), names)
        return {shard: stored.value for shard, stored in zip(names, found, strict=True) if stored is not None}

    def save_records(self, before: Stored[ShardRecords] | None, value: ShardRecords) -> Stored[ShardRecords]:
        """Write the records over what was read. Raises VersionChanged, AlreadyExists: not ours any more."""
        if before is None:
            return self._records.create(f"{value.dispatch}.{value.shard}", value)
        return self._records.replace(before, value)

    def events(self, month: datetime, shard: str) -> dict[str, Took]:
        """What the shard's sites took part in in that month."""
        stored = self._events.get(_month_key(month, shard))
        return stored.value.by_site() if stored else {}

    def count_event(self, month: datetime, shard: str, dispatch: str, sites: Mapping[str, bool]) -> None:
        """Count a dispatch for its sites (site -> whether it delivered), once. Raises VersionChanged."""

        def change(value: SiteEvents) -> SiteEvents:
            if dispatch in value.counted:
                return value
            known = value.by_site()
            for site, delivered in sites.items():
                took = known.get(site, Took())
                known[site] = Took(took.events + 1, took.delivered + delivered)
            packed = msgspec.msgpack.encode(known)
            return SiteEvents(counted=(*value.counted, dispatch), packed=packed)

        key = _month_key(month, shard)
        try:
            self._events.update(key, change)
        except NotFound:
            try:
                self._events.create(key, change(SiteEvents()))
            except AlreadyExists:
                self._events.update(key, change)


def side_by_side(read: Callable[[str], T], names: list[str]) -> list[T]:
    """What each name reads, in their order."""
    with ThreadPoolExecutor(_READERS) as pool:
        runs = [pool.submit(copy_context().run, read, name) for name in names]
        return [run.result() for run in runs]


def _month_key(month: datetime, shard: str) -> str:
    return f"{month:%Y-%m}.{shard}"

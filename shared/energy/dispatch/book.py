"""The documents of dispatches: `dispatches`, `dispatch_plans`, `dispatch_shards`, `signals`, `site_events`.

Each says when it was written last until when it is kept (`Retention`). What is not over says nothing: a dispatch that
is live, and the records of a shard with anything left to do, have no end, whatever time passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import asdict, replace

from shared.energy.dispatch.merging import ShardPlan
from shared.energy.dispatch.model import ID_PATTERN, Dispatch, Retention
from shared.energy.dispatch.records import ShardRecords, SiteRecord, Stage, pack
from shared.energy.dispatch.shelf import Shelf
from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, NotFound
from shared.platform.ports import DocumentStore, Where
from shared.tesla.catalogue.energy import EnergyAction
from shared.typed import from_msgpack, from_plain

_READERS = 16
_PAGE = 200
_TWO_MONTHS = timedelta(days=63)
_ID = re.compile(ID_PATTERN)
T = TypeVar("T")


class Took(msgspec.Struct, frozen=True, array_like=True):
    """A site's events of one month: how many, and in how many of them it delivered."""

    events: int = 0
    delivered: int = 0


class SiteEvents(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one month in one shard. `counted`: dispatches that are in it already.

    Plans of that month and of the next one ask for it.
    """

    counted: tuple[str, ...] = ()
    packed: bytes = b""
    expires_at: datetime | None = None

    def by_site(self) -> dict[str, Took]:
        """What each site took part in."""
        return from_msgpack(self.packed, dict[str, Took]) if self.packed else {}


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """`signals/{id}`: the highest modification of an event of which no dispatch came."""

    modification: int
    expires_at: datetime | None = None


class KeptRecords(ShardRecords, frozen=True, kw_only=True):
    """A shard's records as stored. `expires_at`: None while anything is left to do at one of its sites."""

    expires_at: datetime | None = None


class Book:
    """Reads and writes them, and says until when they are kept (`retention`)."""

    def __init__(self, store: DocumentStore, retention: Retention | None = None) -> None:
        self._store, self.retention = store, retention or Retention()
        self._shelf = Shelf(store, self.retention)
        self._dispatches = Collection(store, "dispatches", Dispatch)
        self._plans = Collection(store, "dispatch_plans", ShardPlan)
        self._records = Collection(store, "dispatch_shards", KeptRecords)
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

    def hear(self, dispatch: str, modification: int, over_at: datetime) -> None:
        """Remember a modification of which no dispatch came. `over_at`: from then on every other one has expired."""
        heard = Heard(modification=modification, expires_at=self.retention.work(over_at))
        try:
            self._heard.create(dispatch, heard)
        except AlreadyExists:
            self._heard.update(dispatch, partial(_also, heard=heard))

    def create(self, value: Dispatch) -> None:
        """Store a new dispatch under its signal's id. Raises AlreadyExists."""
        self._dispatches.create(value.signal.id, self._with_end(value))

    def change(self, dispatch: str, change: Callable[[Dispatch], Dispatch]) -> Dispatch:
        """Change a dispatch; gives it as it is then. Raises NotFound."""
        return self._dispatches.update(dispatch, lambda value: self._with_end(change(value))).value

    def live(self) -> dict[str, Dispatch]:
        """Every dispatch that is not final, by id."""
        return {stored.key: stored.value for stored in self._dispatches.find([Where("live", "==", value=True)])}

    def page(self, *, live: bool, cursor: str | None, limit: int) -> tuple[list[Dispatch], str | None]:
        """Dispatches, the latest first, and the cursor of the next page; `live`: only those that are not final.

        Raises InvalidCursor, also for a cursor of the other of the two lists.
        """
        where = [Where("live", "==", value=True)] if live else []
        found = self._store.query(
            "dispatches", where, order_by="received_at", descending=True, limit=limit, cursor=cursor
        )
        return [from_plain(each.body, Dispatch, native=(bytes, datetime)) for each in found.documents], found.cursor

    def all(self) -> list[Dispatch]:
        """Every dispatch there is, the latest first, for those who list them all on a screen."""
        found, cursor = self.page(live=False, cursor=None, limit=_PAGE)
        while cursor is not None:
            more, cursor = self.page(live=False, cursor=cursor, limit=_PAGE)
            found += more
        return found

    def plan(self, dispatch: str, shard: str) -> ShardPlan | None:
        """The plan of one shard, or None."""
        stored = self._plans.get(f"{dispatch}.{shard}")
        return stored.value if stored else None

    def put_plan(self, plan: ShardPlan, over_at: datetime | None = None) -> None:
        """Write the plan of one shard over whatever was there.

        `over_at`: from then on nothing needs it; for a plan of a dispatch that is stored its own end, if not given.
        """
        dated = self._plan_with_end(plan) if over_at is None else self._plan_until(plan, over_at)
        self._plans.put(f"{plan.dispatch}.{plan.shard}", dated)

    def change_plan(self, dispatch: str, shard: str, change: Callable[[ShardPlan], ShardPlan]) -> None:
        """Change the plan of one shard. Raises NotFound."""

        def dated(plan: ShardPlan) -> ShardPlan:
            after = change(plan)
            return after if after is plan else self._plan_with_end(after)

        self._plans.update(f"{dispatch}.{shard}", dated)

    def records(self, dispatch: str, shard: str) -> Stored[KeptRecords] | None:
        """The records of one shard, or None before its worker began."""
        return self._records.get(f"{dispatch}.{shard}")

    def all_records(self, dispatch: str, shards: Iterable[str]) -> dict[str, ShardRecords]:
        """The records of several shards, read side by side; those that there are."""
        names = list(shards)
        found = side_by_side(lambda shard: self.records(dispatch, shard), names)
        return {shard: stored.value for shard, stored in zip(names, found, strict=True) if stored is not None}

    def save_records(self, before: Stored[KeptRecords] | None, value: ShardRecords) -> Stored[KeptRecords]:
        """Write the records over what was read. Raises VersionChanged, AlreadyExists: not ours any more.

        Once a day the tariffs that their sites still wait for are renewed, however long restoring takes.
        """
        if before is not None and before.value.at and value.at and value.at.date() > before.value.at.date():
            self._shelf.renew(_awaited(value), value.at)
        kept = self._for_keeping(value)
        if before is None:
            return self._records.create(f"{value.dispatch}.{value.shard}", kept)
        return self._records.replace(before, kept)

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
            return SiteEvents(counted=(*value.counted, dispatch), packed=packed, expires_at=until)

        key, until = _month_key(month, shard), self.retention.work(month.replace(day=1) + _TWO_MONTHS)
        try:
            self._events.update(key, change)
        except NotFound:
            try:
                self._events.create(key, change(SiteEvents()))
            except AlreadyExists:
                self._events.update(key, change)

    def _with_end(self, value: Dispatch) -> Dispatch:
        """The dispatch, which is kept until then if it is final; that is said once."""
        if value.live == (value.expires_at is None):
            return value
        return replace(value, expires_at=None if value.live else self.retention.evidence(value.over_at))

    def _plan_with_end(self, plan: ShardPlan) -> ShardPlan:
        """The plan, kept by its dispatch's end unless it says itself until when; earlier releases' plans do not."""
        found = None if plan.expires_at else self.get(plan.dispatch)
        return plan if found is None else self._plan_until(plan, found.signal.ends_at)

    def _plan_until(self, plan: ShardPlan, over_at: datetime) -> ShardPlan:
        return replace(plan, expires_at=self.retention.work(over_at))

    def _for_keeping(self, value: ShardRecords) -> KeptRecords:
        """The records as stored: once nothing is to be done with an end, and after the event without accounts."""
        kept = KeptRecords(**{**asdict(value), "expires_at": None})
        found = None if value.counts.unfinished else self.get(value.dispatch)
        if found is None or value.at is None:
            return kept
        until = self.retention.evidence(max(value.at, found.signal.ends_at))
        packed = _without_accounts(value) if found.over(value.at) else value.packed
        return replace(kept, expires_at=until, packed=packed)


def _also(known: Heard, heard: Heard) -> Heard:
    until = max(known.expires_at or heard.expires_at, heard.expires_at) if heard.expires_at else None
    return Heard(modification=max(known.modification, heard.modification), expires_at=until)


def _awaited(value: ShardRecords) -> set[str]:
    """The keys of the tariffs that are still to be put back."""
    if not value.counts.to_restore:
        return set()
    waiting = [record for record in value.records() if record.stage is Stage.RESTORING]
    touched = [touch for record in waiting for touch in record.touches]
    return {one.prior for one in touched if one.action is EnergyAction.TARIFF and one.prior and not one.settled}


def _without_accounts(value: ShardRecords) -> bytes:
    """Nothing is asked of the sites any more: whose account they were reached by is nobody's business now."""
    return pack([_without_account(record) for record in value.records()])


def _without_account(record: SiteRecord) -> SiteRecord:
    return replace(record, account="")


def side_by_side(read: Callable[[str], T], names: list[str]) -> list[T]:
    """What each name reads, in their order."""
    with ThreadPoolExecutor(_READERS) as pool:
        runs = [pool.submit(copy_context().run, read, name) for name in names]
        return [run.result() for run in runs]


def _month_key(month: datetime, shard: str) -> str:
    return f"{month:%Y-%m}.{shard}"

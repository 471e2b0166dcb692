"""The shards of the fleet: up to a few hundred sites each, in three documents, so that a tick costs few operations.

| document | holds | written by |
|---|---|---|
| `shards/{n}.roster` | the sites as polling and dispatch need them | the registry, and the daily look at equipment |
| `shards/{n}.tokens` | their accounts' access tokens, sealed as one blob | the poll, once an account has newer ones |
| `shards/{n}.state` | the last samples and their sums; its tick is the idempotency key | the poll, once a tick |

`fleet/shards` is the index: which shards there are and how full they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import msgspec

from shared.energy.fleet import Totals
from shared.energy.model import RosterSite
from shared.energy.samples import Sample
from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, VersionChanged
from shared.platform.ports import Clock, DocumentStore
from shared.platform.sealing import Sealer
from shared.typed import from_msgpack

T = TypeVar("T")

SHARD_SITES = 500
COLLECTION = "shards"
_INDEX = "shards"
_TRIES = 12


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which the fleet is watched at every tick: a dispatch event and what leads up to it."""

    key: str
    start: datetime
    end: datetime


class ShardIndex(msgspec.Struct, frozen=True, kw_only=True):
    """Number of sites by shard, and the windows in which every site is polled at every tick."""

    sites: dict[str, int] = {}
    windows: tuple[Window, ...] = ()

    @property
    def total(self) -> int:
        """Sites in all shards together."""
        return sum(self.sites.values())


class RosterDoc(msgspec.Struct, frozen=True, kw_only=True):
    """The roster as stored: msgpack of the sites."""

    sites: bytes
    changed_at: datetime


class TokensDoc(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens as stored: a sealed msgpack of `ShardToken` by account."""

    sealed: bytes
    changed_at: datetime


class ShardToken(msgspec.Struct, frozen=True, array_like=True):
    """What a shard calls with for one account. Its repr shows no token.

    `stopped` says why nothing may be called for the account, until `look_again_at`; then the account is looked up.
    """

    access: str
    region: str
    expires_at: datetime
    stopped: str = ""
    look_again_at: datetime | None = None

    def __repr__(self) -> str:
        return f"ShardToken(region={self.region!r}, stopped={self.stopped!r})"


class StateDoc(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a shard's last tick: totals as they are, the samples as msgpack by site.

    `calls`: how often Tesla was asked, by endpoint; `outcomes`: the same by how it ended; `price_micro`: what that
    cost, in millionths of a dollar, `prices` the same by endpoint. `shapes`: how load and sun go through the days of
    the shard's time zones (`day_shape`), as msgpack.
    """

    tick: int
    at: datetime
    took_s: float
    totals: Totals
    samples: bytes
    calls: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    price_micro: int = 0
    prices: dict[str, int] = {}
    shapes: bytes = b""


Samples = dict[str, Sample]
Tokens = dict[str, ShardToken]
Roster = dict[str, RosterSite]
Change = Callable[[RosterSite | None], RosterSite | None]


class Shards:
    """Reads and writes the documents of shards."""

    def __init__(
        self, store: DocumentStore, sealer: Sealer, clock: Clock, *, sites_per_shard: int = SHARD_SITES
    ) -> None:
        self._rosters = Collection(store, COLLECTION, RosterDoc)
        self._tokens = Collection(store, COLLECTION, TokensDoc)
        self._states = Collection(store, COLLECTION, StateDoc)
        self._index = Collection(store, "fleet", ShardIndex)
        self._sealer, self._clock, self._size = sealer, clock, sites_per_shard

    def index(self) -> ShardIndex:
        """Which shards there are."""
        stored = self._index.get(_INDEX)
        return stored.value if stored else ShardIndex()

    def place(self, count: int = 1) -> str:
        """Room for `count` sites (at most a shard's size) in one shard, taken at once; gives its name."""
        taken = ""

        def take(index: ShardIndex) -> ShardIndex:
            nonlocal taken
            taken = next((name for name, held in index.sites.items() if held + count <= self._size), "")
            taken = taken or f"{len(index.sites):04d}"
            return _with_sites(index, taken, index.sites.get(taken, 0) + count)

        self.change_index(take)
        return taken

    def give_back(self, shard: str, count: int = 1) -> None:
        """The places of sites that left."""
        self.change_index(lambda index: _with_sites(index, shard, max(0, index.sites.get(shard, 0) - count)))

    def change_index(self, change: Callable[[ShardIndex], ShardIndex]) -> ShardIndex:
        """Write a changed index; `change` may be called more than once."""
        with suppress(AlreadyExists):
            self._index.create(_INDEX, ShardIndex())
        return self._index.update(_INDEX, change).value

    def roster(self, shard: str) -> Roster:
        """The shard's sites by id."""
        return _sites(self._rosters.get(_key(shard, "roster")))

    def change(self, shard: str, changes: Mapping[str, Change]) -> Roster:
        """Rewrite some sites of the roster (None: not there); gives the new roster.

        Nothing is written where nothing changes. Raises VersionChanged when others never stop writing.
        """
        key = _key(shard, "roster")
        for _ in range(_TRIES):
            stored = self._rosters.get(key)
            before = _sites(stored)
            after = _changed(before, changes)
            if after == before:
                return before
            document = RosterDoc(sites=msgspec.msgpack.encode(list(after.values())), changed_at=self._clock.now())
            try:
                _write(self._rosters, key, stored, document)
            except (VersionChanged, AlreadyExists):
                continue
            return after
        raise VersionChanged(f"the roster of shard {shard} kept changing")

    def tokens(self, shard: str) -> Tokens:
        """The shard's tokens by account."""
        return self._opened(shard, self._tokens.get(_key(shard, "tokens")))

    def change_tokens(self, shard: str, changes: Mapping[str, ShardToken | None]) -> None:
        """Rewrite the tokens of some accounts; None: the account has none any more. Raises VersionChanged."""
        key = _key(shard, "tokens")
        for _ in range(_TRIES):
            stored = self._tokens.get(key)
            kept = {**self._opened(shard, stored), **changes}
            packed = msgspec.msgpack.encode({name: token for name, token in kept.items() if token is not None})
            sealed = self._sealer.seal(packed, bound_to=_bound_to(shard))
            try:
                _write(self._tokens, key, stored, TokensDoc(sealed=sealed, changed_at=self._clock.now()))
            except (VersionChanged, AlreadyExists):
                continue
            return
        raise VersionChanged(f"the tokens of shard {shard} kept changing")

    def state(self, shard: str) -> Stored[StateDoc] | None:
        """The shard's last tick, or None before its first."""
        return self._states.get(_key(shard, "state"))

    def save_state(self, shard: str, version: str, state: StateDoc) -> None:
        """Write the state over the version it was made from ("": none). Raises VersionChanged, AlreadyExists."""
        key = _key(shard, "state")
        if not version:
            self._states.create(key, state)
        else:
            self._states.replace(Stored(key, state, version), state)

    def _opened(self, shard: str, stored: Stored[TokensDoc] | None) -> Tokens:
        if stored is None:
            return {}
        return from_msgpack(self._sealer.open(stored.value.sealed, bound_to=_bound_to(shard)), dict[str, ShardToken])


def pack_samples(samples: Mapping[str, Sample]) -> bytes:
    """Samples as they are stored."""
    return msgspec.msgpack.encode(samples)


def unpack_samples(packed: bytes) -> Samples:
    """Samples as they were stored; none from nothing."""
    return from_msgpack(packed, dict[str, Sample]) if packed else {}


def _sites(stored: Stored[RosterDoc] | None) -> Roster:
    sites: Iterable[RosterSite] = from_msgpack(stored.value.sites, list[RosterSite]) if stored else ()
    return {site.energy_site_id: site for site in sites}


def _changed(before: Roster, changes: Mapping[str, Change]) -> Roster:
    after = dict(before)
    for site_id, change in changes.items():
        site = change(after.get(site_id))
        if site is None:
            after.pop(site_id, None)
        else:
            after[site_id] = site
    return after


def _with_sites(index: ShardIndex, shard: str, count: int) -> ShardIndex:
    return msgspec.structs.replace(index, sites={**index.sites, shard: count})


def _write(collection: Collection[T], key: str, stored: Stored[T] | None, value: T) -> None:
    """Over what was read, or as a new document. Raises VersionChanged, AlreadyExists."""
    if stored is None:
        collection.create(key, value)
    else:
        collection.replace(stored, value)


def _key(shard: str, part: str) -> str:
    return f"{shard}.{part}"


def _bound_to(shard: str) -> str:
    return f"shard:{shard}"

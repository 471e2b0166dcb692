"""A fleet for benches: real tick and poll over the embedded stores; sites and tokens are written directly."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared import bootstrap
from shared.energy.model import Equipment, Evidence, Fact, RosterSite
from shared.energy.poller import Poller, PollRules, PollShard
from shared.energy.round import RoundRules
from shared.energy.shards import Change, Shards, ShardToken
from shared.energy.tick import FleetTick, TickRules
from shared.platform.clock import SystemClock
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.ports import Event
from shared.platform.sealing import new_key
from shared.tesla.curl_engine import CurlEngine
from shared.tesla.plan_limits import NO_LIMITS
from shared.tesla.regions import Regions
from shared.typed import from_json

SHARD_SITES = 500
TICK = timedelta(seconds=300)
_TOKEN = "t" * 900
_BODY_BYTES = 1_048_576


class Clock(SystemClock):
    """The machine's clock, some ticks ahead for whoever starts ticks."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The moment, ahead of the machine's."""
        return super().now() + self.ahead


class CountedStore(SqliteDocuments):
    """Counts its operations."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.operations: Counter[str] = Counter()

    def get(self, *args: Any, **more: Any) -> Any:
        """One read."""
        self.operations["reads"] += 1
        return super().get(*args, **more)

    def create(self, *args: Any, **more: Any) -> Any:
        """One write."""
        self.operations["writes"] += 1
        return super().create(*args, **more)

    def replace(self, *args: Any, **more: Any) -> Any:
        """One write."""
        self.operations["writes"] += 1
        return super().replace(*args, **more)

    def put(self, *args: Any, **more: Any) -> Any:
        """One write."""
        self.operations["writes"] += 1
        return super().put(*args, **more)


class HeldEvents:
    """An event bus that keeps what is published, to be handled here and now."""

    def __init__(self) -> None:
        self.held: list[Event] = []

    def publish(self, event: Event) -> str:
        """Keep it."""
        self.held.append(event)
        return str(len(self.held))


class FleetPlace:
    """So many enrolled sites, each with an account of its own, and what polls them.

    `timeout_s` and `tries` are the poll's; `connections` those of one shard; `side_by_side` shards polled at a time.
    """

    def __init__(
        self, folder: Path, url: str, ca_file: str, *, connections: int = 100, side_by_side: int = 20
    ) -> None:
        os.environ.update(_environment(folder))
        self.store = CountedStore(folder / "documents.db")
        self.clock, self.bus = Clock(), HeldEvents()
        self.shards = Shards(self.store, bootstrap.sealer(), self.clock, sites_per_shard=SHARD_SITES)
        self._engine = CurlEngine(body_bytes=_BODY_BYTES, ca_file=ca_file)
        chosen, breaker = bootstrap.settings(), bootstrap.breaker()
        logging.getLogger().setLevel(logging.WARNING)
        rules = PollRules(
            concurrency=connections,
            timeout_s=chosen.energy_timeout_s,
            round=RoundRules(chosen.energy_tries, 0, Regions({"eu": url})),
            availability=bootstrap.availability_rules(),
        )
        callers = bootstrap.callers().__class__(self.shards, bootstrap.keeper(), self.bus, self.clock)
        self.poller = Poller(self.shards, callers, self._engine, breaker, bootstrap.blobs(), SystemClock(), rules)
        self.tick = FleetTick(
            self.store, self.shards, self.bus, bootstrap.ledger(), breaker, self.clock, TickRules(1, NO_LIMITS)
        )
        self._pool = ThreadPoolExecutor(side_by_side)

    def enrol(self, sites: int) -> None:
        """Write rosters and tokens."""
        now = datetime.now(UTC)
        for first in range(0, sites, SHARD_SITES):
            ids = [str(10**12 + number) for number in range(first, min(sites, first + SHARD_SITES))]
            shard = self.shards.place(len(ids))
            self.shards.change(shard, {key: _enrolled(key, now) for key in ids})
            token = ShardToken(_TOKEN, "eu", now + timedelta(hours=8))
            self.shards.change_tokens(shard, {f"account-{key}": token for key in ids})

    def poll(self) -> None:
        """One whole tick: started, every shard polled."""
        self.clock.ahead += TICK
        self.tick.start()
        messages = [from_json(event.data, PollShard) for event in self.bus.held]
        self.bus.held.clear()
        list(self._pool.map(self.poller.run, messages))

    def outcomes(self) -> Counter[str]:
        """Sites by the outcome of the last tick."""
        counts = Counter[str]()
        for name in self.shards.index().sites:
            state = self.shards.state(name)
            counts.update(state.value.totals.by_outcome if state else {})
        return counts

    def flow_w(self) -> float:
        """The fleet's flow as the shards added it up."""
        states = [self.shards.state(name) for name in self.shards.index().sites]
        return sum(state.value.totals.flow_w for state in states if state)

    def close(self) -> None:
        """Close connections and threads."""
        self._pool.shutdown()
        self._engine.close()


@contextmanager
def fleet_place(url: str, ca_file: str, sites: int, **options: int) -> Iterator[FleetPlace]:
    """A fleet in a folder of its own until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        place = FleetPlace(Path(folder), url, ca_file, **options)
        place.enrol(sites)
        try:
            yield place
        finally:
            place.close()


def _enrolled(key: str, now: datetime) -> Change:
    """The roster change that brings one site in."""
    return lambda _before: _site(key, now)


def _site(key: str, now: datetime) -> RosterSite:
    holds = Fact(True, now, Evidence.OPERATOR)
    parts = Equipment(now, 5_000, 13_500, 1, 20, None, "self_consumption", "battery_ok")
    return RosterSite(key, f"account-{key}", "eu", holds, holds, holds, equipment=parts)


def _environment(folder: Path) -> dict[str, str]:
    local = "http://127.0.0.1:9"
    urls = ("AUTHORIZE_URL", "TOKEN_URL", "JWKS_URL", "REVOKE_URL", "API_EU", "API_NA", "API_CN")
    return {
        "BACKEND": "embedded",
        "STATE_DIR": str(folder),
        "PUBLIC_URL": local,
        "SECRET_BNC_CPT_TOKEN_KEY": new_key(),
        "SECRET_LOCAL_URL_KEY": "0" * 64,
        "SECRET_BNC_CPT_TESLA_CLIENT_ID": "bench",
        "SECRET_BNC_CPT_TESLA_CLIENT_SECRET": "bench",
        **{f"TESLA_{name}": local for name in urls},
    }

"""A fleet at the simulated Tesla, polled, and the dispatch service over the embedded store, for benches."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from shared import bootstrap
from shared.energy.dispatch.model import DispatchMessage, Signal, Strategy
from shared.energy.dispatch.records import SiteRecord
from shared.energy.dispatch.schedule import TOPIC
from shared.energy.model import Evidence, Fact, RosterSite
from shared.energy.poller import PollShard
from shared.energy.polling import tick_of
from shared.energy.shards import Change, ShardToken, unpack_samples
from shared.platform.embedded.events import SqliteEvents
from shared.platform.errors import WorkBusy
from shared.platform.ports import Delivery
from shared.platform.sealing import new_key
from shared.typed import from_json
from tests.bench.model import Invalid
from tests.stack.tesla import tesla_settings

OWNERS = 20
_SCOPES = ["energy_device_data", "energy_cmds"]
_WORKERS = 20
_POLLERS, _POLLS = 8, 4
"""The polls before the event are not measured: few at a time, patient, and again where an answer was late."""
_LONGEST_S = 120.0


class DispatchFleet:
    """So many sites in shards of an owner each; `dispatch` runs one event up to its confirmations."""

    def __init__(self, simulator: dict[str, Any], folder: Path) -> None:
        os.environ.update(_environment(simulator, folder))
        for member in vars(bootstrap).values():
            clear = getattr(member, "cache_clear", None)
            if clear is not None:
                clear()
        bootstrap.settings()
        logging.getLogger().setLevel(logging.ERROR)
        self._control = simulator["control"]
        queue = bootstrap.events()
        assert isinstance(queue, SqliteEvents)
        self.queue = queue
        for topic in (TOPIC, "refresh-tokens"):
            queue.declare(topic, attempts=50)
        self.shards: list[str] = []

    def enrol(self) -> int:
        """Write rosters and tokens, one shard an owner, and poll everything once; gives the number of sites."""
        now, shards, count = datetime.now(UTC), bootstrap.shards(), 0
        truth = self._get("/fleet?hours=")["sites"]
        by_owner: dict[int, list[str]] = {}
        for index, site in enumerate(truth):
            by_owner.setdefault(index * OWNERS // len(truth), []).append(str(site["energy_site_id"]))
        grants = self._post("/tokens", {"account": "0", "count": OWNERS, "scopes": _SCOPES})
        for owner, ids in by_owner.items():
            shard = shards.place(len(ids))
            shards.change(shard, {key: _enrolled(key, f"account-{owner}", now) for key in ids})
            token = ShardToken(grants[owner]["access_token"], "eu", now + timedelta(hours=7))
            shards.change_tokens(shard, {f"account-{owner}": token})
            self.shards.append(shard)
            count += len(ids)
        with ThreadPoolExecutor(_POLLERS) as pool:
            unread = sum(pool.map(self._poll, self.shards))
        if unread:
            raise Invalid(f"{unread} of {count} sites could not be read before the event")
        return count

    def dispatch(self, name: str, target_kw: float) -> tuple[datetime, list[SiteRecord]]:
        """One event from its signal to the last confirmation; gives when the signal came, and its records.

        Raises Invalid where a site is left out.
        """
        start = datetime.now(UTC)
        signal = Signal(
            id=name, start=start, end=start + timedelta(hours=1), target_kw=target_kw, strategy=Strategy.HOLD
        )
        answer = bootstrap.dispatch_desk().service.receive(signal, "bench")
        if answer.plan is None or answer.plan.excluded:
            raise Invalid(f"not every site is committed: {answer.verdict}, {answer.words}, {answer.plan}")
        self._work()
        return start, bootstrap.dispatch_desk().proof.sites(name)

    def end(self, name: str) -> list[SiteRecord]:
        """Cancel it and restore everything; gives its records."""
        bootstrap.dispatch_desk().service.cancel(name, "bench")
        self._work()
        return bootstrap.dispatch_desk().proof.sites(name)

    def spoil(self) -> None:
        """From now on of 100 calls two are answered 500 and one 429."""
        self._post("/faults", {"match": "/energy_sites/", "kind": "server_error", "probability": 0.02})
        self._post(
            "/faults", {"match": "/energy_sites/", "kind": "rate_limited", "probability": 0.01, "retry_after_s": 1}
        )

    def _poll(self, shard: str) -> int:
        """Poll the shard until all of it is read, a few times at most; gives the number of sites that are not."""
        tick, shards = tick_of(datetime.now(UTC)) + 1, bootstrap.shards()
        for later in range(_POLLS):
            state = shards.state(shard)
            bootstrap.poller().run(PollShard(tick=tick + later, shard=shard, version=state.version if state else ""))
            unread = _unread(shard)
            if not unread:
                break
        return unread

    def _work(self) -> None:
        """Handle messages side by side, as instances would, until none is left that is due now."""
        desk, running = bootstrap.dispatch_desk(), dict[Future[None], Delivery]()
        with ThreadPoolExecutor(_WORKERS) as pool:
            while True:
                bootstrap.due().publish_due()
                waiting = deque(self.queue.pull(TOPIC, limit=100, lease_s=_LONGEST_S))
                for delivery in waiting:
                    message = from_json(delivery.event.data, DispatchMessage)
                    running[pool.submit(desk.run, message)] = delivery
                if not running:
                    return
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(future, running.pop(future))

    def _settle(self, future: Future[None], delivery: Delivery) -> None:
        try:
            future.result()
        except WorkBusy:
            self.queue.nack(delivery, delay_s=0.2)
        else:
            self.queue.ack(delivery)

    def _get(self, path: str) -> Any:
        return requests.get(self._control + path, timeout=120).json()

    def _post(self, path: str, body: Any) -> Any:
        reply = requests.post(self._control + path, json=body, timeout=120)
        reply.raise_for_status()
        return reply.json()


def _unread(shard: str) -> int:
    """How many of the shard's sites have no reading, or no equipment."""
    state = bootstrap.shards().state(shard)
    samples = unpack_samples(state.value.samples) if state else {}
    sites = bootstrap.shards().roster(shard)
    known = [one for key, one in sites.items() if key in samples and samples[key].reading and one.equipment]
    return len(sites) - len(known)


@contextmanager
def dispatch_fleet(simulator: dict[str, Any]) -> Iterator[DispatchFleet]:
    """A fleet in a folder of its own until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        yield DispatchFleet(simulator, Path(folder))


def _enrolled(key: str, account: str, now: datetime) -> Change:
    holds = Fact(True, now, Evidence.OPERATOR)
    return lambda _before: RosterSite(key, account, "eu", holds, holds, holds)


def _environment(simulator: dict[str, Any], folder: Path) -> dict[str, str]:
    return {
        "BACKEND": "embedded",
        "STATE_DIR": str(folder),
        "ENERGY_TIMEOUT_S": "25",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "SECRET_BNC_CPT_TOKEN_KEY": new_key(),
        "SECRET_LOCAL_URL_KEY": "0" * 64,
        "SECRET_BNC_CPT_TESLA_CLIENT_ID": simulator["client_id"],
        "SECRET_BNC_CPT_TESLA_CLIENT_SECRET": simulator["client_secret"],
        **tesla_settings(simulator),
    }

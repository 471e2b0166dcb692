"""The same work for every engine: fetch the live status of so many sites and add up the batteries' power."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from tesla_fleet_api import TeslaFleetApi

from shared.tesla.many import Ask, Engine, Told
from tests.bench.model import Invalid
from tests.bench.poll_peers import aiohttp_session

TIMEOUT_S, MOST_RETRIES = 4.0, 2
_LONGEST_S = 120.0
_TOKEN = "t" * 900
_PATH = "/api/1/energy_sites/{}/live_status"


@dataclass
class Sum:
    """What came of the sites, and the power in W of those that answered."""

    power_w: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)


class Poll(Protocol):
    """Fetches so many sites. Raises Invalid when one is not accounted for."""

    def __call__(self, sites: int) -> Sum: ...

    def close(self) -> None: ...


class Closing(Engine, Protocol):
    """An engine that keeps connections."""

    def close(self) -> None: ...


class EnginePoll:
    """Over an engine, with retries of what fails."""

    def __init__(self, engine: Closing, base_url: str, connections: int) -> None:
        self._engine, self._url, self._connections = engine, base_url + _PATH, connections
        self._sum, self._tries = Sum(), Counter[str]()

    def __call__(self, sites: int) -> Sum:
        """See `Poll`."""
        self._sum, self._tries = Sum(), Counter[str]()
        asks = (Ask(str(number), "GET", self._url.format(number), _TOKEN) for number in range(sites))
        deadline_s = time.monotonic() + _LONGEST_S
        self._engine.run(asks, self._hear, concurrency=self._connections, timeout_s=TIMEOUT_S, deadline_s=deadline_s)
        if self._sum.outcomes.total() != sites:
            raise Invalid(f"{sites} sites were asked, {self._sum.outcomes.total()} accounted for")
        return self._sum

    def close(self) -> None:
        """Close the connections."""
        self._engine.close()

    def _hear(self, ask: Ask, told: Told) -> Ask | None:
        if told.status == HTTPStatus.OK:
            self._sum.power_w += json.loads(told.body)["response"]["battery_power"]
            self._sum.outcomes["ok"] += 1
            return None
        self._tries[ask.key] += 1
        if self._tries[ask.key] > MOST_RETRIES or told.failure == "not_sent":
            self._sum.outcomes[told.failure or str(told.status)] += 1
            return None
        not_before_s = time.monotonic() + (told.retry_after_s or 0.0)
        return Ask(ask.key, ask.method, ask.url, ask.token, not_before_s=not_before_s)


class LibraryPoll:
    """The library's own calls in so many tasks, over one session."""

    def __init__(self, base_url: str, ca_file: str, connections: int) -> None:
        self._loop, self._tasks = asyncio.new_event_loop(), connections
        self._session = self._loop.run_until_complete(aiohttp_session(ca_file, connections))
        self._api = TeslaFleetApi(self._session, _TOKEN, server=base_url)

    def __call__(self, sites: int) -> Sum:
        """See `Poll`; a bad answer ends it."""
        return Sum(self._loop.run_until_complete(self._all(sites)), Counter(ok=sites))

    def close(self) -> None:
        """Close the connections."""
        self._loop.run_until_complete(self._session.close())
        self._loop.close()

    async def _all(self, sites: int) -> float:
        numbers = iter(range(sites))
        return sum(await asyncio.gather(*(self._some(numbers) for _ in range(self._tasks))))

    async def _some(self, numbers: Iterator[int]) -> float:
        power_w = 0.0
        for number in numbers:
            answer: Any = await self._api.energySites.create(number).live_status()
            power_w += answer["response"]["battery_power"]
        return power_w

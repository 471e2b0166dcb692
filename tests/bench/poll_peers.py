"""The engines that were not kept: aiohttp, and threads over requests. They do what the bench needs of the port."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import aiohttp
import requests
from requests.adapters import HTTPAdapter

from shared.tesla.agenda import Agenda
from shared.tesla.many import Ask, Hear, Told

_TICK_S = 0.01


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a run was asked for."""

    agenda: Agenda
    hear: Hear
    concurrency: int
    timeout_s: float
    deadline_s: float

    def tell(self, ask: Ask, told: Told) -> None:
        following = self.hear(ask, told)
        if following is not None and told.failure != "not_sent":
            self.agenda.add(following)

    def tell_rest(self) -> None:
        for ask in self.agenda.rest():
            self.hear(ask, Told(0, failure="not_sent"))


class AiohttpEngine:
    """One event loop of its own, a task for each request."""

    def __init__(self, ca_file: str, connections: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._session = self._loop.run_until_complete(aiohttp_session(ca_file, connections))

    def run(
        self,
        asks: Iterable[Ask],
        hear: Hear,
        *,
        concurrency: int,
        timeout_s: float,
        deadline_s: float,
        per_second: float = 0.0,
    ) -> None:
        """See `Engine.run`."""
        terms = _Terms(Agenda(asks, per_second=per_second), hear, concurrency, timeout_s, deadline_s)
        self._loop.run_until_complete(self._run(terms))

    def close(self) -> None:
        """Close the connections."""
        self._loop.run_until_complete(self._session.close())
        self._loop.close()

    async def _run(self, terms: _Terms) -> None:
        left_s = terms.deadline_s - time.monotonic()
        async with asyncio.timeout(left_s), asyncio.TaskGroup() as group:
            for _ in range(terms.concurrency):
                group.create_task(self._work(terms))
        terms.tell_rest()

    async def _work(self, terms: _Terms) -> None:
        while True:
            now_s = time.monotonic()
            ask = terms.agenda.take(now_s)
            if ask is not None:
                terms.tell(ask, await self._send(ask, terms.timeout_s))
            elif (next_s := terms.agenda.next_s()) is not None:
                await asyncio.sleep(max(_TICK_S, next_s - now_s))
            else:
                return

    async def _send(self, ask: Ask, timeout_s: float) -> Told:
        headers = {"Authorization": f"Bearer {ask.token}"}
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(ask.method, ask.url, headers=headers) as reply,
            ):
                return Told(reply.status, await reply.read(), _wait_s(reply.headers))
        except TimeoutError:
            return Told(0, failure="timed_out")
        except aiohttp.ClientError:
            return Told(0, failure="connection_lost")


class ThreadsEngine:
    """A thread for each request under way, over one pooled session."""

    def __init__(self, ca_file: str, connections: int) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_file
        self._session.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=connections))
        self._pool = ThreadPoolExecutor(connections)

    def run(
        self,
        asks: Iterable[Ask],
        hear: Hear,
        *,
        concurrency: int,
        timeout_s: float,
        deadline_s: float,
        per_second: float = 0.0,
    ) -> None:
        """See `Engine.run`; what is under way at the deadline is waited for."""
        terms = _Terms(Agenda(asks, per_second=per_second), hear, concurrency, timeout_s, deadline_s)
        active, ended = 0, SimpleQueue[tuple[Ask, Told]]()
        while (now_s := time.monotonic()) < deadline_s or active:
            while active < concurrency and now_s < deadline_s and (ask := terms.agenda.take(now_s)) is not None:
                self._pool.submit(self._send, ask, timeout_s, ended)
                active += 1
            if not active and terms.agenda.next_s() is None:
                break
            try:
                ask, told = ended.get(timeout=_TICK_S)
            except Empty:
                continue
            active -= 1
            terms.tell(ask, told)
        terms.tell_rest()

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown()
        self._session.close()

    def _send(self, ask: Ask, timeout_s: float, ended: SimpleQueue[tuple[Ask, Told]]) -> None:
        headers = {"Authorization": f"Bearer {ask.token}"}
        try:
            reply = self._session.request(
                ask.method, ask.url, headers=headers, timeout=timeout_s, allow_redirects=False
            )
            ended.put((ask, Told(reply.status_code, reply.content, _wait_s(reply.headers))))
        except requests.Timeout:
            ended.put((ask, Told(0, failure="timed_out")))
        except requests.RequestException:
            ended.put((ask, Told(0, failure="connection_lost")))


async def aiohttp_session(ca_file: str, connections: int) -> aiohttp.ClientSession:
    """A session that believes one authority and keeps so many connections."""
    connector = aiohttp.TCPConnector(limit=connections, ssl=ssl.create_default_context(cafile=ca_file))
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _wait_s(headers: Mapping[str, str]) -> float | None:
    wait_s = headers.get("Retry-After")
    return float(wait_s) if wait_s else None

"""A fixed number of GET requests over many keep-alive connections, as fast as they are answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LONGEST_S = 120.0


@dataclass
class Tally:
    """What one load saw; times in seconds. `errors`: answers other than 200 and connections that broke."""

    todo: int
    latencies_s: list[float] = field(default_factory=list)
    errors: int = 0
    took_s: float = 0.0

    def take(self) -> bool:
        """Claim one more request; False when all are given out."""
        self.todo -= 1
        return self.todo >= 0

    @property
    def answers_per_s(self) -> float:
        """Throughput over the whole load, connecting included."""
        return len(self.latencies_s) / self.took_s

    def quantile_ms(self, share: float) -> float:
        """The latency that this share of the answers stayed below."""
        return 1000 * sorted(self.latencies_s)[int(len(self.latencies_s) * share)]


class Caller(asyncio.Protocol):
    """One keep-alive connection: sends the request, reads the answer, sends the next."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._request, self._tally = request, tally
        self._buffer, self._started_s = bytearray(), 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport and begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next(transport)

    def data_received(self, data: bytes) -> None:
        """Count an answer when its whole body is here."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = int(self._buffer[:head].lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self._buffer) < head + 4 + length:
            return
        self._tally.latencies_s.append(time.perf_counter() - self._started_s)
        self._tally.errors += self._buffer[9:12] != b"200"
        self._buffer.clear()
        if self._transport:
            self._next(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end; one that was not wanted counts as an error."""
        self._tally.errors += exc is not None
        if not self.done.done():
            self.done.set_result(None)

    def _next(self, transport: asyncio.Transport) -> None:
        if self._tally.take():
            self._started_s = time.perf_counter()
            transport.write(self._request)
        else:
            transport.close()


async def load(url: str, token: str, *, connections: int, requests: int) -> Tally:
    """Send that many requests over that many connections. Raises TimeoutError after two minutes."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    head = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    tally, loop = Tally(requests), asyncio.get_running_loop()
    started_s = time.perf_counter()
    async with asyncio.timeout(_LONGEST_S):
        callers = []
        for _ in range(connections):
            _, caller = await loop.create_connection(
                lambda: Caller(head.encode(), tally), parts.hostname or "127.0.0.1", parts.port or 80
            )
            callers.append(caller)
        await asyncio.gather(*(caller.done for caller in callers))
    tally.took_s = time.perf_counter() - started_s
    return tally

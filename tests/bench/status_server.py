"""An HTTPS server that answers live_status as fast as it can, or late and with faults; a process of its own.

HTTP/1.1 with keep-alive. Faults come by count, so that each load meets the same: of 100 requests two are answered
with 500, one with 429 and one never.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

POWER_W = 5000
_CYCLE, _FAILING, _LIMITED, _HANGING = 100, (13, 63), 38, 88
_BACKLOG = 4096
_MODULE = "tests.bench.status_server"


class Manners(NamedTuple):
    """How it answers: milliseconds until it does, and whether there are faults."""

    latency_ms: int
    faulty: bool


class _Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, manners: Manners, count: Iterator[int]) -> None:
        self._manners, self._count = manners, count
        self._loop, self._received = asyncio.get_running_loop(), b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request without a body, perhaps in pieces."""
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        self._received = b""
        turn = next(self._count) % _CYCLE if self._manners.faulty else 0
        if turn == _HANGING:
            return
        reply = _LIMIT if turn == _LIMITED else _FAILURE if turn in _FAILING else _GOOD
        if self._manners.latency_ms:
            self._loop.call_later(self._manners.latency_ms / 1000, self._answer, reply)
        else:
            self._answer(reply)

    def _answer(self, reply: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(reply)


def _reply(status: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def _live_status() -> bytes:
    """About 600 bytes."""
    status = {
        "solar_power": 2413.5, "energy_left": 9127.842105263157, "total_pack_energy": 13521, "battery_power": POWER_W,
        "percentage_charged": 67.5, "backup_capable": True, "load_power": 3120.25, "grid_status": "Active",
        "grid_services_active": False, "grid_power": -4293.25, "grid_services_power": 0, "generator_power": 0,
        "island_status": "on_grid", "storm_mode_active": False, "timestamp": datetime.now(UTC).isoformat(),
        "programs": [{"program_id": "a-utility-demand-response", "status": "active"}],
        "wall_connectors": [{"din": "1529455-02-D--B7S22250A00001", "wall_connector_state": 2}],
    }  # fmt: skip
    return json.dumps({"response": status}).encode()


_GOOD = _reply("200 OK", _live_status())
_FAILURE = _reply("500 Internal Server Error", b'{"error":"upstream"}')
_LIMIT = _reply("429 Too Many Requests", b'{"error":"rate limit"}', "Retry-After: 1\r\n")


async def _serve(certificate: str, manners: Manners) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    count = iter(range(sys.maxsize))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(manners, count), "127.0.0.1", 0, ssl=tls, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def status_server(certificate: Path, manners: Manners) -> Iterator[str]:
    """A server in a process of its own until the block ends; gives its address."""
    arguments = [sys.executable, "-m", _MODULE, str(certificate), str(manners.latency_ms), str(int(manners.faulty))]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        yield f"https://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()
        process.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Manners(int(sys.argv[2]), sys.argv[3] == "1")))

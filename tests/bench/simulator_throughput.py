"""Answers per second of the Fleet API simulator on one core.

    python -m tests.bench.simulator_throughput [--connections 500] [--requests 20000]

Starts `python -m tests.simulator` as a process of its own, pinned to one core where the system can, and loads it
from this process over keep-alive connections with a fixed number of requests. One row per endpoint.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

ROOT = Path(__file__).resolve().parents[2]
SCOPES = ["vehicle_device_data", "vehicle_charging_cmds", "energy_device_data"]


@dataclass
class Tally:
    """What one load run saw; latencies in seconds."""

    todo: int
    latencies_s: list[float] = field(default_factory=list)
    errors: int = 0

    def take(self) -> bool:
        """Claim one more request; False when all are given out."""
        self.todo -= 1
        return self.todo >= 0


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
        self._next()

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
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end; one that was not wanted counts as an error."""
        self._tally.errors += exc is not None
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        assert self._transport is not None
        if self._tally.take():
            self._started_s = time.perf_counter()
            self._transport.write(self._request)
        else:
            self._transport.close()


async def load(url: str, token: str, connections: int, requests_total: int) -> tuple[Tally, float]:
    """Send `requests_total` requests over `connections`; returns the tally and the time in s."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    head = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    tally, loop = Tally(requests_total), asyncio.get_running_loop()
    started_s = time.perf_counter()
    callers = []
    for _ in range(connections):
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        _, caller = await loop.create_connection(lambda: Caller(head.encode(), tally), host, port)
        callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))
    return tally, time.perf_counter() - started_s


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, where the system has several and can."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(pid, {core})


def start(command: list[str]) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The simulator's process and its greeting."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def targets(greeting: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and URL of what is measured."""
    account = requests.get(f"{greeting['control']}/world", timeout=10).json()["accounts"][0]
    vin, site = account["vehicles"][0]["vin"], account["sites"][0]["energy_site_id"]
    base = f"{greeting['eu']}/api/1"
    yield "vehicles", f"{base}/vehicles"
    yield "vehicle_data", f"{base}/vehicles/{vin}/vehicle_data"
    yield "live_status", f"{base}/energy_sites/{site}/live_status"
    yield "charging_history", f"{base}/dx/charging/history?pageSize=10"


def measure(greeting: dict[str, Any], connections: int, requests_total: int) -> None:
    """Print one row per endpoint."""
    grant = requests.post(f"{greeting['control']}/tokens", json={"account": 0, "scopes": SCOPES}, timeout=10)
    token = grant.json()["access_token"]
    print(f"{'endpoint':18}{'answers/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    for name, url in targets(greeting):
        tally, took_s = asyncio.run(load(url, token, connections, requests_total))
        times = sorted(tally.latencies_s)
        p50, p99 = (1000 * times[int(len(times) * share)] for share in (0.5, 0.99))
        print(f"{name:18}{len(times) / took_s:>10.0f}{p50:>9.1f}{p99:>9.1f}{tally.errors:>8}")


def main() -> None:
    """Start, measure, stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--requests", type=int, default=20_000, help="per endpoint")
    options = parser.parse_args()
    process, greeting = start([sys.executable, "-m", "tests.simulator", "--port", "0"])
    try:
        pin(process.pid, 0)
        pin(0, 1)
        measure(greeting, options.connections, options.requests)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


if __name__ == "__main__":
    main()

"""Answers per second of the Fleet API simulator on one core: the median over four endpoints."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import requests

from tests.bench.load import Tally, load
from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.simulator_alone import on_core, running_simulator

CONNECTIONS = 500
REQUESTS = 6000
"""Per endpoint and run."""

_SCOPES = ["vehicle_device_data", "vehicle_charging_cmds", "energy_device_data"]


def measure(runs: int) -> Measurement:
    """Simulator on the first core, load from the second."""
    with ExitStack() as opening:
        with on_core(0):
            greeting = opening.enter_context(running_simulator())
        opening.enter_context(on_core(1))
        token = _token(greeting)
        targets = dict(_targets(greeting))
        rounds = [{name: _load(url, token) for name, url in targets.items()} for _ in range(runs)]
    samples = (statistics.median(tally.answers_per_s for tally in one.values()) for one in rounds)
    return Measurement(samples=tuple(samples), note=_note(rounds))


def _load(url: str, token: str) -> Tally:
    tally = asyncio.run(load(url, token, connections=CONNECTIONS, requests=REQUESTS))
    if tally.errors or len(tally.latencies_s) != REQUESTS:
        raise Invalid(f"{tally.errors} errors, {len(tally.latencies_s)} of {REQUESTS} answers from {url}")
    return tally


def _token(greeting: dict[str, Any]) -> str:
    asked = {"account": 0, "scopes": _SCOPES}
    grant = requests.post(f"{greeting['control']}/tokens", json=asked, timeout=10).json()
    return str(grant["access_token"])


def _targets(greeting: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and URL of what is measured: a light list, the heaviest body, another device, a list of sessions."""
    account = requests.get(f"{greeting['control']}/world", timeout=10).json()["accounts"][0]
    vin, site = account["vehicles"][0]["vin"], account["sites"][0]["energy_site_id"]
    base = f"{greeting['eu']}/api/1"
    yield "vehicles", f"{base}/vehicles"
    yield "vehicle_data", f"{base}/vehicles/{vin}/vehicle_data"
    yield "live_status", f"{base}/energy_sites/{site}/live_status"
    yield "charging_history", f"{base}/dx/charging/history?pageSize=10"


def _note(rounds: list[dict[str, Tally]]) -> str:
    lines = [_line(name, [one[name] for one in rounds]) for name in rounds[0]]
    setting = f"simulator on one core, {CONNECTIONS} keep-alive connections, {REQUESTS} requests per endpoint and run"
    return f"{setting}: {', '.join(lines)}"


def _line(name: str, tallies: list[Tally]) -> str:
    rate = statistics.median(tally.answers_per_s for tally in tallies)
    p50, p99 = (statistics.median(tally.quantile_ms(share) for tally in tallies) for share in (0.5, 0.99))
    return f"{name} {rate:.0f}/s (p50 {p50:.0f} ms, p99 {p99:.0f} ms)"


BENCHES = (
    Bench(
        key="simulator_answers_per_s",
        unit="1/s",
        better="higher",
        aim=">= 2000",
        measure=measure,
    ),
)

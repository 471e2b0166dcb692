"""CPU of one decoded vehicle_data call of our client, beside a bare session's get and json.loads."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from shared.platform.clock import SystemClock
from shared.tesla.catalogue import ENDPOINTS, Price
from shared.tesla.client import Access, FleetClient
from shared.tesla.decode import decode
from shared.tesla.models.vehicle_data import VehicleData
from shared.tesla.regions import Regions
from shared.tesla.transport import Transport
from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.sampling import interleaved
from tests.bench.simulator_alone import running_simulator

_CALLS = 200
_PATH = "/api/1/vehicles/{}/vehicle_data"


def measure(runs: int) -> Measurement:
    """CPU milliseconds per call in this process; the simulator runs in another."""
    with running_simulator() as simulator, _logs_to_nowhere():
        token, vin = _token(simulator), _vin(simulator)
        ours, bare = _client_call(simulator, token, vin), _bare_call(simulator, token, vin)
        takes = [_cpu_ms(call) for call in (ours, bare)]
        for take in takes:
            take()
        samples, peer = interleaved(runs, *takes)
    return Measurement(samples=samples, peers={"session.get + json.loads": peer}, note=f"{_CALLS} calls a run")


def _cpu_ms(call: Callable[[], object]) -> Callable[[], float]:
    def take() -> float:
        started = time.process_time()
        for _ in range(_CALLS):
            call()
        return (time.process_time() - started) / _CALLS * 1000

    return take


def _client_call(simulator: dict[str, Any], token: str, vin: str) -> Callable[[], object]:
    """Everything that a worker does for a call: checks, request, classification, price, log line, typed decoding."""
    regions = Regions({region: simulator[region] for region in ("eu", "na", "cn")})
    transport = Transport(timeout_s=25, body_bytes=8_388_608)
    client = FleetClient(transport, regions, SystemClock(), {Price.DATA: 0.002})
    access = Access(token, "eu", frozenset(("vehicle_device_data", "vehicle_location")))

    def call() -> VehicleData:
        answer = client.call(ENDPOINTS["vehicle_data"], access, path={"vin": vin})
        return decode(answer.body, VehicleData).value

    if call().charge_state is None:
        raise Invalid("the vehicle's data were not read")
    return call


def _bare_call(simulator: dict[str, Any], token: str, vin: str) -> Callable[[], object]:
    session, url = requests.Session(), simulator["eu"] + _PATH.format(vin)
    headers = {"Authorization": f"Bearer {token}"}
    return lambda: json.loads(session.get(url, headers=headers, timeout=25).content)


def _token(simulator: dict[str, Any]) -> str:
    scopes = ["openid", "vehicle_device_data", "vehicle_location"]
    body = {"account": 0, "scopes": scopes}
    granted: Any = requests.post(f"{simulator['control']}/tokens", json=body, timeout=25).json()
    first = granted[0] if isinstance(granted, list) else granted
    return str(first["access_token"])


def _vin(simulator: dict[str, Any]) -> str:
    world: Any = requests.get(f"{simulator['control']}/world", timeout=25).json()
    return str(world["accounts"][0]["vehicles"][0]["vin"])


@contextmanager
def _logs_to_nowhere() -> Iterator[None]:
    """Log lines are made, as in production, and written to a file that swallows them."""
    logger = logging.getLogger("cpt")
    before = (logger.level, list(logger.handlers), logger.propagate)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  a stream, not a file of ours
        from shared.log import JsonFormatter

        handler = logging.StreamHandler(nowhere)
        handler.setFormatter(JsonFormatter())
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.handlers, logger.propagate = before[1], before[2]
            logger.setLevel(before[0])


BENCHES = (
    Bench(
        key="fleet_client_overhead",
        unit="ms CPU",
        better="lower",
        measure=measure,
        aim="at most 1.2 x a bare session.get and json.loads",
    ),
)

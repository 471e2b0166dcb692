"""The poll of the fleet, whole: fetch, decode, validate, add up, and keep on the embedded store.

`poll_cpu_us` races a client library that fetches and adds up, and does nothing else. The other figures are of one
tick as the service makes it: `FleetTick` started, every shard's message handled, many side by side in one process.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from shared.typed import from_json
from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.poll_place import SHARD_SITES, FleetPlace, fleet_place
from tests.bench.poll_size import MODULE, Load
from tests.bench.poll_work import LibraryPoll
from tests.bench.sampling import seconds
from tests.bench.simulator_alone import on_core
from tests.bench.status_server import POWER_W, Manners, status_server
from tests.certificates import make_certificates

_SITES_AT_ONCE, _CONNECTIONS = 2_000, 64
_SITES, _LATENCY_MS = 10_000, 300
_SERVER_CORE, _CLIENT_CORE = 1, 0
_SIZES = (1_000, 10_000, 100_000)


class _Server(NamedTuple):
    url: str
    ca_file: str


@contextmanager
def _server(manners: Manners) -> Iterator[_Server]:
    with ExitStack() as opening:
        made = make_certificates(Path(opening.enter_context(tempfile.TemporaryDirectory())))
        with on_core(_SERVER_CORE):
            url = opening.enter_context(status_server(made.server, manners))
        opening.enter_context(on_core(_CLIENT_CORE))
        yield _Server(url, str(made.authority))


def measure_cpu(runs: int) -> Measurement:
    """CPU per site of a whole tick, and of the library's fetch and sum, in turn."""
    with _server(Manners(0, faulty=False)) as server:
        library = LibraryPoll(server.url, server.ca_file, _CONNECTIONS)
        options = {"connections": _CONNECTIONS, "side_by_side": 1}
        with fleet_place(server.url, server.ca_file, _SITES_AT_ONCE, **options) as place:
            place.poll()
            library(_SITES_AT_ONCE // 10)
            ours, theirs = list[float](), list[float]()
            for _ in range(runs):
                ours.append(_cpu_us(place.poll))
                _check(place, {"ok": _SITES_AT_ONCE})
                theirs.append(_cpu_us(partial(library, _SITES_AT_ONCE)))
        library.close()
    note = (
        f"{_SITES_AT_ONCE} sites a tick over {_CONNECTIONS} TLS connections, tick and poll with all they keep; "
        "the peer fetches and adds up; no limits are set; client and server have a core each"
    )
    return Measurement(samples=tuple(ours), peers={"tesla-fleet-api": tuple(theirs)}, note=note)


def _cpu_us(work: object) -> float:
    started = time.process_time()
    work()  # type: ignore[operator]
    return 1e6 * (time.process_time() - started) / _SITES_AT_ONCE


def measure_tick(runs: int) -> Measurement:
    """Wall seconds of a tick of 10,000 sites behind late answers and faults."""
    samples, counts = list[float](), Counter[str]()
    with _server(Manners(_LATENCY_MS, faulty=True)) as server, fleet_place(*server, _SITES) as place:
        place.poll()
        for _ in range(runs):
            samples.append(seconds(place.poll))
            counts = place.outcomes()
            if counts.total() != _SITES:
                raise Invalid(f"{_SITES} sites were asked, {counts.total()} are accounted for")
    note = (
        f"{_SITES} sites in {_SITES // SHARD_SITES} shards, 100 connections each, answers after {_LATENCY_MS} ms, of "
        "100 requests 2 answered 500, 1 429 with Retry-After 1 s, 1 never; 2.5 s, 2 tries, no limits; "
        f"outcomes of the last tick: {dict(counts)}"
    )
    return Measurement(samples=tuple(samples), note=note)


def measure_billed(runs: int) -> Measurement:
    """What one instance of one vCPU is billed for the 20 messages of such a tick (the manifest's concurrency)."""
    found = measure_tick(runs)
    note = (
        "one instance handles all 20 messages of a tick at a time (concurrency 20, 1 vCPU): billed is its wall time"
    )
    return Measurement(samples=found.samples, note=f"{note}; {found.note}")


def measure_memory(runs: int) -> Measurement:
    """Peak memory of the process that makes a tick over 100,000 sites, and how time grows with their number."""
    loads = [[_child(size) for size in _SIZES] for _ in range(runs)]
    by_size = list(zip(*loads, strict=True))
    lines = [
        f"{size}: {statistics.median(load.wall_s for load in each):.2f} s wall, "
        f"{1e6 * statistics.median(load.cpu_s for load in each) / size:.0f} us CPU a site, "
        f"{statistics.median(load.peak_mb for load in each):.0f} MB, {each[0].reads} reads, {each[0].writes} writes"
        for size, each in zip(_SIZES, by_size, strict=True)
    ]
    return Measurement(
        samples=tuple(load.peak_mb for load in by_size[-1]), note="a tick at 0 ms; " + "; ".join(lines)
    )


def _child(sites: int) -> Load:
    """One tick in a process of its own, server beside it."""
    with _server(Manners(0, faulty=False)) as server:
        arguments = [sys.executable, "-m", MODULE, *server, str(sites)]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return from_json(done.stdout.splitlines()[-1], Load)


def _check(place: FleetPlace, wanted: dict[str, int]) -> None:
    found = place.outcomes()
    if found != wanted or place.flow_w() != wanted["ok"] * POWER_W:
        raise Invalid(f"the tick gave {dict(found)} and {place.flow_w()} W")


BENCHES = (
    Bench(
        key="poll_cpu_us",
        unit="us CPU",
        better="lower",
        measure=measure_cpu,
        aim="no more than the library's fetch and sum; 0.6 x of it",
    ),
    Bench(key="poll_tick_10k_s", unit="s", better="lower", measure=measure_tick, aim="<= 8 s, nothing lost"),
    Bench(key="poll_vcpu_s_per_10k", unit="vCPU s", better="lower", measure=measure_billed, runs=3, aim="<= 10"),
    Bench(key="poll_100k_peak_mb", unit="MB", better="lower", measure=measure_memory, runs=1, aim="<= 150 MB"),
)

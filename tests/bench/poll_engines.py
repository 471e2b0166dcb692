"""Engines for many calls side by side: the kept one, those that were not, and a client library.

Client and server have a core each; the sums are checked. Two things are measured: what a site costs when the server
answers at once, and how long 10,000 take when it answers late and with faults.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from shared.tesla.curl_engine import CurlEngine
from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.poll_peers import AiohttpEngine, ThreadsEngine
from tests.bench.poll_work import MOST_RETRIES, TIMEOUT_S, Closing, EnginePoll, LibraryPoll, Poll, Sum
from tests.bench.simulator_alone import on_core
from tests.bench.status_server import POWER_W, Manners, status_server
from tests.certificates import make_certificates

SITES_AT_ONCE, CONNECTIONS_AT_ONCE = 2_000, 64
SITES, LATENCY_MS = 10_000, 300
_BODY_BYTES = 1_048_576
_SERVER_CORE, _CLIENT_CORE = 1, 0
_LEAST_ANSWERED = 0.99
OURS = "pycurl multi"


class Cost(NamedTuple):
    """Of one load."""

    cpu_us_per_site: float
    wall_s: float
    outcomes: Mapping[str, int]

    @property
    def sites_per_s(self) -> float:
        """Throughput."""
        return sum(self.outcomes.values()) / self.wall_s


def measure_at_once(part: str, runs: int) -> Measurement:
    """Every engine and the library in turn; `part` of the cost is the sample."""
    with _polls(Manners(0, faulty=False), CONNECTIONS_AT_ONCE, library=True) as polls:
        costs = _costs(polls, SITES_AT_ONCE, runs)
    note = f"{SITES_AT_ONCE} sites a run, fetch, json.loads and sum over {CONNECTIONS_AT_ONCE} TLS connections"
    return _measurement(costs, part, f"{note}; client and server have a core each")


def measure_faulty(connections: int, runs: int) -> Measurement:
    """Wall seconds of a whole tick's requests, every engine in turn."""
    with _polls(Manners(LATENCY_MS, faulty=True), connections, library=False) as polls:
        costs = _costs(polls, SITES, runs)
    cpu = {name: statistics.median(cost.cpu_us_per_site for cost in each) for name, each in costs.items()}
    note = (
        f"{SITES} sites, {connections} at a time, answers after {LATENCY_MS} ms, of 100 requests 2 answered 500, "
        f"1 429 with Retry-After 1 s, 1 never; timeout {TIMEOUT_S:g} s, at most {MOST_RETRIES} retries; "
        "CPU us per site: "
        + ", ".join(f"{name} {value:.0f}" for name, value in cpu.items())
        + f"; outcomes: {dict(costs[OURS][-1].outcomes)}"
    )
    return _measurement(costs, "wall_s", note)


@contextmanager
def _polls(manners: Manners, connections: int, *, library: bool) -> Iterator[dict[str, Poll]]:
    """The engines over a server of these manners, ours first."""
    with ExitStack() as opening:
        made = make_certificates(Path(opening.enter_context(tempfile.TemporaryDirectory())))
        ca_file = str(made.authority)
        with on_core(_SERVER_CORE):
            url = opening.enter_context(status_server(made.server, manners))
        opening.enter_context(on_core(_CLIENT_CORE))
        engines: dict[str, Closing] = {
            OURS: CurlEngine(body_bytes=_BODY_BYTES, ca_file=ca_file),
            "aiohttp": AiohttpEngine(ca_file, connections),
            "threads over requests": ThreadsEngine(ca_file, connections),
        }
        polls: dict[str, Poll] = {name: EnginePoll(engine, url, connections) for name, engine in engines.items()}
        if library:
            polls["tesla-fleet-api"] = LibraryPoll(url, ca_file, connections)
        for poll in polls.values():
            opening.callback(poll.close)
        yield polls


def _costs(polls: Mapping[str, Poll], sites: int, runs: int) -> dict[str, Sequence[Cost]]:
    """Interleaved, after a first load of each that opens the connections and does not count."""
    for poll in polls.values():
        poll(sites // 10)
    rounds = [[_cost(poll, sites) for poll in polls.values()] for _ in range(runs)]
    return dict(zip(polls, zip(*rounds, strict=True), strict=True))


def _cost(poll: Poll, sites: int) -> Cost:
    """Raises Invalid when the sum is not the answered sites' power, or too few answered."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    total = poll(sites)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    _check(total, sites)
    return Cost(1e6 * cpu_s / sites, wall_s, total.outcomes)


def _check(total: Sum, sites: int) -> None:
    answered = total.outcomes["ok"]
    if answered < _LEAST_ANSWERED * sites or total.power_w != answered * POWER_W:
        raise Invalid(f"{sites} sites gave {total.power_w} W and {dict(total.outcomes)}")


def _measurement(costs: Mapping[str, Sequence[Cost]], part: str, note: str) -> Measurement:
    samples = {name: tuple(getattr(cost, part) for cost in each) for name, each in costs.items()}
    return Measurement(samples=samples.pop(OURS), peers=samples, note=note)


BENCHES = (
    Bench(
        key="poll_engine_cpu_us",
        unit="us CPU",
        better="lower",
        measure=partial(measure_at_once, "cpu_us_per_site"),
        aim="<= 0.6 x the client library",
    ),
    Bench(
        key="poll_engine_sites_per_s",
        unit="sites/s",
        better="higher",
        measure=partial(measure_at_once, "sites_per_s"),
    ),
    *(
        Bench(key=f"poll_engine_10k_at_{size}_s", unit="s", better="lower", measure=partial(measure_faulty, size))
        for size in (500, 1000)
    ),
)

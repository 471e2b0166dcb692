"""From a utility's signal to the last site that took its command, and to the last that shows it.

The whole path: plan, snapshot of each site, intent stored, command, read-back, outcome stored, over the embedded
store. Tesla is simulated in a process of its own and answers late and with faults.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from shared.energy.dispatch.records import Outcome, SiteRecord
from tests.bench.dispatch_place import OWNERS, dispatch_fleet
from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.sampling import seconds
from tests.bench.simulator_alone import on_core, running_simulator

_LATENCY_MS = 300
_SERVER_CORE, _CLIENT_CORE = 1, 0
_SHOWN = 0.99
_TARGET_KW = 1e6


def measure(sites: int, runs: int) -> Measurement:
    """Seconds from the signal to the last accepted command; the note says when 99 % were read back."""
    accepted, shown, restored, found = list[float](), list[float](), list[float](), [0, 0]
    for run in range(runs):
        options = {"accounts": OWNERS, "sites": sites // OWNERS, "vehicles": 0, "latency-ms": _LATENCY_MS}
        flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        with on_core(_SERVER_CORE):
            simulator = running_simulator(*flags, "--no-empty-site", "--region", "eu")
            opened: Any = simulator.__enter__()
        try:
            with on_core(_CLIENT_CORE), dispatch_fleet(opened) as fleet:
                fleet.enrol()
                fleet.spoil()
                begun, records = fleet.dispatch(f"event-{run}", _TARGET_KW)
                accepted.append(_last(records, begun, "accepted_at", 1.0))
                shown.append(_last(records, begun, "confirmed_at", _SHOWN))
                found = [sum(one.outcome is Outcome.CONFIRMED for one in records), len(records)]
                restored.append(seconds(partial(fleet.end, f"event-{run}")))
        finally:
            simulator.__exit__(None, None, None)
    if found[0] < _SHOWN * found[1]:
        raise Invalid(f"only {found[0]} of {found[1]} sites show the command")
    note = (
        f"{sites} sites, strategy hold, answers after {_LATENCY_MS} ms, of 100 two 500 and one 429 with "
        f"Retry-After 1 s; no rate limit; 99 % read back after {_words(shown)} s; cancelled and all restored in "
        f"{_words(restored)} s; {found[0]} of {found[1]} committed sites confirmed"
    )
    return Measurement(samples=tuple(accepted), note=note)


_LEAST_SHARE = 0.999
"""A site whose command is answered 500 three times in a row counts as refused: 8 in a million at 2 %."""


def _last(records: list[SiteRecord], begun: datetime, name: str, share: float) -> float:
    known: list[datetime | None] = [getattr(one.times, name) for one in records]
    moments = sorted(moment for moment in known if moment is not None)
    if len(moments) < min(share, _LEAST_SHARE) * len(records):
        raise Invalid(f"{name} is known of {len(moments)} of {len(records)} sites")
    return (moments[min(len(moments), round(share * len(records))) - 1] - begun).total_seconds()


def _words(samples: list[float]) -> str:
    return ", ".join(f"{sample:.1f}" for sample in samples)


BENCHES = (
    Bench(
        key="dispatch_10k_s",
        unit="s",
        better="lower",
        measure=partial(measure, 10_000),
        runs=3,
        aim="last accepted <= 12 s, 99 % read back <= 25 s",
    ),
    Bench(key="dispatch_1k_s", unit="s", better="lower", measure=partial(measure, 1_000), runs=3, aim="linear"),
)

"""From the order to its last PDF: two vehicles, everything that is sold, over HTTP and real deliveries.

The clock runs from before POST /api/v1/orders until the order has ended, consent and choice of vehicles included; the
owner at the keyboard takes no time. The peer makes the same Fleet API calls one after another, which is checked.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.sampling import interleaved, seconds
from tests.bench.sequential_script import SequentialScript
from tests.stack.config import StackConfig
from tests.stack.owner import Owner
from tests.stack.stack import Stack

LATENCY_MS = 200
_WITHIN_S = 60.0
_LOOK_S = 0.25
"""Between the owner's looks at the order; the end is taken from the order itself, not from the look."""

_TOPICS = ("fetch-order", "fetch-vehicle", "build-report")

Marks = list[tuple[str, datetime]]


@dataclass
class Orders:
    """Orders of one owner, two vehicles each, and where their time went."""

    stack: Stack
    folder: Path
    stages: list[Mapping[str, float]] = field(default_factory=list)

    def one(self) -> float:
        """Order, consent, wait, download; gives the seconds from the order to its end. Raises Invalid."""
        owner, begun = Owner(self.stack.base_url, email_of(self.stack)), len(self.stack.deliveries)
        marks: Marks = [("", datetime.now(UTC))]
        owner.order("complete")
        marks.append(("order", datetime.now(UTC)))
        owner.consent()
        marks.append(("consent", datetime.now(UTC)))
        vehicles = owner.vehicles()
        marks.append(("list of vehicles", datetime.now(UTC)))
        owner.select([vehicle["vehicle_id"] for vehicle in vehicles])
        view = owner.wait(_WITHIN_S, every_s=_LOOK_S)
        reports = owner.download(self.folder / owner.order_id)
        self.stack.wait_idle()  # a push is on record once it is answered
        if not _is_whole(view) or len(reports) != len(vehicles):
            raise Invalid(f"the order ended {view['status']} with {len(reports)} reports: {view['vehicles']}")
        ended = datetime.fromisoformat(view["ended_at"])
        self.stages.append(_durations(marks + self._handed_over(begun) + [("report", ended)]))
        return (ended - marks[0][1]).total_seconds()

    def _handed_over(self, begun: int) -> Marks:
        """When the work went from function to function."""
        attempts = self.stack.deliveries[begun:]
        started = {name: [a.started for a in attempts if a.topic == name] for name in _TOPICS}
        return [
            ("choice, until fetch-order starts", min(started["fetch-order"])),
            ("fetch-order, until fetch-vehicle starts", min(started["fetch-vehicle"])),
            ("fetch-vehicle, until the last build-report starts", max(started["build-report"])),
        ]


def measure(runs: int) -> Measurement:
    """Orders and script runs in turn, after one of each that does not count."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        options = ("--vehicles", "2", "--latency-ms", str(LATENCY_MS))
        config = StackConfig(state_dir=state / "stack", simulator_options=options, tick_s=None)
        with Stack(config) as stack:
            orders = Orders(stack, state / "results")
            first_s, calls = _warmed_up(stack, orders)
            service, script = interleaved(runs, orders.one, lambda: seconds(_script(stack).reports))
    note = (
        f"{LATENCY_MS} ms per Fleet API answer, package complete, 2 vehicles, {calls} Fleet API calls each; "
        f"embedded backend, every function in its own process; medians of the stages (ms): {_told(orders.stages)}; "
        f"the first order after the start, not counted: {first_s:.2f} s"
    )
    return Measurement(samples=service, peers={"sequential script": script}, note=note)


def _warmed_up(stack: Stack, orders: Orders) -> tuple[float, int]:
    """One order and one run of the script: seconds of the order, calls of each. Raises Invalid when calls differ."""
    forget_calls(stack)
    first_s = orders.one()
    ours = forget_calls(stack)
    _script(stack).reports()
    theirs = forget_calls(stack)
    if ours != theirs:
        raise Invalid(f"service and script do not make the same calls: {ours} and {theirs}")
    orders.stages.clear()
    return first_s, ours.total()


def forget_calls(stack: Stack) -> Counter[str]:
    """Fleet API calls by endpoint since the last time; the ledger is empty afterwards."""
    ledger = f"{stack.simulator['control']}/ledger"
    calls: list[dict[str, Any]] = requests.get(ledger, timeout=30).json()
    requests.delete(ledger, timeout=30)
    return Counter(call["endpoint"] for call in calls if call["host"] != "auth")


def email_of(stack: Stack) -> str:
    """The simulated owner."""
    return str(stack.simulator["accounts"][0]["email"])


def _script(stack: Stack) -> SequentialScript:
    return SequentialScript(stack.simulator, email_of(stack))


def _is_whole(view: Any) -> bool:
    """Whether every module of every vehicle was fetched and every report built."""
    vehicles = view["vehicles"]
    modules = [module["status"] for vehicle in vehicles for module in vehicle["modules"]]
    ready = all(vehicle["status"] == "ready" and not vehicle["invoices"]["failed"] for vehicle in vehicles)
    return view["status"] == "completed" and ready and set(modules) == {"ok"}


def _durations(marks: Marks) -> dict[str, float]:
    """Stage -> seconds since the mark before; together they are the whole order."""
    pairs = itertools.pairwise(marks)
    return {name: (moment - before).total_seconds() for (_, before), (name, moment) in pairs}


def _told(stages: list[Mapping[str, float]]) -> str:
    medians = {name: statistics.median(one[name] for one in stages) for name in stages[0]}
    return ", ".join(f"{name} {1000 * value:.0f}" for name, value in medians.items())


BENCHES = (Bench(key="order_to_pdf_s", unit="s", better="lower", aim="<= 2.5 s", measure=measure),)

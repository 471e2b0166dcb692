"""The main job, once: vehicle owners get their reports, then a fleet of Powerwalls works. `make run` shows it."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests

from tests.stack.config import ROOT, Backend, StackConfig
from tests.stack.dispatch_act import DispatchAct
from tests.stack.emulators import missing
from tests.stack.fleet_act import FleetAct
from tests.stack.owner import Owner
from tests.stack.stack import Stack

RESULTS = ROOT / "build" / "run"
_OPTIONS = {
    "accounts": "20",
    "vehicles": "2",
    "sites": "10",
    "region": "eu",
    "programs-endpoint": "",
    "no-empty-site": "",
    "mixed-settings": "",
}
_TROUBLES = ("stale=0.02", "dead_500=0.01", "off_grid=0.01")
_WORLD = (
    *(part for name, value in _OPTIONS.items() for part in (f"--{name}", value) if part),
    *(part for trouble in _TROUBLES for part in ("--trouble", trouble)),
)
_WITHIN_S = 120.0
_TICK_S = 0.0
"""The scheduled functions run when the acts say so; orders need none of them unless something goes wrong."""
_WATCH_S = 0.15


class StageFailed(Exception):
    """The job ended in a stage; the message names it and the cause."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one owner orders: which account, how many of its vehicles, with the location or without."""

    title: str
    account: int
    vehicles: int
    location: bool


WISHES = (
    Wish("Owner 1 orders two vehicles and grants their location", account=0, vehicles=2, location=True),
    Wish("Owner 2 orders one vehicle without its location", account=1, vehicles=1, location=False),
)


@dataclass
class Outcome:
    """What an order came to: the final view, its folder and its reports."""

    wish: Wish
    view: Any
    folder: Path
    reports: list[Path]


@dataclass
class Job:
    """One run. `told` hears of every stage begun and ended, `seen` of every state of every order."""

    backend: Backend
    told: Callable[[str, float | None], None]
    seen: Callable[[Wish, Any], None]
    results: Path = RESULTS
    outcomes: list[Outcome] = field(default_factory=list)
    cost: Mapping[str, float] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    fleet: FleetAct | None = None
    event: DispatchAct | None = None

    def run(self) -> None:
        """Do it all. Raises StageFailed."""
        lacking = missing() if self.backend == "emulators" else []
        if lacking:
            raise StageFailed(f"find the emulators: {' '.join(lacking)}")
        shutil.rmtree(self.results, ignore_errors=True)
        state = self.results / ".state"
        config = StackConfig(state_dir=state, backend=self.backend, simulator_options=_WORLD, tick_s=_TICK_S)
        with ExitStack() as opening:
            with self._stage("start every function, the gateway and the simulated Tesla"):
                stack = opening.enter_context(Stack(config))
            self._orders(stack)
            self.fleet = FleetAct(stack, self._stage)
            self.fleet.run()
            self.event = DispatchAct(stack, self.fleet, self._stage)
            self.event.run()
            (self.results / "event-report.pdf").write_bytes(self.event.report)

    def _orders(self, stack: Stack) -> None:
        owners = [(wish, self._begin(stack, wish)) for wish in WISHES]
        for wish, owner in owners:
            with self._stage(f"{wish.title}: data, reports and invoices"):
                view = owner.wait(_WITHIN_S, every_s=_WATCH_S, seen=partial(self.seen, wish))
            if view["status"] != "completed":
                raise StageFailed(f"order {owner.order_id} {view['status']}; logs: {stack.state_dir / 'logs'}")
            with self._stage(f"{wish.title}: download"):
                folder = self.results / owner.order_id
                self.outcomes.append(Outcome(wish, view, folder, owner.download(folder)))
        with self._stage("ask the simulated Tesla for its bill"):
            self._bill(stack)

    def _begin(self, stack: Stack, wish: Wish) -> Owner:
        owner = Owner(stack.base_url, stack.simulator["accounts"][wish.account]["email"])
        with self._stage(f"{wish.title}: order"):
            owner.order("complete")
        with self._stage(f"{wish.title}: consent at Tesla"):
            owner.consent(location=wish.location)
        with self._stage(f"{wish.title}: choose vehicles"):
            owner.select([vehicle["vehicle_id"] for vehicle in owner.vehicles()[: wish.vehicles]])
        return owner

    def _bill(self, stack: Stack) -> None:
        ledger = requests.get(f"{stack.simulator['control']}/ledger", timeout=30).json()
        calls = [call for call in ledger if call["host"] != "auth"]
        self.calls = Counter(call["endpoint"] for call in calls)
        self.cost = {"calls": len(calls), "price_usd": round(sum(call["price_usd"] for call in calls), 4)}

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.told(name, None)
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            raise StageFailed(f"{name}: {type(error).__name__}: {error}") from error
        self.told(name, time.monotonic() - started)

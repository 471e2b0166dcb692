"""One simulated Tesla and, per backend, one stack for the whole session: every test brings an owner of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.place import QUICK, Place, World, running
from tests.simulator import Simulator, SimulatorConfig
from tests.stack.config import StackConfig

_ACCOUNTS = 120


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A simulated Tesla with more owners than tests need."""
    with Simulator(SimulatorConfig(accounts=_ACCOUNTS, vehicles=2, sites=0, remember_consent=False)) as simulator:
        yield World(simulator)


@dataclass(frozen=True, slots=True)
class Starter:
    """Configures stacks of one backend in one session."""

    options: dict[str, Any]
    fresh: Callable[[], Path]

    def config(self, **options: Any) -> StackConfig:
        """A quick stack in a folder of its own unless the options say otherwise."""
        chosen = {"state_dir": self.fresh, "settings": QUICK, "tick_s": 0.5, **self.options, **options}
        if callable(chosen["state_dir"]):
            chosen["state_dir"] = chosen["state_dir"]()
        return StackConfig(**chosen)


@pytest.fixture(scope="session", params=["embedded", pytest.param("emulators", marks=pytest.mark.emulators)])
def starter(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Starter:
    """Makes configurations of the backend under test."""
    options: dict[str, Any] = {"backend": request.param, "tesla": world.greeting()}
    if request.param == "emulators":
        options["emulators"] = request.getfixturevalue("emulators").environment
    return Starter(options, lambda: tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="session")
def place(starter: Starter, world: World) -> Iterator[Place]:
    """The session's stack of the backend under test."""
    with running(starter.config(), world) as open_place:
        yield open_place

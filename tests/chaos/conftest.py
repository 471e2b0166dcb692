"""The simulated Tesla and the stacks of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Starter, starter, world
from tests.simulator import Simulator, SimulatorConfig

__all__ = ["Starter", "simulator", "starter", "world"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """Two owners of two vehicles, in two regions."""
    with Simulator(SimulatorConfig(accounts=2, vehicles=2, region=("eu", "na"), remember_consent=False)) as running:
        yield running

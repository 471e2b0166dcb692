"""A simulator per test module and a lab per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, running_lab
from tests.simulator import Simulator, SimulatorConfig


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """Two owners, one in Europe and one in America, two vehicles each."""
    with Simulator(SimulatorConfig(accounts=2, vehicles=2, region=("eu", "na"), remember_consent=False)) as simulator:
        yield simulator


@pytest.fixture
def lab(tesla: Simulator, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The service over an empty folder and a simulator as good as new; `settings` marks change its settings."""
    marker = request.node.get_closest_marker("settings")
    tesla.clear()
    tesla.reset()
    with running_lab(tesla, tmp_path, **(marker.kwargs if marker else {})) as running:
        yield running

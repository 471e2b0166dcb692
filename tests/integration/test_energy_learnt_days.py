"""What polls learn of days travels from tick to tick with the shard's state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import bootstrap
from shared.energy.day_shape import Shapes, unpack_shapes
from tests.integration.test_polling import enrol, tick
from tests.lab import Lab, running_lab
from tests.simulator import Simulator
from tests.simulator.config import SimulatorConfig

SITES = 60


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with enough batteries in each time zone."""
    with Simulator(SimulatorConfig(vehicles=0, sites=SITES, empty_site=False)) as running:
        yield running


@pytest.fixture
def lab(tesla: Simulator, tmp_path: Path) -> Iterator[Lab]:
    """The service, with every battery enrolled."""
    tesla.clear()
    tesla.reset()
    with running_lab(tesla, tmp_path) as running:
        enrol(running, 0)
        yield running


def learnt() -> Shapes:
    """What the one shard has kept."""
    state = bootstrap.shards().state("0000")
    assert state is not None
    return unpack_shapes(state.value.shapes)


def test_every_tick_adds_to_what_the_ticks_before_have_learnt(lab: Lab) -> None:
    tick(lab, 2)
    shapes = learnt()
    assert {sum(shape.load_w.ticks) for shape in shapes.values()} == {2}
    assert all(max(shape.load_w.means) > 100 for shape in shapes.values())
    lab.pump()  # the last message once more
    assert learnt() == shapes

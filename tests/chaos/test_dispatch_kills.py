"""Whole events while functions are killed at random calls of their stores; messages come twice and shuffled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.dispatch_truth import check
from tests.chaos.dispatched import Fleet, fleet_of
from tests.e2e.conftest import Starter

pytestmark = pytest.mark.chaos

SEEDS = range(1, 11)
"""Per backend."""
MOST_KILLS = 2
LEAD_S = 580.0
"""Long enough for the signal to be sent once more after each kill."""
MORTALS = ("dispatch_energy", "energy", "housekeeping")
TARGETS = {("dispatch_energy",): 0.01, ("energy",): 0.03, MORTALS: 0.01}
"""Who is killed -> with which probability before and after each call of a store; an event has one such set."""


@pytest.fixture(scope="module")
def fleet(starter: Starter) -> Iterator[Fleet]:
    """One fleet per backend for all events."""
    with fleet_of(starter, duplicate=2, shuffle_s=0.2) as working:
        working.lead_s = LEAD_S
        yield working


@pytest.mark.parametrize("seed", SEEDS)
def test_every_site_is_put_back_whoever_is_killed(fleet: Fleet, seed: int) -> None:
    targets, probability = list(TARGETS.items())[seed % len(TARGETS)]
    chance = f"{seed}:{probability}:{MOST_KILLS}"
    fleet.arm(*(name for name in MORTALS if name not in targets), CRASH_RANDOM="")
    fleet.arm(*targets, CRASH_RANDOM=chance)
    before = len(fleet.stack.deaths)
    event = fleet.live(f"event-{seed}")
    killed = fleet.stack.deaths[before:]
    print(f"CRASH_RANDOM={chance} {fleet.stack.config.backend}: killed {[name for name, _ in killed]}")
    assert killed
    assert set(killed) <= {(target, -9) for target in targets}
    check(event)

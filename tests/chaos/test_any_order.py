"""Many long runs of the state machine."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine import machine_over
from tests.simulator import Simulator

pytestmark = pytest.mark.chaos

MANY = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a failure is told as it is: making it smaller takes minutes
    suppress_health_check=list(HealthCheck),
)


def test_whatever_happens_orders_end_and_owners_stay_apart(simulator: Simulator) -> None:
    run_state_machine_as_test(machine_over(simulator), settings=MANY)

"""A few runs of the state machine; `make chaos` makes many and long ones."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine import machine_over
from tests.simulator import Simulator

FEW = settings(
    max_examples=10,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a failure is told as it is: making it smaller takes minutes
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.usefixtures("tesla")
def test_whatever_happens_orders_end_and_owners_stay_apart(tesla: Simulator) -> None:
    run_state_machine_as_test(machine_over(tesla), settings=FEW)

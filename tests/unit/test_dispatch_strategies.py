"""The table of strategies: the body of every command, under both contracts."""

from __future__ import annotations

from typing import Any

import pytest

from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.records import Snapshot
from shared.energy.dispatch.strategies import TABLE, body, refusal, touches
from shared.tesla.catalogue.endpoint import Contract
from shared.tesla.catalogue.energy import EnergyAction, energy_endpoint
from tests.unit.dispatch_samples import START

FOUND = Snapshot(START, "other", 20.0, "pv_only", "own-tariff")
TARIFF = {"version": 1, "name": "event"}
TARIFF_BODIES: dict[Contract, Any] = {
    Contract.PUBLISHED: ("POST", "time_of_use_settings", {"tou_settings": {"tariff_content_v2": TARIFF}}),
    Contract.BRIEF: ("POST", "tariff_rate", TARIFF),
}


def sent(strategy: Strategy, contract: Contract) -> list[tuple[str, str, Any]]:
    commands: list[tuple[str, str, Any]] = []
    for touch in touches(strategy, FOUND, "event-tariff"):
        endpoint = energy_endpoint(touch.action, contract)
        value: Any = TARIFF if touch.action is EnergyAction.TARIFF else touch.ours
        commands.append((endpoint.method, endpoint.path.rpartition("/")[2], body(endpoint, touch.action, value)))
    return commands


@pytest.mark.parametrize(("contract", "method"), [(Contract.PUBLISHED, "POST"), (Contract.BRIEF, "PUT")])
@pytest.mark.parametrize(
    ("strategy", "mode"),
    [
        (Strategy.LOAD_RELIEF, "self_consumption"),
        (Strategy.DISCHARGE, "self_consumption"),
        (Strategy.HOLD, "backup"),
        (Strategy.PRESERVE, "backup"),
    ],
)
def test_a_mode_is_one_command(strategy: Strategy, mode: str, contract: Contract, method: str) -> None:
    assert sent(strategy, contract) == [(method, "operation", {"default_real_mode": mode})]


@pytest.mark.parametrize(("contract", "method"), [(Contract.PUBLISHED, "POST"), (Contract.BRIEF, "PUT")])
def test_export_is_three_commands_with_the_mode_last(contract: Contract, method: str) -> None:
    assert sent(Strategy.EXPORT, contract) == [
        ("POST", "grid_import_export", {"customer_preferred_export_rule": "battery_ok"}),
        TARIFF_BODIES[contract],
        (method, "operation", {"default_real_mode": "autonomous"}),
    ]


def test_every_strategy_is_in_the_table_and_counts_its_commands() -> None:
    assert set(TABLE) == set(Strategy)
    for strategy, row in TABLE.items():
        assert len(touches(strategy, FOUND, "event-tariff")) == row.most_writes


def test_a_site_that_may_not_export_keeps_its_rule() -> None:
    found = Snapshot(START, "backup", 20.0, "", "own-tariff", non_export=True, time_zone="UTC")
    assert [touch.action for touch in touches(Strategy.EXPORT, found, "t")] == [
        EnergyAction.TARIFF,
        EnergyAction.OPERATION,
    ]
    assert refusal(Strategy.EXPORT, found) == ""

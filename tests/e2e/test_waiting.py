"""Orders that wait for a sleeping vehicle, also over a stop of the whole stack."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Starter
from tests.e2e.place import WITHIN_S, Customer, Place, World, running, until
from tests.stack.config import StackConfig

pytestmark = pytest.mark.stack


def _sleeping(place: Place) -> Customer:
    """An owner of two vehicles, the first one asleep, whose order waits for it."""
    owner = place.customer()
    owner.account.vehicles[0].state = "asleep"
    owner.order("basic")
    owner.consent()
    owner.vehicles()
    owner.select(["v1", "v2"])
    until(lambda: _states(owner) == ["waiting", "ready"], "one vehicle waits, the other is ready")
    return owner


def _states(owner: Customer) -> list[str]:
    return [vehicle["status"] for vehicle in owner.view()["vehicles"]]


def _awake_and_done(place: Place, owner: Customer) -> None:
    owner.account.vehicles[0].state = "online"
    assert owner.wait(WITHIN_S)["status"] == "completed"
    assert {module["status"] for module in owner.view()["vehicles"][0]["modules"]} == {"ok"}
    assert len([call for call in place.calls(owner) if call.endpoint == "vehicle_data"]) == 2
    assert place.repeated(owner) == []


def test_a_sleeping_vehicle_is_reported_on_once_it_wakes(place: Place) -> None:
    owner = _sleeping(place)
    looks = len(place.calls(owner))
    until(lambda: len(place.calls(owner)) > looks, "another look at the vehicle")
    assert owner.view()["vehicles"][0]["reason"] == "asleep"
    _awake_and_done(place, owner)


def test_a_waiting_order_survives_a_stop_of_the_stack(starter: Starter, world: World) -> None:
    config: StackConfig = starter.config()
    with running(config, world) as place:
        owner = _sleeping(place)
        before = owner.view()
    with running(config, world) as place:
        owner.base_url = place.stack.base_url
        assert owner.view()["vehicles"][1] == before["vehicles"][1]
        _awake_and_done(place, owner)

"""kill -9 between two side effects: the order completes all the same, and Tesla is not asked twice."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from shared.reports.snapshot import ModuleResult
from shared.typed import from_json
from tests.e2e.place import WITHIN_S, Customer, Place, restarted, until
from tests.stack.owner import OwnerStuck

pytestmark = pytest.mark.stack

MODULES_OF_BASIC = 8
BOTH = ("v1", "v2")
POINTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "page of the history stored, no message published": ("fetch_order:blobs.put:1", "complete", BOTH),
    "one of two vehicles sent off": ("fetch_order:events.publish:1", "charging", BOTH),
    "three outcomes stored": ("fetch_vehicle:blobs.put:3", "basic", BOTH),
    "snapshot stored, nothing noted": (f"fetch_vehicle:blobs.put:{MODULES_OF_BASIC + 1}", "basic", ("v1",)),
    "snapshot noted, no message published": ("fetch_vehicle:events.publish:1:before", "complete", BOTH),
    "report stored, vehicle not ready": ("build_report:blobs.put:1", "charging", BOTH),
    "manifest stored, order not completed": ("build_report:events.publish:1", "basic", BOTH),
}
"""What was done last -> (where to die, package, vehicles)."""


def _called_after_stored(place: Place, owner: Customer, vehicle_id: str) -> list[str]:
    """Modules that Tesla was asked for, and paid, although their outcome lay stored."""
    vin = owner.vins[int(vehicle_id[1:]) - 1]
    last = {call.endpoint: call.at_s for call in place.calls(owner) if call.vin == vin and call.price_usd}
    raw = place.stores.blobs.list(f"orders/{owner.order_id}/{vehicle_id}/raw/")
    stored = {_module(place, info.name): info.updated.timestamp() for info in raw}
    assert stored
    return [module for module, at_s in stored.items() if last.get(module, 0.0) > at_s + 0.001]


def _module(place: Place, name: str) -> str:
    return from_json(place.stores.blobs.get(name), ModuleResult).module


def _check_reports(place: Place, owner: Customer, view: Any) -> None:
    """One PDF per vehicle, the one that order and manifest tell of."""
    manifest = owner.call("GET", f"{owner.path}/manifest")
    listed = {item["name"]: item["sha256"] for item in manifest["objects"] if item["name"].endswith("report.pdf")}
    names = [
        name for name in place.stores.objects(owner.order_id) if name.endswith(".pdf") and "/invoices/" not in name
    ]
    assert sorted(listed) == names
    told = {f"orders/{owner.order_id}/{v['vehicle_id']}/report.pdf": v["report"]["sha256"] for v in view["vehicles"]}
    assert listed == told == {name: hashlib.sha256(place.stores.blobs.get(name)).hexdigest() for name in names}


def _events(place: Place, owner: Customer) -> list[str]:
    told = (json.loads(delivery.event.data) for delivery in place.stack.published("order-events"))
    return [event["type"] for event in told if event["order"] == owner.order_id]


def _in_flight(place: Place, function: str, vehicles: tuple[str, ...]) -> int:
    """The most calls that a death may cost; a lone vehicle's were all answered and kept at its points."""
    fetching = function == "fetch_vehicle" and vehicles == BOTH
    return int(place.stack.environment["FETCH_CONCURRENCY"]) * len(vehicles) if fetching else 0


@pytest.mark.parametrize("moment", POINTS)
def test_an_order_completes_whatever_dies(place: Place, moment: str) -> None:
    point, package, vehicles = POINTS[moment]
    function = point.partition(":")[0]
    restarted(place.stack, function, CRASH_AT=point)
    before = len(place.stack.deaths)
    owner = place.ordered(package, vehicles)
    view = owner.wait(WITHIN_S)
    assert place.stack.deaths[before:] == [(function, -9)]
    assert view["status"] == "completed"
    assert {module["status"] for vehicle in view["vehicles"] for module in vehicle["modules"]} == {"ok"}
    assert {"vehicle", "vehicle_data", "options"} <= {m["module"] for m in view["vehicles"][0]["modules"]}
    _check_reports(place, owner, view)
    assert [_called_after_stored(place, owner, vehicle_id) for vehicle_id in vehicles] == [[] for _ in vehicles]
    assert len(place.repeated(owner)) <= _in_flight(place, function, vehicles)
    assert set(_events(place, owner)) == {"order.completed"}


def test_a_selection_whose_message_was_never_published_is_taken_up(place: Place) -> None:
    """The function dies with the order stored as running; the owner need not ask again."""
    owner = place.customer()
    owner.order("basic")
    owner.consent()
    owner.vehicles()
    restarted(place.stack, "orders", CRASH_AT="orders:events.publish:1:before")
    before = len(place.stack.deaths)
    with pytest.raises(OwnerStuck, match=" answered 502: "):
        owner.select(BOTH)
    until(lambda: len(place.stack.deaths) > before, "the function dies")
    assert place.stack.deaths[before:] == [("orders", -9)]
    view = owner.wait(WITHIN_S)
    assert view["status"] == "completed"
    assert place.repeated(owner) == []


def test_after_a_death_in_the_callback_the_owner_consents_again(place: Place) -> None:
    """The tokens were stored, their claim code never reached the browser: 502, or 400 if the gateway asked again."""
    owner = place.customer()
    owner.order("basic")
    restarted(place.stack, "oauth", CRASH_AT="oauth:documents.create:3")
    before = len(place.stack.deaths)
    held = {document.key for name, document in place.stores.everything() if name == "pending_consents"}
    with pytest.raises(OwnerStuck, match=r"the callback answered (400|502)"):
        owner.consent()
    until(lambda: len(place.stack.deaths) > before, "the function dies")
    assert place.stack.deaths[before:] == [("oauth", -9)]
    lost = {document.key for name, document in place.stores.everything() if name == "pending_consents"} - held
    assert len(lost) == 1
    assert owner.consent()["missing_scopes"] == []
    owner.vehicles()
    owner.select(["v1"])
    assert owner.wait(WITHIN_S)["status"] == "completed"
    planned = {document.key for name, document in place.stores.everything() if name == "due"}
    assert {f"pending.{key}" for key in lost} <= planned  # erased when their time is over

"""The vehicle's place: only for an order that asked for it, and only where the owner granted it."""

from __future__ import annotations

from typing import Any

import pytest

from shared import bootstrap
from shared.orders import names
from shared.reports.snapshot import Snapshot
from tests.lab import Lab

LOCATION = "vehicle_location"
PLACE = {"drive_state", "location_data"}


def _groups(lab: Lab, call: int = -1) -> set[str]:
    """The groups that a call of `vehicle_data` asked for."""
    return set(lab.simulator.calls("vehicle_data")[call].query["endpoints"].split(";"))


def _live_data(lab: Lab, order_id: str, grant: str) -> Any:
    modules = lab.view(order_id, grant)["vehicles"][0]["modules"]
    return next(item for item in modules if item["module"] == "vehicle_data")


def _done(lab: Lab, **options: Any) -> tuple[str, str]:
    order = lab.start("basic", vehicles=("v1",), **options)
    lab.pump()
    return order


def _snapshot(order_id: str) -> Snapshot:
    return Snapshot.decode(bootstrap.blobs().get(names.snapshot(order_id, "v1")))


def _stored(collection: str, key: str) -> dict[str, Any]:
    document = bootstrap.documents().get(collection, key)
    assert document is not None
    return document.body


def test_an_order_that_asked_for_the_place_gets_it(lab: Lab) -> None:
    order_id, grant = _done(lab, location=True)
    assert _groups(lab) >= PLACE
    found = _live_data(lab, order_id, grant)
    assert (found["status"], found["reason"], found["detail"]) == ("ok", None, None)
    assert LOCATION in _snapshot(order_id).granted_scopes


def test_an_order_that_did_not_ask_gets_no_place_through_another_order(lab: Lab) -> None:
    lab.simulator.accounts[0].vehicles[1].state = "asleep"
    lab.start("basic", vehicles=("v2",), location=True)
    lab.pump()
    order_id, grant = _done(lab)
    account = bootstrap.desk().book.get(order_id).account
    assert LOCATION in bootstrap.keeper().get(account).scopes
    assert not PLACE & _groups(lab)
    found = _live_data(lab, order_id, grant)
    assert (found["status"], found["reason"]) == ("ok", "location_not_asked")
    assert "did not ask for the vehicle's location" in found["detail"]
    assert LOCATION not in _snapshot(order_id).granted_scopes
    assert b"latitude" not in bootstrap.blobs().get(names.snapshot(order_id, "v1"))


def test_an_order_whose_owner_did_not_grant_the_place_says_so(lab: Lab) -> None:
    order_id, grant = _done(lab, location=True, untick=(LOCATION,))
    assert not PLACE & _groups(lab)
    found = _live_data(lab, order_id, grant)
    assert (found["status"], found["reason"]) == ("ok", "location_not_granted")


def test_consenting_again_for_something_else_keeps_what_the_order_asked_for(lab: Lab) -> None:
    order_id, grant = lab.order("basic")
    assert lab.connect(grant, location=True).status == 200
    assert lab.connect(grant).status == 200
    assert bootstrap.desk().book.get(order_id).location


def test_another_owner_has_to_be_asked_anew(lab: Lab) -> None:
    order_id, grant = lab.order("basic")
    assert lab.connect(grant, location=True).status == 200
    assert lab.connect(grant, account=1).status == 200
    assert not bootstrap.desk().book.get(order_id).location


def test_an_order_may_ask_later(lab: Lab) -> None:
    lab.simulator.accounts[0].vehicles[0].state = "asleep"
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    assert lab.connect(grant, location=True).status == 200
    lab.simulator.accounts[0].vehicles[0].state = "online"
    lab.clock.sleep(901)
    lab.tick()
    lab.pump()
    assert _groups(lab) >= PLACE
    assert _live_data(lab, order_id, grant)["reason"] is None


def test_orders_stored_before_the_place_was_theirs_to_choose_go_without(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",), location=True)
    body = _stored("orders", order_id)
    del body["location"]
    bootstrap.documents().put("orders", order_id, body)
    lab.pump()
    assert not PLACE & _groups(lab)
    assert lab.view(order_id, grant)["status"] == "completed"


@pytest.mark.parametrize("collection", ["oauth_states", "pending_consents"])
def test_consents_on_their_way_from_before_are_still_completed(lab: Lab, collection: str) -> None:
    order_id, grant = lab.order("basic")
    callback = lab.callback(grant, location=True)
    claim = lab.claim(callback) if collection == "pending_consents" else ""
    (document,) = bootstrap.documents().query(collection).documents
    body = {name: value for name, value in document.body.items() if name != "location"}
    assert body != document.body
    bootstrap.documents().put(collection, document.key, body)
    reply = lab.call("POST", "/api/v1/tesla/oauth/complete", {"claim": claim or lab.claim(callback)}, grant=grant)
    assert reply.status == 200
    assert not bootstrap.desk().book.get(order_id).location

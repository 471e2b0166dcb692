"""Erasure on a running stack: what an owner left is gone from every store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.place import WITHIN_S, Customer, Place
from tests.stack.owner import OwnerStuck

pytestmark = pytest.mark.stack


def _traces(place: Place, owner: Customer) -> Iterator[tuple[str, Path]]:
    """(what, file) for every file of the stack that names a vehicle or the person."""
    wanted = [owner.email, owner.grant, *owner.vins]
    for path in place.stack.state_dir.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        yield from ((word, path) for word in wanted if word.encode() in content)


def test_an_erased_order_leaves_a_tombstone_only(place: Place) -> None:
    owner = place.ordered("complete")
    owner.wait(WITHIN_S)
    place.stack.wait_idle()
    assert place.stores.objects(owner.order_id)
    accounts = {document.key for name, document in place.stores.everything() if name == "accounts"}
    assert owner.call("DELETE", owner.path, status=202)["status"] == "erased"
    assert place.stores.objects(owner.order_id) == []
    left = set(place.stores.mentions(owner.order_id)) - {("purses", f"order.{owner.order_id}")}  # a sum of money
    assert left == {("orders", owner.order_id), ("due", f"purge.{owner.order_id}")}
    assert len(accounts - {item.key for name, item in place.stores.everything() if name == "accounts"}) == 1
    assert list(_traces(place, owner)) == []
    with pytest.raises(OwnerStuck, match=r" answered 40[14]: "):
        owner.view()


def test_an_order_erased_while_it_runs_comes_to_nothing(place: Place) -> None:
    owner = place.customer()
    for vehicle in owner.account.vehicles:
        vehicle.state = "asleep"
    owner.order("basic")
    owner.consent()
    owner.vehicles()
    owner.select(["v1", "v2"])
    owner.call("DELETE", owner.path, status=202)
    place.stack.wait_idle()
    for vehicle in owner.account.vehicles:
        vehicle.state = "online"
    place.stack.tick()
    place.stack.wait_idle()
    assert place.stores.objects(owner.order_id) == []
    assert not [call for call in place.calls(owner) if call.endpoint == "vehicle_data"]
    assert list(_traces(place, owner)) == []

"""Erasure: everything goes, and work in flight brings nothing back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.orders.erasure import LONGEST_WORK_S
from tests.lab import Lab

PERSONAL = ("grants", "order_vehicles", "accounts", "due", "idempotency", "claims", "pending_consents")


def _erase(lab: Lab, order_id: str, grant: str) -> None:
    assert lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status == 202


def _blobs(order_id: str) -> list[str]:
    return [info.name for info in bootstrap.blobs().list(f"orders/{order_id}/")]


def _leftovers(order_id: str) -> dict[str, list[str]]:
    """Documents that still speak of the order, by collection."""
    found = {}
    for collection in PERSONAL:
        documents = bootstrap.documents().query(collection).documents
        keys = [d.key for d in documents if order_id in d.key or order_id in d.body.values()]
        if keys:
            found[collection] = keys
    return found


def _finish(lab: Lab) -> None:
    """Let the last purge come due and be done."""
    lab.pump()
    lab.clock.sleep(LONGEST_WORK_S + 1)
    lab.tick()
    lab.pump()


def test_an_erased_order_leaves_a_tombstone_and_nothing_else(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    lab.pump()
    vins = [vehicle.vin for vehicle in lab.simulator.accounts[0].vehicles]
    _erase(lab, order_id, grant)
    assert _blobs(order_id) == []
    assert set(_leftovers(order_id)) <= {"due"}
    assert lab.call("GET", f"/api/v1/orders/{order_id}", grant=grant).status == 404
    _finish(lab)
    assert _leftovers(order_id) == {}
    tombstone = bootstrap.documents().get("orders", order_id)
    assert tombstone is not None
    assert tombstone.body["status"] == "erased"
    assert tombstone.body["account"] == ""
    folder = Path(bootstrap.settings().state_dir)
    raw = b"".join(path.read_bytes() for path in (folder / "blobs").rglob("*") if path.is_file())
    assert not any(vin.encode() in raw for vin in vins)


def test_tokens_go_with_the_last_order_that_needs_them(lab: Lab) -> None:
    first, first_grant = lab.start("basic", vehicles=("v1",))
    second, second_grant = lab.start("basic", vehicles=("v1",))
    _erase(lab, first, first_grant)
    assert len(bootstrap.documents().query("accounts").documents) == 1
    lab.pump()
    assert lab.view(second, second_grant)["status"] == "completed"
    _erase(lab, second, second_grant)
    assert bootstrap.documents().query("accounts").documents == []


def test_an_order_can_be_erased_at_every_stage(lab: Lab) -> None:
    created, grant = lab.order()
    _erase(lab, created, grant)
    connected, grant = lab.order()
    lab.connect(grant)
    _erase(lab, connected, grant)
    started, grant = lab.start("basic")
    _erase(lab, started, grant)
    lab.pump()
    assert lab.simulator.calls("warranty") == []
    _finish(lab)
    for order_id in (created, connected, started):
        assert _leftovers(order_id) == {}
        assert _blobs(order_id) == []


@pytest.mark.parametrize(
    "moment",
    [
        "account/charging_history.0001.json",
        "v1/raw/vehicle.json",
        "v1/raw/warranty.json",
        "v1/snapshot.json",
        "v1/report.pdf",
        "manifest.json",
    ],
)
def test_a_delivery_in_flight_brings_nothing_back(lab: Lab, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """The owner erases the order at the very moment a worker is about to write."""
    order_id, grant = lab.start("complete", vehicles=("v1",))
    blobs = bootstrap.blobs()
    erased: list[str] = []
    put = blobs.put

    def racing(name: str, data: bytes, **options: Any) -> Any:
        if name.endswith(moment) and not erased:
            erased.append(name)
            _erase(lab, order_id, grant)
        return put(name, data, **options)

    monkeypatch.setattr(blobs, "put", racing)
    lab.pump()
    assert erased
    _finish(lab)
    assert _blobs(order_id) == []
    assert _leftovers(order_id) == {}


def test_an_erasure_that_died_half_way_is_finished(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("complete", vehicles=("v1",))
    lab.pump()
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap.blobs(), "delete", _die)
        assert lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status == 500
    assert _blobs(order_id) != []
    _finish(lab)
    assert _blobs(order_id) == []
    assert _leftovers(order_id) == {}


def _die(_name: str) -> None:
    raise RuntimeError("the process dies here")

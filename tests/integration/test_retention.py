"""Retention: after its days an order goes the way of an erased one, whatever dies and whatever became of it."""

from __future__ import annotations

from typing import Any

import pytest

from shared import bootstrap
from shared.orders.erasure import LONGEST_WORK_S
from tests.lab import Lab

DAY_S = 86_400
pytestmark = pytest.mark.settings(ORDER_DAYS=3)


def _left(order_id: str) -> dict[str, list[str]]:
    """Everything stored that still speaks of the order, by collection; `blobs` are its objects."""
    found = {"blobs": [info.name for info in bootstrap.blobs().list(f"orders/{order_id}/")]}
    for name in ("grants", "order_vehicles", "accounts", "due", "idempotency", "claims"):
        documents = bootstrap.documents().query(name).documents
        found[name] = [d.key for d in documents if order_id in d.key or order_id in d.body.values()]
    return {name: keys for name, keys in found.items() if keys}


def _later(lab: Lab, seconds: float) -> None:
    lab.clock.sleep(seconds)
    lab.tick()
    lab.pump()


def _done(lab: Lab) -> tuple[str, str]:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    return order_id, grant


def _dies(*_args: Any) -> None:
    raise KeyboardInterrupt


def test_an_order_is_erased_when_its_days_are_over_and_not_before(lab: Lab) -> None:
    order_id, grant = _done(lab)
    _later(lab, 3 * DAY_S - 60)
    assert lab.view(order_id, grant)["status"] == "completed"
    _later(lab, 120)
    assert set(_left(order_id)) <= {"due"}
    _later(lab, LONGEST_WORK_S + 1)
    assert _left(order_id) == {}
    assert bootstrap.documents().query("accounts").documents == []
    tombstone = bootstrap.documents().get("orders", order_id)
    assert tombstone is not None
    assert (tombstone.body["status"], tombstone.body["account"]) == ("erased", "")


@pytest.mark.parametrize("state", ["created", "connected", "cancelled", "running"])
def test_so_is_one_that_never_came_to_an_end(lab: Lab, state: str) -> None:
    order_id, grant = lab.order("charging")
    if state != "created":
        lab.connect(grant)
    if state in ("cancelled", "running"):
        lab.simulator.accounts[0].vehicles[0].state = "asleep"
        lab.call("POST", f"/api/v1/orders/{order_id}/selection", {"vehicles": ["v1"]}, grant=grant)
        lab.pump()
    if state == "cancelled":
        lab.call("POST", f"/api/v1/orders/{order_id}/cancel", grant=grant)
        lab.pump()
    _later(lab, 3 * DAY_S + 60)
    _later(lab, LONGEST_WORK_S + 1)
    assert _left(order_id) == {}


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        ("shared.orders.schedule.Schedule", "plan_purge"),
        ("shared.orders.book.OrderBook", "bury"),
        ("shared.orders.erasure.Erasure", "purge"),
        ("shared.accounts.grants.Grants", "forget"),
        ("shared.orders.schedule.Schedule", "expiry_done"),
    ],
)
def test_a_sweep_that_died_is_finished(lab: Lab, monkeypatch: pytest.MonkeyPatch, owner: str, step: str) -> None:
    order_id, _grant = _done(lab)
    with monkeypatch.context() as patch:
        patch.setattr(f"{owner}.{step}", _dies)
        with pytest.raises(KeyboardInterrupt):
            _later(lab, 3 * DAY_S + 60)
    _later(lab, LONGEST_WORK_S + 1)
    _later(lab, LONGEST_WORK_S + 1)
    assert _left(order_id) == {}


def test_an_order_whose_document_the_store_has_removed_already_is_swept_all_the_same(lab: Lab) -> None:
    """Stores remove documents some time after their `expires_at`, which may be before the sweep."""
    order_id, _grant = _done(lab)
    lab.clock.sleep(3 * DAY_S + 60)
    bootstrap.documents().delete("orders", order_id)
    bootstrap.documents().delete("order_vehicles", f"{order_id}.v1")
    lab.tick()
    lab.pump()
    assert "blobs" not in _left(order_id)
    _later(lab, LONGEST_WORK_S + 1)
    assert _left(order_id) == {}


def test_a_message_that_comes_too_early_erases_nothing(lab: Lab) -> None:
    order_id, grant = _done(lab)
    order = bootstrap.desk().book.get(order_id)
    bootstrap.desk().schedule.plan_expiry(order_id, lab.clock.now())
    _later(lab, 1)
    assert lab.view(order_id, grant)["status"] == "completed"
    planned = bootstrap.documents().get("due", f"expire.{order_id}")
    assert planned is not None
    assert planned.body["at"] == order.expires_at


def test_an_erased_order_needs_no_sweep(lab: Lab) -> None:
    order_id, grant = _done(lab)
    assert lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status == 202
    assert bootstrap.documents().get("due", f"expire.{order_id}") is None


def test_every_lasting_document_of_an_order_says_when_it_ends(lab: Lab) -> None:
    order_id, _grant = _done(lab)
    expires_at = bootstrap.desk().book.get(order_id).expires_at
    for collection in ("orders", "order_vehicles", "grants"):
        documents = bootstrap.documents().query(collection).documents
        assert [document.body["expires_at"] for document in documents] == [expires_at]

"""Orders whose work dies, fails or is stopped between two steps: they end, lose no record and bring nothing back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from shared import bootstrap
from shared.orders.erasure import LONGEST_WORK_S
from tests.lab import Lab, Reply


def _raise(*_args: Any, **_options: Any) -> None:
    raise RuntimeError("a bug")


def _meanwhile(patch: pytest.MonkeyPatch, collection: str, act: Callable[[], Reply]) -> list[Reply]:
    """Act once, just before the next document of the collection is created; gives the reply in a list."""
    documents, create = bootstrap.documents(), bootstrap.documents().create
    waiting, replies = [act], list[Reply]()

    def racing(name: str, key: str, body: Any) -> Any:
        if name == collection and waiting:
            replies.append(waiting.pop()())
        return create(name, key, body)

    patch.setattr(documents, "create", racing)
    return replies


def _modules(view: Any) -> dict[str, str]:
    return {item["module"]: item["status"] for item in view["vehicles"][0]["modules"]}


def _billed(lab: Lab) -> int:
    """Calls that Tesla answered, the consent's own left out."""
    return sum(call.billed for call in lab.simulator.ledger if call.host != "auth")


def test_an_order_that_fails_before_its_vehicles_begin_ends(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("complete")
    monkeypatch.setattr("shared.orders.order_worker.OrderWorker._advance", _raise)
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "failed"
    assert view["ended_at"] is not None
    assert {(item["status"], item["reason"]) for item in view["vehicles"]} == {("failed", "attempts_exhausted")}


def test_an_order_cancelled_before_its_vehicles_begin_ends_and_asks_tesla_nothing(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    calls = len(lab.simulator.ledger)
    assert lab.call("POST", f"/api/v1/orders/{order_id}/cancel", grant=grant).status == 202
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "cancelled"
    assert view["ended_at"] is not None
    assert {item["status"] for item in view["vehicles"]} == {"cancelled"}
    assert len(lab.simulator.ledger) == calls


def test_cancelling_while_the_vehicles_begin_stops_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("basic")
    calls = len(lab.simulator.ledger)
    cancel = partial(lab.call, "POST", f"/api/v1/orders/{order_id}/cancel", grant=grant)
    replies = _meanwhile(monkeypatch, "order_vehicles", cancel)
    lab.pump()
    assert [reply.status for reply in replies] == [202]
    view = lab.view(order_id, grant)
    assert {item["status"] for item in view["vehicles"]} == {"cancelled"}
    assert len(lab.simulator.ledger) == calls


def test_a_death_right_after_the_snapshot_loses_no_outcome(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("complete", vehicles=("v1",))
    blobs, put = bootstrap.blobs(), bootstrap.blobs().put
    died: list[str] = []

    def dying(name: str, data: bytes, **options: Any) -> Any:
        info = put(name, data, **options)
        if name.endswith("snapshot.json"):
            died.append(name)
            raise RuntimeError("the process dies here")
        return info

    monkeypatch.setattr(blobs, "put", dying)
    lab.pump()
    assert len(died) == 1
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert set(_modules(view).values()) == {"ok"}
    assert view["vehicles"][0]["invoices"]["ok"] > 0
    assert view["tesla"]["calls"] == _billed(lab)


def test_calls_of_a_wait_stay_counted_to_the_end(lab: Lab) -> None:
    """One module is refused and tried again while the vehicle sleeps on."""
    lab.simulator.accounts[0].vehicles[0].state = "asleep"
    lab.simulator.add_fault("options", "rate_limited", times=1)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    for seconds in (901, 901, 86_401):
        lab.clock.sleep(seconds)
        lab.tick()
        lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert len(lab.simulator.calls("options")) == 2
    options = next(item for item in view["vehicles"][0]["modules"] if item["module"] == "options")
    assert (options["status"], options["calls"]) == ("ok", 2)


def test_erasure_while_the_vehicles_begin_leaves_none_of_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("basic")
    erase = partial(lab.call, "DELETE", f"/api/v1/orders/{order_id}", grant=grant)
    replies = _meanwhile(monkeypatch, "order_vehicles", erase)
    lab.pump()
    assert [reply.status for reply in replies] == [202]
    lab.clock.sleep(LONGEST_WORK_S + 1)
    lab.tick()
    lab.pump()
    assert bootstrap.documents().query("order_vehicles").documents == []
    assert bootstrap.documents().query("due").documents == []


@pytest.mark.settings(OUTBOX_GRACE_S=5)
def test_a_selection_whose_message_was_never_published_goes_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap.desk().schedule, "send_order", _raise)
        order_id, grant = lab.order("basic")
        lab.connect(grant)
        selection = f"/api/v1/orders/{order_id}/selection"
        assert lab.call("POST", selection, {"vehicles": ["v1"]}, grant=grant).status == 500
    lab.clock.sleep(6)
    lab.tick()
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"


def test_an_owner_may_hurry_before_the_vehicles_begin(lab: Lab) -> None:
    lab.simulator.accounts[0].vehicles[0].state = "asleep"
    order_id, grant = lab.start("basic", vehicles=("v1",))
    assert lab.call("POST", f"/api/v1/orders/{order_id}/build-now", grant=grant).status == 202
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"

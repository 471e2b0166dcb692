"""Orders under interleavings, deaths and refusals: no call that is known to be refused, no order without an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.keeper import RefreshBusy
from shared.accounts.session import AccountSession
from shared.orders.erasure import LONGEST_WORK_S
from shared.platform.errors import PlatformError, WorkBusy
from shared.platform.ports import Event
from tests.lab import Lab

QUARTER_H = 901
BASE = r"^/api/1/vehicles/[A-Z0-9]+$"


def _module(view: Any, name: str, vehicle: int = 0) -> Any:
    return next(item for item in view["vehicles"][vehicle]["modules"] if item["module"] == name)


def _later(lab: Lab, seconds: float) -> None:
    lab.clock.sleep(seconds)
    lab.tick()
    lab.pump()


def _post(lab: Lab, order_id: str, grant: str, leaf: str) -> int:
    return lab.call("POST", f"/api/v1/orders/{order_id}/{leaf}", grant=grant).status


def _asleep(lab: Lab) -> None:
    lab.simulator.accounts[0].vehicles[0].state = "asleep"


def _dies(*_args: Any, **_options: Any) -> None:
    raise KeyboardInterrupt


# What is asked of Tesla, and when


def test_a_wait_that_tesla_asked_for_is_kept_while_the_vehicle_is_looked_at(lab: Lab) -> None:
    _asleep(lab)
    lab.simulator.add_fault("options", "rate_limited", times=1, retry_after_s=7_200)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    for _ in range(4):
        _later(lab, QUARTER_H)
    assert len(lab.simulator.calls("options")) == 1
    _later(lab, 7_200)
    assert len(lab.simulator.calls("options")) == 2
    assert _module(lab.view(order_id, grant), "options")["status"] == "ok"


def test_a_message_delivered_again_does_not_use_up_the_tries(lab: Lab) -> None:
    lab.simulator.add_fault("options", "rate_limited", times=1, retry_after_s=120)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump(times=10)
    assert len(lab.simulator.calls("options")) == 1
    _later(lab, 130)
    view = lab.view(order_id, grant)
    assert (view["status"], _module(view, "options")["status"]) == ("completed", "ok")


def test_a_history_asked_for_again_and_again_waits_as_tesla_said(lab: Lab) -> None:
    lab.simulator.add_fault("charging_history", "rate_limited", times=1, retry_after_s=3_600)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump(times=5)
    for _ in range(5):
        body = {"vehicles": ["v1"]}
        assert lab.call("POST", f"/api/v1/orders/{order_id}/selection", body, grant=grant).status == 202
        lab.pump()
    assert len(lab.simulator.calls("charging_history")) == 1
    _later(lab, 3_700)
    view = lab.view(order_id, grant)
    assert view["account_modules"][0]["status"] == "ok"
    assert view["status"] == "completed"


def test_over_the_billing_limit_the_vehicle_waits_and_nothing_more_is_asked(lab: Lab) -> None:
    fault = lab.simulator.add_fault(BASE, "exceeded_limit", times=None)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump(times=3)
    vehicle = lab.view(order_id, grant)["vehicles"][0]
    assert (vehicle["status"], vehicle["reason"]) == ("waiting", "billing_limit")
    assert len(lab.simulator.calls("vehicle")) == 1
    assert lab.simulator.calls("warranty") == []
    assert lab.simulator.control.state.faults.remove(fault.id)
    for _ in range(3):
        _later(lab, QUARTER_H)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert {item["status"] for item in view["vehicles"][0]["modules"]} == {"ok"}


def test_over_the_billing_limit_an_order_ends_with_the_reason_at_its_deadline(lab: Lab) -> None:
    lab.simulator.add_fault(BASE, "exceeded_limit", times=None)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    for _ in range(3):
        _later(lab, 9 * 3600)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert {item["reason"] for item in view["vehicles"][0]["modules"]} == {"billing_limit"}
    assert lab.simulator.calls("warranty") == []


@pytest.mark.settings(FETCH_CONCURRENCY=1)
def test_over_the_billing_limit_invoices_wait_and_those_that_are_there_stay(lab: Lab) -> None:
    fault = lab.simulator.add_fault("charging_invoice", "exceeded_limit", times=None, after=1)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump(times=2)
    assert len(lab.simulator.calls("charging_invoice")) == 2
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "waiting"
    assert lab.simulator.control.state.faults.remove(fault.id)
    for _ in range(3):
        _later(lab, QUARTER_H)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert view["vehicles"][0]["invoices"]["failed"] == 0
    assert len(lab.simulator.calls("charging_invoice")) == view["vehicles"][0]["invoices"]["ok"] + 1


def test_over_the_billing_limit_a_history_waits_and_uses_up_no_tries(lab: Lab) -> None:
    fault = lab.simulator.add_fault("charging_history", "exceeded_limit", times=None)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump(times=3)
    for _ in range(6):
        _later(lab, QUARTER_H)
    assert lab.view(order_id, grant)["account_modules"][0]["status"] == "pending"
    assert lab.simulator.control.state.faults.remove(fault.id)
    for _ in range(3):
        _later(lab, QUARTER_H)
    view = lab.view(order_id, grant)
    assert (view["status"], view["account_modules"][0]["status"]) == ("completed", "ok")


@pytest.mark.settings(FETCH_CONCURRENCY=1)
def test_invoices_wait_as_tesla_asked_and_are_then_fetched_once_each(lab: Lab) -> None:
    lab.simulator.add_fault("charging_invoice", "rate_limited", times=1, after=1, retry_after_s=600)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump(times=3)
    assert len(lab.simulator.calls("charging_invoice")) == 2
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "waiting"
    _later(lab, 610)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert view["vehicles"][0]["invoices"]["failed"] == 0
    assert len(lab.simulator.calls("charging_invoice")) == view["vehicles"][0]["invoices"]["ok"] + 1


@pytest.mark.parametrize("status", [408, 412])
def test_an_invoice_that_meets_a_passing_refusal_is_fetched_later(lab: Lab, status: int) -> None:
    lab.simulator.add_fault("charging_invoice", "status", status=status, times=1)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "waiting"
    _later(lab, QUARTER_H)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert view["vehicles"][0]["invoices"]["failed"] == 0
    assert len(lab.simulator.calls("charging_invoice")) == view["vehicles"][0]["invoices"]["ok"] + 1


@pytest.mark.settings(FETCH_CONCURRENCY=1)
def test_invoices_of_a_region_without_registration_wait_for_it_and_cost_one_call(lab: Lab) -> None:
    lab.simulator.add_fault("charging_invoice", "status", status=412, times=None)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    assert len(lab.simulator.calls("charging_invoice")) == 1
    lab.simulator.clear()
    assert bootstrap.desk().release_region("eu") == 1
    lab.pump()
    assert lab.view(order_id, grant)["vehicles"][0]["invoices"]["failed"] == 0


def test_an_invoice_that_never_comes_wakes_no_car_and_is_given_up_like_any_other_module(lab: Lab) -> None:
    """Its 408 tells nothing of the vehicle."""
    lab.simulator.add_fault("charging_invoice", "status", status=408, times=None)
    order_id, grant = lab.order("charging", wake=True)
    lab.connect(grant)
    lab.call("POST", f"/api/v1/orders/{order_id}/selection", {"vehicles": ["v1"]}, grant=grant)
    lab.pump()
    for _ in range(6):
        _later(lab, 130)
    view = lab.view(order_id, grant)
    assert (view["status"], view["vehicles"][0]["invoices"]["ok"]) == ("completed", 0)
    assert lab.simulator.calls("wake_up") == []


def test_an_invoice_is_fetched_when_the_token_has_been_renewed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    real, busy = AccountSession.call, [RefreshBusy("another worker is refreshing this account")]

    def call(session: AccountSession, name: str, **options: Any) -> Any:
        if name == "charging_invoice" and busy:
            raise busy.pop()
        return real(session, name, **options)

    monkeypatch.setattr(AccountSession, "call", call)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    _later(lab, 130)
    view = lab.view(order_id, grant)
    assert (view["status"], view["vehicles"][0]["invoices"]["failed"]) == ("completed", 0)


def test_invoices_given_up_keep_those_that_are_there(lab: Lab) -> None:
    lab.simulator.add_fault("charging_invoice", "server_error", times=None, after=1)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    assert _post(lab, order_id, grant, "build-now") == 202
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert view["vehicles"][0]["invoices"]["ok"] == 1
    assert view["vehicles"][0]["invoices"]["failed"] > 1


def test_every_call_for_an_invoice_is_counted(lab: Lab) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    counted = _module(lab.view(order_id, grant), "charging_invoices")["calls"]
    assert counted == len(lab.simulator.calls("charging_invoice"))


def _slow(lab: Lab, patch: pytest.MonkeyPatch, leaf: str, seconds: float) -> None:
    """Tesla takes its time over every call whose path holds `leaf`."""
    transport, send = bootstrap.transport(), bootstrap.transport().send

    def slow(method: str, url: str, **options: Any) -> Any:
        if leaf in url:
            lab.clock.sleep(seconds)
        return send(method, url, **options)

    patch.setattr(transport, "send", slow)


@pytest.mark.settings(FETCH_CONCURRENCY=1, HISTORY_PAGE_SIZE=2, WORK_LEASE_S=300)
@pytest.mark.parametrize("leaf", ["charging/invoice", "charging/history"])
def test_no_worker_goes_on_asking_when_its_lease_is_over(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, leaf: str
) -> None:
    """Another would begin at the same place: each call twice, each billed twice."""
    order_id, grant = lab.start("charging", vehicles=("v1",))
    _slow(lab, monkeypatch, leaf, 50)
    longest = 0.0
    for _ in range(40):
        for delivery in lab.deliveries():
            before = lab.clock.now()
            assert lab.deliver(delivery) == 204
            lab.queue.ack(delivery)
            longest = max(longest, (lab.clock.now() - before).total_seconds())
        lab.clock.sleep(70)
        lab.tick()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert view["account_modules"][0]["status"] == "ok"
    assert view["vehicles"][0]["invoices"]["failed"] == 0
    calls = [call.path + str(call.query) for call in lab.simulator.ledger if leaf in call.path]
    assert len(calls) == len(set(calls)) > 6
    assert longest < 300


@pytest.mark.parametrize("module", ["options", "charging_history", "charging_invoice"])
def test_a_wait_beyond_the_deadline_costs_only_what_waits(lab: Lab, module: str) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.clock.sleep(6 * 3600)
    lab.simulator.add_fault(module, "rate_limited", times=None, retry_after_s=86_400)
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "running"
    _later(lab, 20 * 3600 + 60)
    _later(lab, 60)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert _module(view, "warranty")["status"] == "ok"


# One failure loses nothing else


@pytest.mark.parametrize("hurried", [False, True])
def test_a_base_object_that_never_comes_loses_nothing_else(lab: Lab, *, hurried: bool) -> None:
    lab.simulator.add_fault(BASE, "server_error", times=None, status=503)
    order_id, grant = lab.start("complete", vehicles=("v1",))
    lab.pump()
    if hurried:
        assert _post(lab, order_id, grant, "build-now") == 202
        lab.pump()
    for _ in range(0 if hurried else 6):
        _later(lab, 130)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    states = {item["module"]: item["status"] for item in view["vehicles"][0]["modules"]}
    assert states.pop("vehicle") == "failed"
    assert set(states.values()) == {"ok"}
    assert {"warranty", "vehicle_data", "charging_history", "charging_invoices"} <= set(states)


def test_a_vehicle_that_tesla_does_not_know_keeps_its_history(lab: Lab) -> None:
    lab.simulator.add_fault(BASE, "status", status=404)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    view = lab.view(order_id, grant)
    assert _module(view, "charging_history")["status"] == "ok"
    assert view["vehicles"][0]["invoices"]["ok"] > 0
    assert lab.simulator.calls("warranty") == []


def test_a_consent_that_ended_is_no_sleep(lab: Lab) -> None:
    _asleep(lab)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    lab.simulator.revoke(0)
    lab.simulator.advance(30_000)
    _later(lab, 30_000)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert _module(view, "vehicle_data")["reason"] == "login_required"


def test_a_failed_look_wakes_no_vehicle(lab: Lab) -> None:
    lab.simulator.add_fault("vehicle_data", "server_error", times=None, status=503)
    order_id, grant = lab.order("basic", wake=True)
    lab.connect(grant)
    lab.call("POST", f"/api/v1/orders/{order_id}/selection", {"vehicles": ["v1"]}, grant=grant)
    lab.pump()
    lab.simulator.add_fault(BASE, "server_error", times=None, status=503)
    _later(lab, 130)
    vehicle = lab.view(order_id, grant)["vehicles"][0]
    assert (vehicle["status"], vehicle["reason"]) == ("waiting", "server_error")
    assert lab.simulator.calls("wake_up") == []


def test_disconnecting_while_an_order_waits_keeps_what_it_has(lab: Lab) -> None:
    _asleep(lab)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    assert lab.call("POST", "/api/v1/tesla/oauth/disconnect", grant=grant).status == 200
    _later(lab, QUARTER_H)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert _module(view, "warranty")["status"] == "ok"
    assert _module(view, "vehicle_data")["reason"] == "disconnected"


# Every order ends


def test_a_cancel_that_died_half_way_stops_the_work_all_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("complete")
    with monkeypatch.context() as patch:
        patch.setattr(type(bootstrap.desk().finishing), "cancel", _dies)
        with pytest.raises(KeyboardInterrupt):
            _post(lab, order_id, grant, "cancel")
    calls = len(lab.simulator.ledger)
    for _ in range(3):
        _later(lab, 700)
    view = lab.view(order_id, grant)
    assert view["status"] == "cancelled"
    assert view["ended_at"] is not None
    assert {item["status"] for item in view["vehicles"]} == {"cancelled"}
    assert len(lab.simulator.ledger) == calls
    left = [item.key for item in bootstrap.documents().query("due").documents if order_id in item.key]
    assert left == [f"expire.{order_id}"]  # when its retention is over


def test_a_cancel_of_an_order_without_work_that_died_is_finished(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.order("basic")
    with monkeypatch.context() as patch:
        patch.setattr(type(bootstrap.desk().finishing), "cancel", _dies)
        with pytest.raises(KeyboardInterrupt):
            _post(lab, order_id, grant, "cancel")
    _later(lab, 700)
    assert lab.view(order_id, grant)["ended_at"] is not None


def test_cancelling_while_the_order_is_being_finished_is_no_error(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    with bootstrap.desk().book.work(f"finish.{order_id}", order_id):
        assert _post(lab, order_id, grant, "cancel") == 202
    for _ in range(3):
        _later(lab, 700)
    view = lab.view(order_id, grant)
    assert view["status"] == "cancelled"
    assert view["ended_at"] is not None


@pytest.mark.parametrize("stage", ["fetch", "build"])
def test_a_death_between_the_end_of_a_vehicle_and_of_its_order_is_made_good(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The last attempt fails the vehicle; whoever comes next ends the order."""
    order_id, grant = lab.start("basic", vehicles=("v1",))
    worker, step = {
        "fetch": ("vehicle_worker.VehicleWorker", "_advance"),
        "build": ("report_worker.ReportWorker", "_build"),
    }[stage]
    with monkeypatch.context() as patch:
        patch.setattr(f"shared.orders.{worker}.{step}", _broken)
        patch.setattr(type(bootstrap.desk().finishing), "finish", _busy)
        lab.pump()
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "failed"
    for _ in range(3):
        _later(lab, 700)
    assert lab.view(order_id, grant)["status"] == "failed"


def _broken(*_args: Any) -> None:
    raise RuntimeError("a bug")


def _busy(*_args: Any) -> None:
    raise WorkBusy


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        ("shared.orders.schedule.Schedule", "forget"),
        ("shared.accounts.keeper.TokenKeeper", "erase"),
        ("shared.orders.book.OrderBook", "erase"),
        ("shared.orders.erasure.Erasure", "purge"),
        ("shared.accounts.grants.Grants", "forget"),
    ],
)
def test_an_erasure_is_finished_wherever_it_died(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, owner: str, step: str
) -> None:
    _asleep(lab)
    order_id, grant = lab.start("complete")
    lab.pump()
    with monkeypatch.context() as patch:
        patch.setattr(f"{owner}.{step}", _dies)
        with pytest.raises(KeyboardInterrupt):
            lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant)
    for _ in range(2):
        _later(lab, LONGEST_WORK_S + 1)
    tombstone = bootstrap.documents().get("orders", order_id)
    assert tombstone is not None
    assert (tombstone.body["status"], tombstone.body["account"]) == ("erased", "")
    for collection in ("accounts", "order_vehicles", "grants", "due"):
        assert bootstrap.documents().query(collection).documents == []
    assert bootstrap.blobs().list(f"orders/{order_id}/") == []


def test_a_cancel_does_not_call_off_the_purge_of_an_erasure(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner presses both: the order is erased between the cancel's first and last step."""
    order_id, grant = lab.start("basic")
    schedule = type(bootstrap.desk().schedule)
    forget, erased = schedule.forget, list[int]()

    def racing(self: Any, order: str) -> None:
        if not erased:
            erased.append(0)
            erased[0] = lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status
        forget(self, order)

    with monkeypatch.context() as patch:
        patch.setattr(schedule, "forget", racing)
        _post(lab, order_id, grant, "cancel")
    assert erased == [202]
    assert [item.key for item in bootstrap.documents().query("due").documents] == [f"purge.{order_id}"]


# The due list


def test_a_topic_that_takes_nothing_does_not_hold_up_the_others(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    due, bus = bootstrap.due(), bootstrap.events()
    publish: Callable[[Event], str] = bus.publish

    def refusing(event: Event) -> str:
        if event.topic == "fetch-order":
            raise PlatformError("403: no right to publish here")
        return publish(event)

    now = lab.clock.now()
    due.plan("first", now, Event("fetch-order", b"{}"))
    due.plan("second", now, Event("fetch-vehicle", b"{}"))
    with monkeypatch.context() as patch:
        patch.setattr(bus, "publish", refusing)
        lab.clock.sleep(1)
        assert due.publish_due() == 2
    assert [delivery.event.topic for delivery in lab.deliveries()] == ["fetch-vehicle"]


# Rights


def test_no_function_publishes_beyond_its_rights(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of orders that end well, badly, hurried, cancelled and erased, held against the manifest."""
    function, breaches = ["orders"], set[tuple[str, str]]()
    bus, publish, deliver = bootstrap.events(), bootstrap.events().publish, lab.deliver

    def watched(event: Event) -> str:
        if event.topic not in lab.manifest.functions[function[0]].rights.publish:
            breaches.add((function[0], event.topic))
        return publish(event)

    def delivering(delivery: Any) -> int:
        function[0] = lab.manifest.topics()[delivery.event.topic][0]
        try:
            return deliver(delivery)
        finally:
            function[0] = "orders"

    monkeypatch.setattr(bus, "publish", watched)
    monkeypatch.setattr(lab, "deliver", delivering)
    _asleep(lab)
    order_id, grant = lab.start("complete")
    lab.pump()
    assert _post(lab, order_id, grant, "build-now") == 202
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    order_id, grant = lab.start("basic")
    assert _post(lab, order_id, grant, "cancel") == 202
    order_id, grant = lab.start("basic", vehicles=("v1",))
    waiting = bootstrap.desk().schedule.plan_fetch

    def hurried(*args: Any) -> None:
        waiting(*args)
        function[0] = "orders"
        assert _post(lab, order_id, grant, "build-now") == 202
        function[0] = "fetch_vehicle"

    with monkeypatch.context() as patch:
        patch.setattr(type(bootstrap.desk().schedule), "plan_fetch", lambda _self, *args: hurried(*args))
        lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    assert breaches == set()

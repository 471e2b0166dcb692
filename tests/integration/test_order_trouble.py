"""Orders when Tesla or the vehicle does not play along: one documented outcome each, nothing lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from shared.platform.errors import WorkBusy
from tests.lab import Lab

QUARTER_H = 901
DAY = 86_401


def _module(view: Any, name: str, vehicle: int = 0) -> Any:
    return next(item for item in view["vehicles"][vehicle]["modules"] if item["module"] == name)


def _calls(lab: Lab, endpoint: str) -> int:
    return len(lab.simulator.calls(endpoint))


def _sleep(lab: Lab, number: int = 0, state: str = "asleep") -> str:
    vehicle = lab.simulator.accounts[0].vehicles[number]
    vehicle.state = state
    return vehicle.vin


def _later(lab: Lab, seconds: float) -> None:
    lab.clock.sleep(seconds)
    lab.tick()
    lab.pump()


def test_a_sleeping_vehicle_gets_its_report_when_it_wakes(lab: Lab) -> None:
    vin = _sleep(lab)
    order_id, grant = lab.start("complete")
    lab.pump()
    view = lab.view(order_id, grant)
    assert [item["status"] for item in view["vehicles"]] == ["waiting", "ready"]
    assert view["vehicles"][0]["reason"] == "asleep"
    assert view["vehicles"][0]["next_attempt_at"] is not None
    assert _module(view, "warranty")["status"] == "ok"
    assert _module(view, "vehicle_data")["status"] == "pending"
    _later(lab, QUARTER_H)
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "waiting"
    lab.simulator.accounts[0].vehicles[0].state = "online"
    _later(lab, QUARTER_H)
    assert lab.view(order_id, grant)["status"] == "completed"
    assert len(lab.simulator.calls("vehicle_data", vin)) == 1
    assert len(lab.simulator.calls("warranty", vin)) == 1
    assert _calls(lab, "wake_up") == 0


def test_offline_counts_as_asleep(lab: Lab) -> None:
    _sleep(lab, state="offline")
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    assert lab.view(order_id, grant)["vehicles"][0]["reason"] == "asleep"
    assert _calls(lab, "vehicle_data") == 0


def test_after_a_day_the_gap_is_named(lab: Lab) -> None:
    _sleep(lab)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    _later(lab, QUARTER_H)
    _later(lab, DAY)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert (_module(view, "vehicle_data")["status"], _module(view, "vehicle_data")["reason"]) == ("failed", "asleep")
    assert _calls(lab, "vehicle_data") == 0


def test_the_owner_may_have_the_report_now(lab: Lab) -> None:
    _sleep(lab)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    assert lab.call("POST", f"/api/v1/orders/{order_id}/build-now", grant=grant).status == 202
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert _module(view, "vehicle_data")["reason"] == "asleep"


def test_only_an_order_that_allows_it_wakes_the_vehicle_and_once(lab: Lab) -> None:
    vin = _sleep(lab)
    order_id, grant = lab.order("basic", wake=True)
    lab.connect(grant)
    lab.call("POST", f"/api/v1/orders/{order_id}/selection", {"vehicles": ["v1"]}, grant=grant)
    lab.pump()
    _later(lab, 5)
    assert len(lab.simulator.calls("wake_up", vin)) == 1
    lab.simulator.advance(60)
    _later(lab, 60)
    assert lab.view(order_id, grant)["status"] == "completed"
    assert len(lab.simulator.calls("wake_up", vin)) == 1
    assert _module(lab.view(order_id, grant), "wake_up")["price_usd"] == 0.02


def test_falling_asleep_between_two_calls_is_a_deferral(lab: Lab) -> None:
    lab.simulator.add_fault("vehicle_data", "asleep", times=1)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "waiting"
    _later(lab, QUARTER_H)
    assert lab.view(order_id, grant)["status"] == "completed"


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("status", {"status": 403, "body": '{"response":null,"error":"unsupported vehicle"}'}, "forbidden"),
        ("status", {"status": 404}, "not_found"),
        ("status", {"status": 410}, "not_found"),
        ("status", {"status": 422}, "rejected"),
        ("status", {"status": 451}, "rejected"),
        ("null_response", {}, "unreadable"),
    ],
)
def test_a_refused_module_is_named_and_loses_nothing_else(lab: Lab, kind: str, options: Any, reason: str) -> None:
    lab.simulator.add_fault("warranty", kind, times=None, **options)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert _module(view, "warranty")["reason"] == reason
    assert _module(view, "warranty")["detail"]
    assert _calls(lab, "warranty") == 1
    others = {item["status"] for item in view["vehicles"][0]["modules"] if item["module"] != "warranty"}
    assert others == {"ok"}


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("server_error", {"status": 503}, "server_error"),
        ("html", {}, "unreadable"),
        ("truncated", {}, "unreadable"),
        ("empty_body", {}, "unreadable"),
        ("drop", {}, "connection_lost"),
        ("rate_limited", {"retry_after_s": 120}, "rate_limited"),
        ("status", {"status": 540}, "server_error"),
    ],
)
def test_a_failing_module_is_tried_again_and_then_named(lab: Lab, kind: str, options: Any, reason: str) -> None:
    lab.simulator.add_fault("options", kind, times=None, **options)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "waiting"
    for _ in range(6):
        _later(lab, 130)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert (_module(view, "options")["status"], _module(view, "options")["reason"]) == ("failed", reason)
    assert _calls(lab, "warranty") == 1


@pytest.mark.parametrize("kind", ["server_error", "html", "rate_limited", "drop", "truncated"])
def test_a_passing_failure_costs_nothing_but_time(lab: Lab, kind: str) -> None:
    lab.simulator.add_fault("options", kind, times=1)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    for _ in range(3):
        _later(lab, 130)
    view = lab.view(order_id, grant)
    assert _module(view, "options")["status"] == "ok"


def test_a_failing_history_is_tried_again_and_then_named(lab: Lab) -> None:
    lab.simulator.add_fault("charging_history", "server_error", times=None)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    assert lab.view(order_id, grant)["account_modules"][0]["status"] == "pending"
    for _ in range(6):
        _later(lab, 130)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert view["account_modules"][0]["reason"] == "server_error"
    assert _module(view, "charging_history")["reason"] == "server_error"
    assert _module(view, "warranty")["status"] == "ok"


def test_an_unknown_vehicle_is_not_asked_about_any_further(lab: Lab) -> None:
    lab.simulator.add_fault(r"^/api/1/vehicles/[A-Z0-9]+$", "status", status=404)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert {item["reason"] for item in view["vehicles"][0]["modules"]} == {"not_found"}
    assert _calls(lab, "warranty") == 0


def test_a_failed_invoice_is_named_and_the_others_are_there(lab: Lab) -> None:
    lab.simulator.add_fault("charging_invoice", "status", status=404, times=1)
    lab.simulator.add_fault("charging_invoice", "empty_body", times=1)
    lab.simulator.add_fault("charging_invoice", "html", times=1)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    listed = lab.call("GET", f"/api/v1/orders/{order_id}/vehicles/v1/invoices", grant=grant).body["invoices"]
    reasons = Counter(item["reason"] for item in listed if item["status"] == "failed")
    assert reasons == {"not_found": 1, "empty": 1, "not_a_pdf": 1}
    assert sum(item["status"] == "ok" for item in listed) == len(listed) - 3


def test_an_unticked_scope_is_never_called_for(lab: Lab) -> None:
    order_id, grant = lab.start("complete", vehicles=("v1",), untick=("vehicle_charging_cmds",))
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert view["account_modules"][0] == view["account_modules"][0] | {"status": "skipped", "reason": "missing_scope"}
    assert _calls(lab, "charging_history") == 0
    assert _calls(lab, "charging_invoice") == 0


def test_without_the_location_scope_drive_state_is_not_asked_for(lab: Lab) -> None:
    lab.start("basic", vehicles=("v1",))
    lab.pump()
    query = lab.simulator.calls("vehicle_data")[0].query["endpoints"]
    assert "location_data" not in query
    assert "drive_state" not in query


def test_with_the_location_scope_the_position_is_fetched(lab: Lab) -> None:
    lab.start("basic", vehicles=("v1",), location=True)
    lab.pump()
    assert "location_data" in lab.simulator.calls("vehicle_data")[0].query["endpoints"]


def test_an_owner_in_another_region_is_found_there(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",), account=1, region="na")
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    assert {call.host for call in lab.simulator.calls("warranty")} == {"na"}


def test_cancelling_stops_the_work_and_keeps_finished_reports(lab: Lab) -> None:
    _sleep(lab, 0)
    order_id, grant = lab.start("basic")
    lab.pump()
    assert lab.call("POST", f"/api/v1/orders/{order_id}/cancel", grant=grant).status == 202
    calls = len(lab.simulator.ledger)
    for _ in range(3):
        _later(lab, QUARTER_H)
    view = lab.view(order_id, grant)
    assert view["status"] == "cancelled"
    assert [item["status"] for item in view["vehicles"]] == ["cancelled", "ready"]
    fleet = [call for call in lab.simulator.ledger[calls:] if call.host != "auth"]
    assert fleet == []
    assert lab.call("POST", f"/api/v1/orders/{order_id}/cancel", grant=grant).status == 202


def test_revoked_consent_ends_the_order_with_reasons(lab: Lab) -> None:
    _sleep(lab)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    lab.simulator.revoke(0)
    lab.simulator.advance(30_000)
    _later(lab, 30_000)
    for _ in range(5):
        _later(lab, DAY / 4)
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert _module(view, "vehicle_data")["status"] == "failed"


def test_work_that_always_dies_ends_when_its_time_is_over(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that kills its worker each time, without an exception, is given up some time after the deadline."""
    order_id, grant = lab.start("basic", vehicles=("v1",))
    monkeypatch.setattr("shared.orders.report_worker.ReportWorker._build", lambda *_: _raise(WorkBusy()))
    for _ in range(3):
        for delivery in lab.deliveries():
            lab.deliver(delivery)
            lab.queue.ack(delivery)  # the process died with it, and the broker gave it up
    assert lab.view(order_id, grant)["vehicles"][0]["status"] == "building"
    _later(lab, 30 * 3600)
    view = lab.view(order_id, grant)
    assert (view["status"], view["vehicles"][0]["reason"]) == ("failed", "deadline")


def test_a_message_that_fails_every_time_ends_its_vehicle(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("basic")
    monkeypatch.setattr("shared.orders.report_worker.ReportWorker._build", lambda *_: _raise(RuntimeError("a bug")))
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "failed"
    assert {item["reason"] for item in view["vehicles"]} == {"attempts_exhausted"}
    assert len(lab.queue.pull("build-report-dead", limit=10, lease_s=1)) == 2


def test_a_message_past_its_age_is_not_executed_and_a_fresh_one_is(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.clock.sleep(86_401)
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "running"
    assert lab.simulator.calls("vehicle") == []
    lab.tick()
    (fresh,) = [delivery for delivery in lab.deliveries() if delivery.event.topic == "fetch-order"]
    assert fresh.published > lab.clock.now() - timedelta(seconds=10)


def _raise(error: Exception) -> None:
    raise error

"""From an order to its PDFs: the main job, its cost at Tesla, and what redelivery does to both."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from typing import Any

import pytest

from shared import bootstrap
from shared.orders.packages import PACKAGES
from tests.lab import Lab

PER_VEHICLE = ("vehicle", "vehicle_data", "service_data", "recent_alerts", "warranty", "options", "release_notes")


def _calls(lab: Lab) -> Counter[str]:
    """Calls per endpoint, the consent's own left out."""
    consent = ("authorize", "token", "jwks")
    return Counter(call.endpoint for call in lab.simulator.ledger if call.endpoint not in consent)


def _modules(vehicle: Any) -> dict[str, str]:
    return {module["module"]: module["status"] for module in vehicle["modules"]}


def test_an_order_of_two_vehicles_ends_with_two_reports(lab: Lab) -> None:
    order_id, grant = lab.start("complete", location=True)
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert [vehicle["status"] for vehicle in view["vehicles"]] == ["ready", "ready"]
    for vehicle in view["vehicles"]:
        assert set(_modules(vehicle)) >= set(PACKAGES["complete"].modules)
        assert set(_modules(vehicle).values()) == {"ok"}
        assert vehicle["invoices"] == {"ok": vehicle["invoices"]["ok"], "failed": 0}
        assert vehicle["invoices"]["ok"] > 0
        pdf = bootstrap.blobs().get(f"orders/{order_id}/{vehicle['vehicle_id']}/report.pdf")
        assert pdf.startswith(b"%PDF-")
        assert hashlib.sha256(pdf).hexdigest() == vehicle["report"]["sha256"]


def test_tesla_is_asked_for_each_module_once_and_for_the_history_once_per_account(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    lab.pump()
    calls, view = _calls(lab), lab.view(order_id, grant)
    invoices = sum(vehicle["invoices"]["ok"] for vehicle in view["vehicles"])
    expected = Counter(dict.fromkeys((*PER_VEHICLE, "fleet_status", "specs"), 2))
    expected += Counter({"vehicles": 1, "user_region": 1, "charging_history": 1, "charging_invoice": invoices})
    assert calls == expected


def test_the_order_says_what_it_cost_at_tesla(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    lab.pump()
    fleet = [call for call in lab.simulator.ledger if call.host != "auth"]
    tesla = lab.view(order_id, grant)["tesla"]
    assert tesla["calls"] == len(fleet)
    assert tesla["price_usd"] == pytest.approx(sum(call.price_usd for call in fleet), abs=0.0041)


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_fetches_what_it_sells_and_nothing_else(lab: Lab, package: str) -> None:
    lab.start(package, vehicles=("v1",))
    lab.pump()
    calls = _calls(lab)
    assert {name for name in PACKAGES[package].modules if calls[name] != 1} == set()
    assert (calls["charging_history"] == 1) is PACKAGES[package].history
    assert (calls["specs"] == 1) is (package == "complete")
    assert calls["charging_sessions"] == 0


@pytest.mark.parametrize("seed", range(4))
def test_every_event_delivered_twice_and_out_of_order_changes_nothing(lab: Lab, seed: int) -> None:
    order_id, grant = lab.start("complete")
    lab.pump(times=2, shuffle=random.Random(seed))
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    calls = _calls(lab)
    assert max(calls[name] for name in (*PER_VEHICLE, "fleet_status", "specs")) == 2
    assert calls["charging_history"] == 1
    assert calls["charging_invoice"] == sum(vehicle["invoices"]["ok"] for vehicle in view["vehicles"])


def test_late_redeliveries_of_everything_change_nothing(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    seen = []
    for _ in range(20):
        batch = lab.deliveries()
        seen += batch
        for delivery in batch:
            assert lab.deliver(delivery) == 204
            lab.queue.ack(delivery)
    before, calls = lab.view(order_id, grant), len(lab.simulator.ledger)
    for delivery in reversed(seen):
        assert lab.deliver(delivery) == 204
    lab.pump()
    assert lab.view(order_id, grant) == before
    assert len(lab.simulator.ledger) == calls


def test_a_lost_message_is_published_again_from_the_due_list(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    for delivery in lab.deliveries():
        lab.queue.ack(delivery)  # as if the broker had lost it
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "running"
    lab.clock.sleep(61)
    lab.tick()
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"


def test_a_finished_order_leaves_nothing_to_do(lab: Lab) -> None:
    lab.start("basic")
    lab.pump()
    lab.clock.sleep(30 * 86_400)
    lab.tick()
    topics = Counter(delivery.event.topic for delivery in lab.deliveries())
    assert set(topics) <= {"refresh-tokens"}
    lab.pump()


def test_history_window_is_passed_on(lab: Lab) -> None:
    order_id, grant = lab.order("charging", history_from="2026-01-01T00:00:00Z", history_to="2026-06-01T00:00:00Z")
    lab.connect(grant)
    lab.call("POST", f"/api/v1/orders/{order_id}/selection", {"vehicles": ["v1"]}, grant=grant)
    lab.pump()
    query = next(call.query for call in lab.simulator.ledger if call.endpoint == "charging_history")
    assert query["startTime"].startswith("2026-01-01T00:00:00")
    assert query["endTime"].startswith("2026-06-01T00:00:00")


@pytest.mark.settings(HISTORY_PAGE_SIZE=10)
def test_history_is_read_page_by_page(lab: Lab) -> None:
    order_id, grant = lab.start("charging")
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    pages = [call.query["pageNo"] for call in lab.simulator.ledger if call.endpoint == "charging_history"]
    assert pages == ["1", "2", "3"]


def test_each_report_shows_its_own_sessions_only(lab: Lab) -> None:
    from shared.reports.snapshot import Snapshot
    from shared.tesla.charging_pages import split_by_vin

    order_id, _grant = lab.start("complete")
    lab.pump()
    for number in ("v1", "v2"):
        snapshot = Snapshot.decode(bootstrap.blobs().get(f"orders/{order_id}/{number}/snapshot.json"))
        history = snapshot.module("charging_history")
        assert history is not None
        assert set(split_by_vin([bytes(history.body)])) == {snapshot.vin}


def test_the_manifest_lists_every_object_with_its_hash(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    lab.pump()
    reply = lab.call("GET", f"/api/v1/orders/{order_id}/manifest", grant=grant)
    stored = {i.name for i in bootstrap.blobs().list(f"orders/{order_id}/") if "/raw/" not in i.name}
    listed = {item["name"]: item for item in reply.body["objects"]}
    assert set(listed) == stored - {f"orders/{order_id}/manifest.json"}
    for name, item in listed.items():
        assert hashlib.sha256(bootstrap.blobs().get(name)).hexdigest() == item["sha256"]


def test_completion_is_told_to_the_outside(lab: Lab) -> None:
    order_id, _grant = lab.start("basic")
    lab.pump()
    told = lab.queue.pull("order-events", limit=10, lease_s=1)
    assert [delivery.event.attributes["type"] for delivery in told] == ["order.completed"]
    assert told[0].event.attributes["order"] == order_id


def test_a_report_and_its_invoices_can_be_downloaded(lab: Lab) -> None:
    order_id, grant = lab.start("complete", vehicles=("v1",))
    base = f"/api/v1/orders/{order_id}/vehicles/v1"
    assert lab.call("GET", f"{base}/report", grant=grant).body["type"].endswith("/report-not-ready")
    lab.pump()
    report = lab.call("GET", f"{base}/report", grant=grant)
    assert report.status == 200
    assert "signature=" in report.body["url"]
    invoices = lab.call("GET", f"{base}/invoices", grant=grant).body["invoices"]
    assert {item["status"] for item in invoices} == {"ok"}
    assert all("signature=" in item["url"] for item in invoices)

"""The main job over HTTP: an owner's order, from creation to what can be downloaded."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from shared.orders.packages import PACKAGES
from shared.reports.snapshot import Snapshot
from tests.e2e.place import WITHIN_S, Customer, Place, downloaded, pdf_text
from tests.stack.owner import OwnerStuck

pytestmark = pytest.mark.stack


def _report(owner: Customer, vehicle_id: str = "v1") -> Any:
    return owner.call("GET", f"{owner.path}/vehicles/{vehicle_id}/report")


def _snapshot(place: Place, owner: Customer, vehicle_id: str = "v1") -> Snapshot:
    return Snapshot.decode(place.stores.blobs.get(f"orders/{owner.order_id}/{vehicle_id}/snapshot.json"))


def _vehicle_data(place: Place, owner: Customer) -> str:
    module = _snapshot(place, owner).module("vehicle_data")
    assert module is not None
    return bytes(module.body).decode()


def test_two_vehicles_with_location_become_two_reports(place: Place, tmp_path: Path) -> None:
    owner = place.ordered(location=True)
    view = owner.wait(WITHIN_S)
    assert view["status"] == "completed"
    assert [item["status"] for item in view["vehicles"]] == ["ready", "ready"]
    assert {m["status"] for item in view["vehicles"] for m in item["modules"]} == {"ok"}
    assert '"drive_state"' in _vehicle_data(place, owner)
    files = downloaded(owner, tmp_path)
    for vehicle_id, vin in zip(("v1", "v2"), owner.vins, strict=True):
        text = pdf_text(files[f"reports/{vehicle_id}.pdf"])
        assert vin in text
        assert "did not ask for the location" not in text


def test_without_the_location_the_report_says_why(place: Place, tmp_path: Path) -> None:
    owner = place.ordered(vehicles=("v1",), location=False)
    assert owner.wait(WITHIN_S)["status"] == "completed"
    assert '"drive_state"' not in _vehicle_data(place, owner)
    assert "vehicle_location" not in _snapshot(place, owner).granted_scopes
    assert "this order did not ask for the location" in pdf_text(downloaded(owner, tmp_path)["reports/v1.pdf"])


def test_downloads_are_what_the_manifest_lists(place: Place, tmp_path: Path) -> None:
    owner = place.ordered()
    view = owner.wait(WITHIN_S)
    files = downloaded(owner, tmp_path)
    manifest = owner.call("GET", f"{owner.path}/manifest")
    listed = {item["name"].removeprefix(f"orders/{owner.order_id}/"): item for item in manifest["objects"]}
    for vehicle in view["vehicles"]:
        number = vehicle["vehicle_id"]
        digest = hashlib.sha256(files[f"reports/{number}.pdf"]).hexdigest()
        assert digest == listed[f"{number}/report.pdf"]["sha256"] == vehicle["report"]["sha256"]
    invoices = [name for name in listed if "/invoices/" in name]
    assert len(invoices) == sum(vehicle["invoices"]["ok"] for vehicle in view["vehicles"]) > 0
    for name in invoices:
        number, _, file_name = name.partition("/invoices/")
        digest = hashlib.sha256(files[f"invoices/{number}/{file_name}"]).hexdigest()
        assert digest == listed[name]["sha256"]


def test_a_download_url_opens_one_object_only(place: Place) -> None:
    owner = place.ordered("basic", vehicles=("v1",))
    owner.wait(WITHIN_S)
    url = _report(owner)["url"]
    reply = requests.get(url, timeout=WITHIN_S)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/pdf")
    assert requests.get(url.replace("report.pdf", "other.pdf"), timeout=WITHIN_S).status_code in {403, 404}
    if place.stack.config.backend == "embedded":  # the local Cloud Storage server checks no signatures
        last = "0" if url[-1] != "0" else "1"
        for tampered in (url[:-1] + last, url.replace("report.pdf", "snapshot.json"), url.partition("?")[0]):
            assert requests.get(tampered, timeout=WITHIN_S).status_code == 403


def test_two_owners_never_see_each_others_data(place: Place, tmp_path: Path) -> None:
    first, second = place.ordered("charging"), place.ordered("charging")
    for owner, other in ((first, second), (second, first)):
        owner.wait(WITHIN_S)
        files = downloaded(owner, tmp_path / owner.order_id)
        snapshots = [_snapshot(place, owner, number).encode() for number in ("v1", "v2")]
        raw = b"".join([*files.values(), *snapshots])
        words = "".join(pdf_text(data) for name, data in files.items() if name.startswith("reports/"))
        assert all(vin.encode() in b"".join(snapshots) and vin in words for vin in owner.vins)
        assert not any(vin.encode() in raw or vin in words for vin in other.vins)
    paths = ("", "/vehicles", "/manifest", "/vehicles/v1/report", "/vehicles/v1/invoices")
    for path in paths:
        with pytest.raises(OwnerStuck, match=" answered 404: "):
            first.call("GET", f"{second.path}{path}")


def test_tesla_is_asked_for_nothing_twice(place: Place) -> None:
    owner = place.ordered()
    view = owner.wait(WITHIN_S)
    calls = Counter(call.endpoint for call in place.calls(owner))
    expected = Counter(dict.fromkeys(PACKAGES["complete"].modules, 2))
    expected += Counter({"vehicles": 1, "user_region": 1, "charging_history": 1})
    expected["charging_invoice"] = sum(vehicle["invoices"]["ok"] for vehicle in view["vehicles"])
    assert calls == expected
    assert place.repeated(owner) == []
    price = sum(call.price_usd for call in place.calls(owner))
    assert view["tesla"] == {"calls": sum(calls.values()), "price_usd": pytest.approx(price, abs=0.0041)}

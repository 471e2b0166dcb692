"""All invoices of a vehicle in one download, and many links at once."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
import zipfile
from typing import Any

import msgspec
import pytest

from shared import bootstrap
from shared.orders.model import OrderVehicle
from tests.lab import Lab, Reply


def _zip(lab: Lab, order_id: str, grant: str) -> Reply:
    return lab.call("GET", f"/api/v1/orders/{order_id}/vehicles/v1/invoices.zip", grant=grant)


def _kind(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body["type"].rsplit("/", 1)[-1]


def _invoices(lab: Lab, order_id: str, grant: str) -> list[Any]:
    listed: list[Any] = lab.call("GET", f"/api/v1/orders/{order_id}/vehicles/v1/invoices", grant=grant).body[
        "invoices"
    ]
    return listed


def _name(order_id: str) -> str:
    return f"orders/{order_id}/v1/invoices.zip"


def _files(order_id: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bootstrap.blobs().get(_name(order_id)))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _listed(lab: Lab, order_id: str, grant: str) -> dict[str, str]:
    manifest = lab.call("GET", f"/api/v1/orders/{order_id}/manifest", grant=grant).body
    return {item["name"]: item["sha256"] for item in manifest["objects"]}


def _forget(order_id: str) -> None:
    """As if the ZIP had never been made."""
    bootstrap.blobs().delete(_name(order_id))

    def change(vehicle: OrderVehicle) -> OrderVehicle:
        return msgspec.structs.replace(vehicle, archive=None)

    bootstrap.desk().book.note_files(order_id, "v1", change)


def test_all_invoices_come_in_one_file(lab: Lab) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    reply = _zip(lab, order_id, grant)
    assert reply.status == 200
    data = bootstrap.blobs().get(_name(order_id))
    assert (reply.body["sha256"], reply.body["size_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert "signature=" in reply.body["url"]
    files = _files(order_id)
    index = list(csv.DictReader(io.StringIO(files.pop("index.csv").decode(), newline="")))
    invoices = _invoices(lab, order_id, grant)
    assert {name: hashlib.sha256(body).hexdigest() for name, body in files.items()} == {
        item["file_name"]: item["sha256"] for item in invoices
    }
    assert {(row["content_id"], row["status"]) for row in index} == {(i["content_id"], "ok") for i in invoices}
    assert list(files) == sorted(files)


def test_failed_invoices_are_named_in_the_index(lab: Lab) -> None:
    lab.simulator.add_fault("charging_invoice", "status", status=404, times=1)
    lab.simulator.add_fault("charging_invoice", "empty_body", times=1)
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    files = _files(order_id)
    rows = csv.DictReader(io.StringIO(files.pop("index.csv").decode(), newline=""))
    failed = {row["content_id"]: row["reason"] for row in rows if row["status"] == "failed"}
    told = {item["content_id"]: item["reason"] for item in _invoices(lab, order_id, grant) if item["reason"]}
    assert failed == told
    assert len(failed) == 2
    assert len(files) == len(_invoices(lab, order_id, grant)) - 2


def test_it_is_made_once_and_listed_in_the_manifest(lab: Lab) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump(times=2)
    before = bootstrap.blobs().stat(_name(order_id))
    assert before is not None
    first, second = _zip(lab, order_id, grant), _zip(lab, order_id, grant)
    assert bootstrap.blobs().stat(_name(order_id)) == before
    assert first.body["sha256"] == second.body["sha256"] == _listed(lab, order_id, grant)[_name(order_id)]


def test_a_missing_one_is_made_when_it_is_asked_for_with_the_same_bytes(lab: Lab) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    sha256 = _zip(lab, order_id, grant).body["sha256"]
    _forget(order_id)
    assert _zip(lab, order_id, grant).body["sha256"] == sha256
    assert hashlib.sha256(bootstrap.blobs().get(_name(order_id))).hexdigest() == sha256


def test_one_made_anew_after_an_invoice_was_lost_is_in_the_manifest_too(lab: Lab) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    before, lost = _zip(lab, order_id, grant).body["sha256"], _invoices(lab, order_id, grant)[0]
    bootstrap.blobs().delete(f"orders/{order_id}/v1/invoices/{lost['file_name']}")
    _forget(order_id)
    after = _zip(lab, order_id, grant).body["sha256"]
    assert after != before
    assert _listed(lab, order_id, grant)[_name(order_id)] == after
    rows = csv.DictReader(io.StringIO(_files(order_id)["index.csv"].decode(), newline=""))
    assert [row["reason"] for row in rows if row["content_id"] == lost["content_id"]] == ["missing"]


def test_one_made_while_the_manifest_is_written_is_tried_again(lab: Lab) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    _forget(order_id)
    with bootstrap.desk().book.work(f"finish.{order_id}", order_id):
        reply = _zip(lab, order_id, grant)
        assert _kind(reply) == (503, "order-busy")
        assert "Retry-After" in reply.headers
    assert _zip(lab, order_id, grant).status == 200


def test_there_is_none_before_the_data_nor_without_invoices(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    assert _kind(_zip(lab, order_id, grant)) == (409, "report-not-ready")
    lab.pump()
    assert _kind(_zip(lab, order_id, grant)) == (409, "no-invoices")
    assert bootstrap.blobs().stat(_name(order_id)) is None


def test_there_is_none_for_a_vehicle_that_never_got_its_data(lab: Lab) -> None:
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.call("POST", f"/api/v1/orders/{order_id}/cancel", grant=grant)
    lab.pump()
    assert _kind(_zip(lab, order_id, grant)) == (409, "report-failed")


def test_links_are_signed_side_by_side(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second signature waits until a third one has begun."""
    order_id, grant = lab.start("charging", vehicles=("v1",))
    lab.pump()
    sign, third, lock, begun = bootstrap.blobs().signed_url, threading.Event(), threading.Lock(), list[str]()

    def waiting(name: str, **options: Any) -> str:
        with lock:
            begun.append(name)
            number = len(begun)
        if number == 3:
            third.set()
        assert number != 2 or third.wait(20)
        return sign(name, **options)

    monkeypatch.setattr(bootstrap.blobs(), "signed_url", waiting)
    invoices = _invoices(lab, order_id, grant)
    assert len(invoices) == len(begun) >= 3
    assert all(item["file_name"] in item["url"] for item in invoices)

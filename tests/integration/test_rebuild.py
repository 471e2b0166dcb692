"""Rebuilding a report: from what is stored, as often as asked, whatever dies, and never with a call to Tesla."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import pytest

from shared import bootstrap
from shared.orders.erasure import LONGEST_WORK_S
from tests.lab import Lab, Reply

DAY_S = 86_400
BUILD = "build-report"


def _done(lab: Lab, package: str = "charging") -> tuple[str, str]:
    order_id, grant = lab.start(package, vehicles=("v1",))
    lab.pump()
    return order_id, grant


def _rebuild(lab: Lab, order_id: str, grant: str, vehicle_id: str = "v1") -> Reply:
    return lab.call("POST", f"/api/v1/orders/{order_id}/vehicles/{vehicle_id}/rebuild", grant=grant)


def _kind(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body["type"].rsplit("/", 1)[-1]


def _vehicle(lab: Lab, order_id: str, grant: str) -> Any:
    return lab.view(order_id, grant)["vehicles"][0]


def _manifest(lab: Lab, order_id: str, grant: str) -> Any:
    return lab.call("GET", f"/api/v1/orders/{order_id}/manifest", grant=grant).body


def _stored(order_id: str) -> str:
    return hashlib.sha256(bootstrap.blobs().get(f"orders/{order_id}/v1/report.pdf")).hexdigest()


def _verify(lab: Lab, order_id: str, sha256: str) -> Any:
    return lab.call("GET", f"/api/v1/reports/{order_id}.v1/verify?sha256={sha256}").body


def _newer_renderer(monkeypatch: pytest.MonkeyPatch, version: str = "9") -> None:
    """As after a release whose reports have other bytes."""
    monkeypatch.setattr("shared.reports.build.RENDERER_VERSION", version)


def _consistent(lab: Lab, order_id: str, grant: str) -> None:
    """Order, manifest, verification and store all tell of the same PDF."""
    vehicle, manifest, stored = _vehicle(lab, order_id, grant), _manifest(lab, order_id, grant), _stored(order_id)
    assert (vehicle["status"], vehicle["report"]["sha256"]) == ("ready", stored)
    listed = {item["name"]: item["sha256"] for item in manifest["objects"]}
    assert listed[f"orders/{order_id}/v1/report.pdf"] == stored
    present = {item["vehicle_id"]: item["sha256"] for item in manifest["reports"] if item["state"] == "present"}
    assert present["v1"] == stored
    assert _verify(lab, order_id, stored)["verdict"] == "genuine"
    for item in manifest["objects"]:
        assert hashlib.sha256(bootstrap.blobs().get(item["name"])).hexdigest() == item["sha256"], item["name"]


def test_a_rebuild_asks_tesla_for_nothing_and_gives_the_same_bytes(lab: Lab) -> None:
    order_id, grant = _done(lab, "complete")
    before, calls, ended = _stored(order_id), len(lab.simulator.ledger), lab.view(order_id, grant)["ended_at"]
    reply = _rebuild(lab, order_id, grant)
    assert reply.status == 202
    assert reply.body["vehicles"][0]["status"] == "building"
    assert reply.body["vehicles"][0]["report"]["sha256"] == before  # still there, still good
    lab.pump()
    assert len(lab.simulator.ledger) == calls
    assert _stored(order_id) == before
    vehicle = _vehicle(lab, order_id, grant)
    assert (vehicle["status"], vehicle["rebuilds"], vehicle["reason"]) == ("ready", 1, None)
    view = lab.view(order_id, grant)
    assert (view["status"], view["ended_at"]) == ("completed", ended)
    assert [item["state"] for item in _manifest(lab, order_id, grant)["reports"]] == ["present"]
    _consistent(lab, order_id, grant)


def test_a_newer_renderer_replaces_the_report_and_the_old_digest_is_kept(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, grant = _done(lab)
    hashes = [_stored(order_id)]
    calls, written = len(lab.simulator.ledger), _manifest(lab, order_id, grant)["written_at"]
    for version in ("8", "9"):
        _newer_renderer(monkeypatch, version)
        lab.clock.sleep(60)
        assert _rebuild(lab, order_id, grant).status == 202
        lab.pump()
        hashes.append(_stored(order_id))
    assert len(set(hashes)) == 3
    assert len(lab.simulator.ledger) == calls
    _consistent(lab, order_id, grant)
    reports = _manifest(lab, order_id, grant)["reports"]
    assert [(item["state"], item["sha256"]) for item in reports] == [
        ("present", hashes[2]),
        ("replaced", hashes[1]),
        ("replaced", hashes[0]),
    ]
    assert _manifest(lab, order_id, grant)["written_at"] > written
    for earlier in hashes[:2]:
        found = _verify(lab, order_id, earlier)
        assert found["verdict"] == "replaced"
        assert found["issued_at"] < found["built_at"]
    page = lab.call(
        "GET", f"/api/v1/reports/{order_id}.v1/verify?sha256={hashes[0]}", headers={"Accept": "text/html"}
    )
    assert "Replaced by a newer file" in page.text


def test_going_back_to_an_older_renderer_makes_its_file_genuine_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, grant = _done(lab)
    first = _stored(order_id)
    with monkeypatch.context() as patch:
        _newer_renderer(patch)
        _rebuild(lab, order_id, grant)
        lab.pump()
        second = _stored(order_id)
    _rebuild(lab, order_id, grant)
    lab.pump()
    assert _stored(order_id) == first != second
    assert _verify(lab, order_id, first)["verdict"] == "genuine"
    assert [item["sha256"] for item in _manifest(lab, order_id, grant)["reports"]] == [first, second]


@pytest.mark.parametrize("seed", range(3))
def test_repeated_wishes_delivered_many_times_are_one_rebuild(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    order_id, grant = lab.start("charging")
    lab.pump()
    _newer_renderer(monkeypatch)
    for vehicle_id in ("v1", "v2", "v1", "v1", "v2"):
        assert _rebuild(lab, order_id, grant, vehicle_id).status == 202
    lab.pump(times=3, shuffle=random.Random(seed))
    view = lab.view(order_id, grant)
    assert [(item["status"], item["rebuilds"]) for item in view["vehicles"]] == [("ready", 1), ("ready", 1)]
    states = [item["state"] for item in _manifest(lab, order_id, grant)["reports"]]
    assert states == ["present", "replaced"] * 2
    _consistent(lab, order_id, grant)


def test_every_old_message_again_rebuilds_nothing(lab: Lab) -> None:
    order_id, grant = _done(lab)
    _rebuild(lab, order_id, grant)
    seen = lab.deliveries()
    for delivery in seen:
        assert lab.deliver(delivery) == 204
    before = lab.view(order_id, grant)
    for delivery in seen:
        assert lab.deliver(delivery) == 204
    lab.pump()
    assert lab.view(order_id, grant) == before


def test_two_workers_at_once_leave_one_report(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second delivery comes while the first is about to store: it is told to come again."""
    order_id, grant = _done(lab)
    _newer_renderer(monkeypatch)
    _rebuild(lab, order_id, grant)
    (delivery,) = [item for item in lab.deliveries() if item.event.topic == BUILD]
    put, answers = bootstrap.blobs().put, list[int]()

    def racing(name: str, data: bytes, **options: Any) -> Any:
        if name.endswith("report.pdf") and not answers:
            answers.append(lab.deliver(delivery))
        return put(name, data, **options)

    monkeypatch.setattr(bootstrap.blobs(), "put", racing)
    assert lab.deliver(delivery) == 204
    assert answers == [503]
    lab.pump()
    _consistent(lab, order_id, grant)
    assert _vehicle(lab, order_id, grant)["rebuilds"] == 1


def test_a_wish_that_comes_while_the_last_one_ends_is_not_lost(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = _done(lab)
    _rebuild(lab, order_id, grant)
    schedule = bootstrap.desk().schedule
    done, wishes = schedule.build_done, list[int]()

    def racing(order: str, vehicle_id: str) -> None:
        if not wishes:
            wishes.append(_rebuild(lab, order_id, grant).status)
            for delivery in lab.deliveries():
                lab.queue.ack(delivery)  # its message is lost
        done(order, vehicle_id)

    with monkeypatch.context() as patch:
        patch.setattr(type(schedule), "build_done", lambda _self, *ids: racing(*ids))
        lab.pump()
    assert wishes == [202]
    assert _vehicle(lab, order_id, grant)["status"] == "building"
    lab.clock.sleep(61)
    lab.tick()
    lab.pump()
    assert (_vehicle(lab, order_id, grant)["status"], _vehicle(lab, order_id, grant)["rebuilds"]) == ("ready", 2)


@pytest.mark.parametrize("moment", ["v1/report.pdf", "manifest.json"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rebuild_that_died_is_repeated_and_any_file_in_between_is_genuine(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, moment: str, when: str
) -> None:
    order_id, grant = _done(lab)
    _newer_renderer(monkeypatch)
    _rebuild(lab, order_id, grant)
    put, died = bootstrap.blobs().put, list[str]()

    def dying(name: str, data: bytes, **options: Any) -> Any:
        if not name.endswith(moment) or died:
            return put(name, data, **options)
        died.append(name)
        if when == "after":
            put(name, data, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap.blobs(), "put", dying)
    with pytest.raises(KeyboardInterrupt):
        lab.pump()
    assert _verify(lab, order_id, _stored(order_id))["verdict"] == "genuine"
    offered = lab.call("GET", f"/api/v1/orders/{order_id}/vehicles/v1/report", grant=grant).body
    assert offered["sha256"] == _stored(order_id)
    assert _vehicle(lab, order_id, grant)["status"] == "building"
    lab.clock.sleep(700)
    lab.tick()
    lab.pump()
    _consistent(lab, order_id, grant)
    assert len(_manifest(lab, order_id, grant)["reports"]) == 2


def test_a_lost_message_is_published_again(lab: Lab) -> None:
    order_id, grant = _done(lab)
    _rebuild(lab, order_id, grant)
    for delivery in lab.deliveries():
        lab.queue.ack(delivery)
    lab.pump()
    assert _vehicle(lab, order_id, grant)["status"] == "building"
    lab.clock.sleep(61)
    lab.tick()
    lab.pump()
    assert _vehicle(lab, order_id, grant)["status"] == "ready"


def test_a_rebuild_that_always_fails_leaves_the_report_that_was_there(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, grant = _done(lab)
    before = _stored(order_id)
    with monkeypatch.context() as patch:
        patch.setattr("shared.reports.build.lay_out", _broken)
        _rebuild(lab, order_id, grant)
        lab.pump()
    vehicle = _vehicle(lab, order_id, grant)
    assert (vehicle["status"], vehicle["reason"], vehicle["rebuilds"]) == ("ready", "rebuild_failed", 0)
    assert _stored(order_id) == before
    _consistent(lab, order_id, grant)
    _rebuild(lab, order_id, grant)
    lab.pump()
    assert (_vehicle(lab, order_id, grant)["reason"], _vehicle(lab, order_id, grant)["rebuilds"]) == (None, 1)


def test_a_rebuild_that_fails_after_the_file_was_replaced_ends_with_that_file(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, grant = _done(lab)
    before = _stored(order_id)
    _newer_renderer(monkeypatch)
    _rebuild(lab, order_id, grant)
    with monkeypatch.context() as patch:
        patch.setattr("shared.orders.rebuilding._placed", _dies)
        with pytest.raises(KeyboardInterrupt):
            lab.pump()
    lab.clock.sleep(700)  # the dead worker's lease is over
    with monkeypatch.context() as patch:
        patch.setattr("shared.orders.rebuilding.Rebuilding.run", _broken)
        lab.tick()
        lab.pump()
    vehicle = _vehicle(lab, order_id, grant)
    assert (vehicle["reason"], vehicle["rebuilds"]) == ("rebuild_failed", 0)
    assert _stored(order_id) != before
    _consistent(lab, order_id, grant)


def test_only_a_ready_vehicle_can_be_rebuilt(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    assert _kind(_rebuild(lab, order_id, grant)) == (409, "report-not-ready")
    assert _rebuild(lab, order_id, grant, "v2").status == 404  # of the account, not of the order
    assert _rebuild(lab, order_id, grant, "v9").status == 404
    with monkeypatch.context() as patch:
        patch.setattr("shared.reports.build.lay_out", _broken)
        lab.pump()
    assert _kind(_rebuild(lab, order_id, grant)) == (409, "report-failed")


def test_a_ready_vehicle_is_rebuilt_before_its_order_has_ended(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.simulator.accounts[0].vehicles[1].state = "asleep"
    order_id, grant = lab.start("basic")
    lab.pump()
    _newer_renderer(monkeypatch)
    assert _rebuild(lab, order_id, grant).status == 202
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "running"
    assert lab.call("POST", f"/api/v1/orders/{order_id}/build-now", grant=grant).status == 202
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    _consistent(lab, order_id, grant)


def test_a_finished_report_of_a_cancelled_order_is_rebuilt_long_after(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.simulator.accounts[0].vehicles[1].state = "asleep"
    order_id, grant = lab.start("basic")
    lab.pump()
    assert lab.call("POST", f"/api/v1/orders/{order_id}/cancel", grant=grant).status == 202
    lab.pump()
    lab.clock.sleep(30 * DAY_S)
    before = _stored(order_id)
    _newer_renderer(monkeypatch)
    assert _rebuild(lab, order_id, grant).status == 202
    lab.pump()
    assert _stored(order_id) != before
    assert lab.view(order_id, grant)["status"] == "cancelled"
    _consistent(lab, order_id, grant)


def test_a_rebuild_needs_no_account(lab: Lab) -> None:
    order_id, grant = _done(lab)
    assert lab.call("POST", "/api/v1/tesla/oauth/disconnect", grant=grant).status == 200
    _rebuild(lab, order_id, grant)
    lab.pump()
    assert (_vehicle(lab, order_id, grant)["status"], _vehicle(lab, order_id, grant)["rebuilds"]) == ("ready", 1)


@pytest.mark.parametrize("moment", ["v1/report.pdf", "manifest.json"])
def test_an_erasure_in_the_middle_of_a_rebuild_leaves_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    order_id, grant = _done(lab)
    _newer_renderer(monkeypatch)
    _rebuild(lab, order_id, grant)
    put, erased = bootstrap.blobs().put, list[int]()

    def racing(name: str, data: bytes, **options: Any) -> Any:
        if name.endswith(moment) and not erased:
            erased.append(lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status)
        return put(name, data, **options)

    monkeypatch.setattr(bootstrap.blobs(), "put", racing)
    lab.pump()
    assert erased == [202]
    lab.clock.sleep(LONGEST_WORK_S + 1)
    lab.tick()
    lab.pump()
    assert bootstrap.blobs().list(f"orders/{order_id}/") == []
    for collection in ("order_vehicles", "claims", "due"):
        assert [d.key for d in bootstrap.documents().query(collection).documents if order_id in d.key] == []


def _broken(*_args: Any) -> None:
    raise RuntimeError("a bug")


def _dies(*_args: Any) -> None:
    raise KeyboardInterrupt

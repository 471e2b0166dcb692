"""Dispatches by hand, lists, files and rights, through the HTTP API; time moves on request."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask
import pypdfium2
import pytest

from shared import bootstrap
from shared.api.tables import every_route
from shared.edge.guard import Guard
from shared.edge.routes import Auth, Route
from shared.energy.dispatch.records import Stage
from tests.integration.dispatch_calls import DISPATCHES, SIGNALS, STOP, begun, body, end, few_sites, send, shown
from tests.integration.dispatch_place import Place, running_place
from tests.integration.energy_api import kind, operator
from tests.lab import ROOT, Reply
from tests.simulator import Simulator

IDENTIFY = Guard.identify
OTHER_SCRIPTS = Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf")


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a few sites."""
    with few_sites() as simulator:
        yield simulator


@pytest.fixture
def place(tesla: Simulator, tmp_path: Path) -> Iterator[Place]:
    with running_place(tesla, tmp_path) as found:
        yield found


def fetched(name: str, below: str) -> tuple[bytes, str]:
    """A file of a dispatch, and its content type."""
    target = f"{DISPATCHES}/{name}/{below}"
    with flask.Flask("files").test_request_context(target, headers={"Authorization": "Bearer operator"}):
        request: flask.Request = flask.globals.request_ctx.request
        response = bootstrap.http_app("energy", ROOT / "functions" / "energy")(request)
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith(f'attachment; filename="{name}')
    return response.get_data(), response.content_type


# By hand


def test_a_dry_run_shows_the_plan_and_keeps_nothing(place: Place) -> None:
    reply = operator(place.lab, "POST", DISPATCHES, {"target_kw": 3, "minutes": 30, "dry_run": True})
    assert (reply.status, reply.body["dry_run"], reply.body["verdict"]) == (200, True, "accepted")
    assert reply.body["plan"]["calls"] > 0
    assert operator(place.lab, "GET", DISPATCHES).body["dispatches"] == []
    assert place.work_off() == 0


def test_nothing_is_created_where_nothing_can_be_dispatched(place: Place) -> None:
    past = (place.now - timedelta(hours=2)).isoformat()
    late = operator(place.lab, "POST", DISPATCHES, {"target_kw": 3, "minutes": 30, "start": past})
    assert (late.status, late.body["verdict"]) == (200, "expired")
    place.forward(1_500)  # no reading is fresh
    refused = operator(place.lab, "POST", DISPATCHES, {"target_kw": 3, "minutes": 30})
    assert (refused.status, refused.body["verdict"]) == (200, "refused")
    assert operator(place.lab, "GET", DISPATCHES).body["dispatches"] == []


def test_nothing_is_created_while_dispatch_is_switched_off(tesla: Simulator, tmp_path: Path) -> None:
    with running_place(tesla, tmp_path, environ={"DISPATCH_ENABLED": "false"}) as place:
        reply = operator(place.lab, "POST", DISPATCHES, {"target_kw": 3, "minutes": 30})
        assert (reply.status, reply.body["verdict"]) == (200, "disabled")
        assert operator(place.lab, "GET", DISPATCHES).body["dispatches"] == []


def test_a_dispatch_by_hand_begins_now_and_is_cancelled(place: Place) -> None:
    reply = operator(place.lab, "POST", DISPATCHES, {"target_kw": 500, "minutes": 30, "programme": "drill"})
    assert (reply.status, reply.body["verdict"]) == (201, "less")
    name = reply.body["dispatch"]
    place.work_off()
    assert len(place.changed()) > 2
    ended = operator(place.lab, "POST", f"{DISPATCHES}/{name}/cancel", {"reason": "enough"})
    assert (ended.status, ended.body["stop"]["reason"]) == (202, "enough")
    assert ended.body["stop"]["actor"] == "pusher@lab.example"
    place.work_off()
    assert place.changed() == []
    assert shown(place, name)["event"]["state"] == "cancelled"
    again = operator(place.lab, "POST", f"{DISPATCHES}/{name}/cancel", {"reason": "more than enough"})
    assert (again.status, again.body["stop"]["reason"]) == (202, "enough")


def test_an_idempotency_key_dispatches_once(place: Place) -> None:
    def create(minutes: int) -> Reply:
        headers = {"Authorization": "Bearer operator", "Idempotency-Key": "0b51ba5b-95c2-4a24-9c1a-b3c1f1a7e2f4"}
        return place.lab.call("POST", DISPATCHES, {"target_kw": 5, "minutes": minutes}, headers=headers)

    first = create(30)
    assert create(30).body == first.body
    assert kind(create(31)) == (422, "idempotency-mismatch")
    assert len(operator(place.lab, "GET", DISPATCHES).body["dispatches"]) == 1


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"target_kw": 0},
        {"target_kw": 5, "minutes": 4},
        {"target_kw": 5, "minutes": 1441},
        {"target_kw": 5, "id": "mine"},
        {"target_kw": 5, "start": "9999-12-31T23:59:59Z"},
    ],
    ids=str,
)
def test_a_dispatch_by_hand_of_the_wrong_form_is_refused(place: Place, sent: dict[str, Any]) -> None:
    assert kind(operator(place.lab, "POST", DISPATCHES, sent)) == (400, "invalid-body")


def test_stop_ends_everything(place: Place) -> None:
    send(place, body(place, "one", target_kw=4.0))
    begun(place, name="two", target_kw=4.0)
    assert place.changed()
    reply = operator(place.lab, "POST", STOP, {"reason": "drill"})
    assert (reply.status, sorted(reply.body["cancelled"])) == (202, ["one", "two"])
    place.work_off()
    assert place.changed() == []
    found = operator(place.lab, "GET", DISPATCHES).body["dispatches"]
    assert {(one["state"], one["stop"]["reason"]) for one in found} == {("cancelled", "drill")}


# Lists and files


def test_dispatches_are_listed_the_latest_first_and_page_by_page(place: Place) -> None:
    for number in range(3):
        send(place, body(place, f"e{number}", target_kw=1.0))
        place.forward(1)
    send(place, {**body(place, "e1"), "modification": 1, "kind": "cancel"})
    place.work_off()
    listed = operator(place.lab, "GET", DISPATCHES).body
    assert ([one["dispatch_id"] for one in listed["dispatches"]], listed["next_cursor"]) == (["e2", "e1", "e0"], None)
    live = operator(place.lab, "GET", f"{DISPATCHES}?live=true").body["dispatches"]
    assert [one["dispatch_id"] for one in live] == ["e2", "e0"]
    first = operator(place.lab, "GET", f"{DISPATCHES}?limit=2").body
    assert [one["dispatch_id"] for one in first["dispatches"]] == ["e2", "e1"]
    rest = operator(place.lab, "GET", f"{DISPATCHES}?limit=2&cursor={first['next_cursor']}").body
    assert ([one["dispatch_id"] for one in rest["dispatches"]], rest["next_cursor"]) == (["e0"], None)
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}?cursor=e9")) == (400, "cursor-invalid")
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}?limit=0")) == (400, "invalid-query")


def test_sites_and_audit_come_in_pages_that_add_up_to_the_whole(place: Place) -> None:
    begun(place, target_kw=500.0)
    for below, rows in (("sites", "sites"), ("audit", "entries")):
        whole = shown(place, below=f"/{below}")
        pages, cursor = [], ""
        for _ in range(len(whole[rows])):
            found = shown(place, below=f"/{below}?limit=3&cursor={cursor}")
            pages += found[rows]
            cursor = found["next_cursor"]
            if cursor is None:
                break
            assert len(found[rows]) == 3
        assert pages == whole[rows]
        assert whole["next_cursor"] is None
        path = f"{DISPATCHES}/event/{below}"
        assert kind(operator(place.lab, "GET", f"{path}?cursor=none-such")) == (400, "cursor-invalid")
        assert kind(operator(place.lab, "GET", f"{path}?limit=1001")) == (400, "invalid-query")


def test_the_files_of_an_event(place: Place, tmp_path: Path) -> None:
    begun(place, target_kw=30.0, strategy="export", programme="evening peak")
    end(place)
    text, content_type = fetched("event", "sites.csv")
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    assert content_type.startswith("text/csv")
    ran = [record for record in place.records() if record.stage is not Stage.BENCH]
    assert sorted(row["energy_site_id"] for row in rows) == sorted(record.energy_site_id for record in ran)
    assert {row["restoration"] for row in rows} <= {"restored", "nothing_changed"}
    text, _ = fetched("event", "intervals.csv")
    intervals = list(csv.DictReader(io.StringIO(text.decode())))
    delivered = shown(place)["settlement"]["delivered_kwh"]
    assert sum(float(row["kwh"]) for row in intervals) == pytest.approx(delivered, abs=0.02)
    assert {row["target_kw"] for row in intervals} == {"30.000"}
    pdf, content_type = fetched("event", "report.pdf")
    assert (content_type, pdf[:5]) == ("application/pdf", b"%PDF-")
    file = tmp_path / "event.pdf"
    file.write_bytes(pdf)
    for tool in (["qpdf", "--check"], ["pdfinfo"]):
        if shutil.which(tool[0]):
            found = subprocess.run([*tool, file], capture_output=True, text=True, check=False)
            assert (found.returncode, found.stderr) == (0, ""), found


def test_files_can_be_had_before_anything_has_happened(place: Place) -> None:
    send(place, body(place))
    assert fetched("event", "report.pdf")[0].startswith(b"%PDF-")
    assert fetched("event", "sites.csv")[0].count(b"\n") == 1
    assert fetched("event", "intervals.csv")[0].count(b"\n") == 1


def test_the_report_is_written_with_the_fonts_that_are_installed(tesla: Simulator, tmp_path: Path) -> None:
    if not OTHER_SCRIPTS.is_file():
        pytest.skip("no font of other scripts is installed")
    fonts = {"REPORT_FALLBACK_FONTS": f"{tmp_path / 'none.ttf'},{OTHER_SCRIPTS}"}
    with running_place(tesla, tmp_path, environ=fonts) as place:
        send(place, body(place, programme="東京"))
        document = pypdfium2.PdfDocument(fetched("event", "report.pdf")[0])
        try:
            assert "東京" in " ".join(page.get_textpage().get_text_bounded() for page in document)
        finally:
            document.close()


def _routes() -> list[Route[Any]]:
    return [route for route in every_route() if route.path.startswith((SIGNALS, DISPATCHES, STOP))]


def _sent(place: Place, route: Route[Any]) -> Any:
    if route.path == SIGNALS:
        return body(place)
    return {"target_kw": 1.0} if route.name == "createDispatch" else {}


@pytest.mark.parametrize("route", [r for r in _routes() if r.parameters], ids=lambda route: route.name)
@pytest.mark.parametrize(
    "name", ["none-such", "%2e%2e", "__x__", "event.0000", "a%0Ab", "%C3%A9%20%27%22", "x" * 250]
)
def test_an_event_that_there_is_not_is_not_found(place: Place, route: Route[Any], name: str) -> None:
    send(place, body(place))
    sent: Any = {} if route.body else None
    path = route.path.replace("<dispatch_id>", name)
    assert kind(operator(place.lab, route.method, path, sent)) == (404, "not-found")


def test_every_route_is_for_operators(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "identify", IDENTIFY)  # a lab admits everybody
    assert len(_routes()) == 11
    for route in _routes():
        assert route.auth is Auth.OPERATOR, route.name
        path, sent = route.path.replace("<dispatch_id>", "event"), _sent(place, route) if route.body else None
        for headers in ({}, {"Authorization": "Bearer operator"}):
            reply = place.lab.call(route.method, path, sent, headers=headers)
            assert kind(reply) == (401, "unauthorized"), route.name
    assert list(place.desk.book.live()) == []

"""What the edges leave in the logs: one record of every call and every message, with time taken and business ids."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared import log
from shared.edge.oidc import OidcVerifier
from shared.edge.push import PushApp, PushHandler
from shared.edge.web import Call, Guard, Reply
from shared.orders.model import VehicleMessage
from shared.platform.errors import Unavailable
from tests.unit.edge import PUSHER, HeldClock, KeyServer, client, envelope, key_server, settings, token
from tests.unit.edge_app import MINE, Edge, running

LABELS = "logging.googleapis.com/labels"
MESSAGE = b'{"order":"o1","vehicle_id":"v1"}'


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Logging as a function has it, gone afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    log.setup({"K_SERVICE": "fn"})
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def edge(tmp_path: Path, keys: KeyServer) -> Iterator[Edge]:
    with running(tmp_path, keys) as made:
        yield made


def _records(capsys: pytest.CaptureFixture[str], message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [line for line in lines if line["message"] == message]


def test_a_call_leaves_one_record_with_route_status_time_and_ids(
    edge: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(_: Call) -> Reply:
        edge.clock.advance(0.25)
        return Reply(body={})

    edge.shop.act = act
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {**MINE, "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert edge.http.get("/orders/o1/vehicles/v2", headers=headers).status_code == 200
    (record,) = _records(capsys, "request handled")
    assert (record["route"], record["status"], record["ms"], record["severity"]) == ("vehicle", 200, 250.0, "INFO")
    assert record[LABELS] == {"function": "fn", "order": "o1", "vehicle_id": "v2"}
    assert record["logging.googleapis.com/trace"].endswith(trace)


@pytest.mark.parametrize(
    ("path", "headers", "route", "status"),
    [
        ("/orders/o2", MINE, "read", 404),
        ("/orders/o1", {}, "read", 404),
        ("/nowhere", {}, "", 404),
        ("/search?limit=x", {}, "search", 400),
    ],
)
def test_a_refusal_is_recorded_without_the_ids_that_it_was_refused_for(
    edge: Edge, capsys: pytest.CaptureFixture[str], path: str, headers: dict[str, str], route: str, status: int
) -> None:
    assert edge.http.get(path, headers=headers).status_code == status
    (record,) = _records(capsys, "request handled")
    assert (record["route"], record["status"]) == (route, status)
    assert record[LABELS] == {"function": "fn"}


def test_a_failure_is_found_by_its_order(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    def act(_: Call) -> Reply:
        raise RuntimeError("cause")

    edge.shop.act = act
    assert edge.http.get("/orders/o1", headers=MINE).status_code == 500
    (record,) = _records(capsys, "request failed")
    assert record[LABELS]["order"] == "o1"


def test_health_leaves_no_record(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    assert edge.http.get("/health").status_code == 200
    assert _records(capsys, "request handled") == []


@pytest.mark.parametrize(
    ("error", "outcome"), [(None, "done"), (Unavailable("down"), "retry"), (RuntimeError("bug"), "failed")]
)
def test_a_message_leaves_one_record_however_it_ends(
    keys: KeyServer, capsys: pytest.CaptureFixture[str], error: Exception | None, outcome: str
) -> None:
    clock, held = HeldClock(), settings(OIDC_JWKS_URL=keys.url)

    def run(_: VehicleMessage) -> None:
        clock.advance(1.5)
        if error is not None:
            raise error

    guard = Guard(settings=held, clock=clock, verifier=OidcVerifier(held, clock, {}))
    app = PushApp(lambda: PushHandler(VehicleMessage, run, lambda *_: None), guard)
    client(app).post("/", json=envelope(MESSAGE, attempt=2), headers={"Authorization": token(email=PUSHER)})
    (record,) = _records(capsys, "message handled")
    assert (record["outcome"], record["attempt"], record["ms"]) == (outcome, 2, 1500.0)
    assert record[LABELS] | {"message_id": ""} == {
        "function": "fn",
        "message_id": "",
        "order": "o1",
        "vehicle_id": "v1",
    }

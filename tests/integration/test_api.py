"""The API's refusals: bad input, strangers, repetition."""

from __future__ import annotations

from typing import Any

import pytest

from shared.api.tables import every_route
from shared.edge.routes import Auth
from tests.lab import Lab

ORDERS = "/api/v1/orders"


def _kind(reply: Any) -> tuple[int, str]:
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert set(reply.body) == {"type", "title", "status", "detail", "instance", "trace"}
    return reply.status, reply.body["type"].rsplit("/", 1)[-1]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"package": "deluxe"}, (422, "package-unknown")),
        ({"package": 7}, (400, "invalid-body")),
        ({}, (400, "invalid-body")),
        ({"package": "basic", "colour": "red"}, (400, "invalid-body")),
        ({"package": "basic", "wake": "yes please"}, (400, "invalid-body")),
        ({"package": "basic", "history_from": "yesterday"}, (400, "invalid-body")),
        (
            {"package": "basic", "history_from": "2026-02-01T00:00:00Z", "history_to": "2026-01-01T00:00:00Z"},
            (422, "history-window-invalid"),
        ),
        ([], (400, "invalid-body")),
    ],
)
def test_a_bad_order_is_refused_by_name(lab: Lab, body: Any, kind: tuple[int, str]) -> None:
    assert _kind(lab.call("POST", ORDERS, body)) == kind


def test_a_window_without_a_zone_is_refused(lab: Lab) -> None:
    body = {"package": "basic", "history_from": "2026-02-01T00:00:00", "history_to": "2026-01-01T00:00:00Z"}
    assert _kind(lab.call("POST", ORDERS, body)) == (400, "invalid-body")


@pytest.mark.parametrize(
    ("vehicles", "kind"),
    [
        ([], (422, "selection-empty")),
        (["v9"], (422, "vehicle-not-in-account")),
        (["v1", "../v2"], (422, "vehicle-not-in-account")),
        ([f"v{number}" for number in range(101)], (422, "selection-too-large")),
        ("v1", (400, "invalid-body")),
    ],
)
def test_a_bad_selection_is_refused_by_name(lab: Lab, vehicles: Any, kind: tuple[int, str]) -> None:
    order_id, grant = lab.order()
    lab.connect(grant)
    reply = lab.call("POST", f"{ORDERS}/{order_id}/selection", {"vehicles": vehicles}, grant=grant)
    assert _kind(reply) == kind
    assert lab.view(order_id, grant)["status"] == "connected"


def test_vehicles_need_a_connected_account(lab: Lab) -> None:
    order_id, grant = lab.order()
    assert _kind(lab.call("GET", f"{ORDERS}/{order_id}/vehicles", grant=grant)) == (409, "not-connected")
    body = {"vehicles": ["v1"]}
    assert _kind(lab.call("POST", f"{ORDERS}/{order_id}/selection", body, grant=grant)) == (409, "not-connected")


def test_a_selection_can_be_repeated_but_not_changed(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    path = f"{ORDERS}/{order_id}/selection"
    assert lab.call("POST", path, {"vehicles": ["v1"]}, grant=grant).status == 202
    assert _kind(lab.call("POST", path, {"vehicles": ["v2"]}, grant=grant)) == (409, "wrong-state")
    lab.pump()
    assert len(lab.simulator.calls("warranty")) == 1


@pytest.mark.parametrize("action", ["build-now", "cancel"])
def test_what_has_ended_cannot_be_hurried_or_cancelled(lab: Lab, action: str) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    assert _kind(lab.call("POST", f"{ORDERS}/{order_id}/{action}", grant=grant)) == (409, "wrong-state")


def _owner_routes() -> list[tuple[str, str]]:
    routes = every_route()
    return [(r.method, r.path) for r in routes if r.auth is Auth.GRANT and "<order_id>" in r.path]


@pytest.mark.parametrize(("method", "path"), _owner_routes())
def test_strangers_all_see_the_same_nothing(lab: Lab, method: str, path: str) -> None:
    """Wrong, missing and foreign grants, for orders that exist and orders that do not."""
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    _theirs, stranger = lab.order()
    body = {"vehicles": ["v1"]} if path.endswith("selection") else None
    replies = [
        lab.call(method, path.replace("<order_id>", wanted).replace("<vehicle_id>", "v1"), body, grant=token)
        for wanted in (order_id, "z" * len(order_id))
        for token in ("", "cpt_wrong", stranger)
    ]
    assert {reply.status for reply in replies} == {404}
    assert len({(reply.body["type"], reply.body["detail"]) for reply in replies}) == 1
    assert lab.view(order_id, grant)["status"] == "completed"


def test_a_created_order_is_repeated_by_its_key(lab: Lab) -> None:
    key = {"Idempotency-Key": "3f1c9a52-7a52-4c17-8d1e-0a5b6c7d8e9f"}
    first = lab.call("POST", ORDERS, {"package": "basic"}, headers=key)
    again = lab.call("POST", ORDERS, {"package": "basic"}, headers=key)
    assert (first.status, first.text) == (again.status, again.text)
    other = lab.call("POST", ORDERS, {"package": "complete"}, headers=key)
    assert _kind(other) == (422, "idempotency-mismatch")


def test_the_api_describes_itself(lab: Lab) -> None:
    reply = lab.call("GET", "/api/v1/openapi.json")
    assert reply.body["openapi"].startswith("3.1")


def test_the_public_key_is_served_where_tesla_looks(lab: Lab) -> None:
    reply = lab.call("GET", "/.well-known/appspecific/com.tesla.3p.public-key.pem")
    assert reply.status == 200
    assert reply.text.startswith("-----BEGIN PUBLIC KEY-----\n")


@pytest.mark.settings(SECRET_BNC_CPT_TESLA_PUBLIC_KEY="")
def test_a_missing_public_key_is_said(lab: Lab) -> None:
    reply = lab.call("GET", "/.well-known/appspecific/com.tesla.3p.public-key.pem")
    assert _kind(reply) == (503, "public-key-missing")


@pytest.mark.settings(SECRET_BNC_CPT_TESLA_PUBLIC_KEY="-----BEGIN EC PRIVATE KEY-----\nsecret\n")
def test_a_private_key_in_the_wrong_place_is_never_served(lab: Lab) -> None:
    reply = lab.call("GET", "/.well-known/appspecific/com.tesla.3p.public-key.pem")
    assert _kind(reply) == (503, "public-key-missing")
    assert "secret" not in reply.body["detail"].replace("in its secret", "")

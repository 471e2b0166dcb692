"""The HTTP edge: routing, CORS, callers, declarations and what failures look like."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import flask
import msgspec
import pytest

from shared.edge.oidc import OidcVerifier
from shared.edge.problems import NOT_FOUND, Problem
from shared.edge.web import Auth, Call, Guard, HttpApp, Reply, grant_key
from shared.platform.errors import Unavailable
from tests.unit.edge import CREATOR, OPERATOR, KeyServer, client, key_server, problem, token
from tests.unit.edge_app import (
    FULL,
    MINE,
    ROUTES,
    Edge,
    Shop,
    route,
    running,
)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture
def edge(tmp_path: Path, keys: KeyServer) -> Iterator[Edge]:
    with running(tmp_path, keys) as made:
        yield made


def test_health_touches_nothing(edge: Edge, keys: KeyServer) -> None:
    asked = keys.asked
    response = edge.http.get("/health", headers={"Authorization": "Bearer mine", "Idempotency-Key": "k"})
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})
    assert edge.http.head("/health").data == b""
    assert problem(edge.http.post("/health")) == (405, "method-not-allowed")
    assert (edge.touched, edge.grants.asked, keys.asked) == ([], [], asked)


def test_preflight_touches_nothing(edge: Edge) -> None:
    response = edge.http.options("/orders", headers={"Origin": "https://app.example"})
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Idempotency-Key" in response.headers["Access-Control-Allow-Headers"]
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "Origin" in response.headers["Vary"]
    assert (edge.touched, edge.grants.asked) == ([], [])


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://app.example.evil.example",
        "http://app.example",
        "https://APP.example",
        "https://app.example/",
    ],
)
def test_other_origins_are_told_nothing(edge: Edge, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    for response in (edge.http.options("/orders", headers=headers), edge.http.get("/page", headers=headers)):
        assert not [name for name in dict(response.headers) if name.startswith("Access-Control")]
        assert response.headers["Vary"] == "Origin"


def test_answers_and_problems_are_readable_from_the_listed_origin(edge: Edge) -> None:
    for path in ("/page", "/nowhere"):
        response = edge.http.get(path, headers={"Origin": "https://app.example"})
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("path", ["/", "/nowhere", "/orders/a/b/c", "//orders", "/orders//x", "/%2e%2e/health"])
def test_unknown_paths(edge: Edge, path: str) -> None:
    assert problem(edge.http.get(path)) == (404, "not-found")


def test_the_method_must_fit(edge: Edge) -> None:
    response = edge.http.put("/orders", json={})
    assert problem(response) == (405, "method-not-allowed")
    assert response.headers["Allow"] == "POST"


def test_head_is_get_without_the_body(edge: Edge) -> None:
    response = edge.http.head("/page")
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Content-Length"] == str(len("<p>hello</p>"))


def test_security_headers_on_every_kind_of_answer(edge: Edge) -> None:
    for path in ("/page", "/nowhere", "/health", "/search?code=x"):
        headers = edge.http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_pages_files_and_redirects(edge: Edge) -> None:
    html = edge.http.get("/page")
    assert (html.text, html.headers["Content-Type"]) == ("<p>hello</p>", "text/html; charset=utf-8")
    pem = edge.http.get("/key.pem")
    assert (pem.data, pem.headers["Content-Type"]) == (b"PEM", "application/x-pem-file")
    assert pem.headers["Cache-Control"] == "public"
    moved = edge.http.get("/callback?code=abc&unknown=fine")
    assert (moved.status_code, moved.headers["Location"]) == (302, "https://app.example/#claim=abc")
    assert moved.data == b""


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Cloud-Trace-Context", "0af7651916cd43dd8448eb211c80319c/123;o=1"),
        ("X-Cloud-Trace-Context", "0AF7651916CD43DD8448EB211C80319C"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ],
)
def test_the_trace_is_the_callers(edge: Edge, header: str, value: str) -> None:
    body = edge.http.get("/nowhere", headers={header: value}).get_json(force=True)
    assert body["trace"] == "0af7651916cd43dd8448eb211c80319c"
    assert body["instance"] == "/nowhere"


def test_without_a_trace_there_is_a_new_one(edge: Edge) -> None:
    headers = {"traceparent": "nonsense", "X-Cloud-Trace-Context": "0" * 32}
    first, second = (edge.http.get("/nowhere", headers=headers).get_json(force=True)["trace"] for _ in range(2))
    assert len(first) == len(second) == 32
    assert first != second


# --- callers -----------------------------------------------------------------


def test_the_grant_opens_its_order(edge: Edge) -> None:
    assert edge.http.get("/orders/o1", headers=MINE).status_code == 200
    call = edge.shop.calls[0]
    assert (call.grant, call.path) == (edge.grants.known[grant_key("mine")], {"order_id": "o1"})
    assert call.principal == hashlib.sha256(b"mine").hexdigest()
    assert call.url == "https://service.example/orders/o1"
    assert (call.body, call.query, len(call.trace)) == (None, None, 32)


@pytest.mark.parametrize("authorization", [None, "Bearer other", "Basic bWluZQ==", "Bearer ", f"Bearer {'x' * 600}"])
def test_missing_wrong_and_foreign_grants_look_the_same(edge: Edge, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    trace = {"X-Cloud-Trace-Context": "0af7651916cd43dd8448eb211c80319c"}
    foreign = edge.http.get("/orders/o2", headers={**MINE, **trace})
    response = edge.http.get("/orders/o2", headers={**headers, **trace})
    assert problem(response) == (404, "not-found")
    assert (response.data, sorted(response.headers)) == (foreign.data, sorted(foreign.headers))
    assert edge.shop.calls == []


def test_every_method_and_subpath_needs_the_grant(edge: Edge) -> None:
    for answer in (
        edge.http.delete("/orders/o2", headers=MINE),
        edge.http.post("/orders/o2/cancel", headers={**MINE, "Idempotency-Key": "k"}),
        edge.http.get("/orders/o2/vehicles/v1", headers=MINE),
        edge.http.head("/orders/o2", headers=MINE),
    ):
        assert answer.status_code == 404
    assert (edge.shop.calls, edge.touched) == ([], [])


@pytest.mark.parametrize("vehicle", ["a b", "v1%00", "..%2fx", "é", "x" * 201, "%ff", "a%0d%0ab"])
def test_ids_that_cannot_be_ours_are_not_found(edge: Edge, vehicle: str) -> None:
    assert problem(edge.http.get(f"/orders/o1/vehicles/{vehicle}", headers=MINE))[0] == 404
    assert edge.shop.calls == []


def test_a_path_without_an_id_asks_for_a_grant(edge: Edge) -> None:
    for headers in ({}, {"Authorization": "Bearer other"}):
        response = edge.http.post("/initiate", json={}, headers=headers)
        assert problem(response) == (401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert edge.http.post("/initiate", json={"note": "x"}, headers=MINE).status_code == 200
    assert edge.shop.calls[0].grant is not None


def test_operators_are_known_by_their_token(edge: Edge) -> None:
    assert problem(edge.http.get("/operators")) == (401, "unauthorized")
    assert problem(edge.http.get("/operators", headers=MINE)) == (401, "unauthorized")
    other = {"Authorization": token(email="x@project.example")}
    assert problem(edge.http.get("/operators", headers=other)) == (403, "forbidden")
    assert edge.http.get("/operators", headers={"Authorization": token()}).status_code == 200
    assert edge.shop.calls[0].principal == OPERATOR


def test_a_removed_signature_is_worth_nothing_on_a_public_function(edge: Edge) -> None:
    forged = token().rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"
    edge.guard = Guard(
        settings=edge.settings,
        clock=edge.clock,
        verifier=OidcVerifier(edge.settings, edge.clock, {"K_SERVICE": "orders"}),
        idempotency=edge.guard.idempotency,
    )
    http = client(HttpApp(ROUTES, edge.services, edge.guard))
    assert problem(http.get("/operators", headers={"Authorization": forged})) == (401, "unauthorized")


def test_who_may_create_is_a_setting(edge: Edge, tmp_path: Path, keys: KeyServer) -> None:
    assert problem(edge.http.post("/orders", json={"package": "basic"})) == (401, "unauthorized")
    assert edge.order(key=None).status_code == 201
    assert edge.order(key=None, who=token(email=CREATOR)).status_code == 201
    assert problem(edge.http.get("/operators", headers={"Authorization": token(email=CREATOR)})) == (403, "forbidden")
    with running(tmp_path / "open", keys, ORDERS_REQUIRE="none") as everyone:
        assert everyone.http.post("/orders", json={"package": "basic"}).status_code == 201


def test_unreachable_keys_are_not_the_callers_fault(tmp_path: Path) -> None:
    with key_server() as gone:
        pass
    with running(tmp_path / "down", gone) as down:
        response = down.http.get("/operators", headers={"Authorization": token()})
    assert problem(response) == (503, "store-unavailable")
    assert int(response.headers["Retry-After"]) > 0


def test_a_problem_of_the_route(edge: Edge) -> None:
    def act(_: Call) -> Reply:
        raise Problem(FULL, "come back later", headers={"Retry-After": "7"})

    edge.shop.act = act
    response = edge.http.get("/search?code=a")
    assert problem(response) == (409, "full")
    assert (response.get_json(force=True)["detail"], response.headers["Retry-After"]) == ("come back later", "7")


def test_a_store_that_does_not_answer(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    def act(_: Call) -> Reply:
        raise Unavailable("deadline exceeded")

    edge.shop.act = act
    response = edge.http.get("/search?code=a")
    assert problem(response) == (503, "store-unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]


def test_an_unexpected_failure_is_logged_once_and_says_nothing(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    def act(_: Call) -> Reply:
        raise RuntimeError("the inner cause")

    edge.shop.act = act
    response = edge.http.post("/any", json={"package": "basic", "extras": [{"note": "PAYLOAD"}]})
    assert problem(response) == (500, "internal")
    assert "inner cause" not in response.text
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "request failed")
    assert "inner cause" in caplog.text
    assert "PAYLOAD" not in caplog.text


def test_services_that_cannot_be_built(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    def services() -> Shop:
        raise KeyError("SETTING")

    http_client = client(HttpApp(ROUTES, services, edge.guard))
    assert problem(http_client.get("/page")) == (500, "internal")
    assert http_client.get("/health").status_code == 200
    assert len(caplog.records) == 1


@pytest.mark.parametrize("reply", [Reply(body=object()), Reply(headers={"Location": "a\r\nSet-Cookie: b"})])
def test_an_answer_that_cannot_be_sent(edge: Edge, reply: Reply) -> None:
    edge.shop.act = lambda _: reply
    response = edge.http.get("/search?code=a")
    assert problem(response) == (500, "internal")
    assert "Set-Cookie" not in response.headers


class Lenient(msgspec.Struct):
    """Would ignore unknown fields."""

    x: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    """Holds a lenient one."""

    inner: dict[str, list[Lenient | None]] = {}


@pytest.mark.parametrize("body", [Lenient, Outer])
def test_a_body_that_would_ignore_fields_is_refused(body: type) -> None:
    with pytest.raises(ValueError, match="Lenient must forbid unknown fields"):
        route("POST", "/x", "x", body=body)


def test_a_grant_needs_its_parameter() -> None:
    with pytest.raises(ValueError, match="has no order_id"):
        route("GET", "/x", "x", auth=Auth.GRANT)


def test_names_are_unique_and_idempotency_needs_a_keeper(edge: Edge) -> None:
    with pytest.raises(ValueError, match="same name"):
        HttpApp([ROUTES[2], ROUTES[2]], edge.services, edge.guard)
    bare = Guard(settings=edge.settings, clock=edge.clock, verifier=edge.guard.verifier)
    with pytest.raises(ValueError, match="idempotency"):
        HttpApp(ROUTES, edge.services, bare)


def test_a_route_knows_its_template() -> None:
    found = route("GET", "/a/<b>/<path:c>", "x")
    assert (found.template, found.parameters) == ("/a/{b}/{c}", ["b", "c"])


def test_not_found_reads_the_same_everywhere() -> None:
    assert NOT_FOUND.uri("https://x.example/") == "https://x.example/problems/not-found"


MAIN = """
import functions_framework
from shared.platform.clock import SystemClock
from shared.edge.oidc import OidcVerifier
from shared.edge.web import Guard, HttpApp, Reply, Route
from tests.unit.edge import settings

def greet(services, call):
    return Reply(body=services + call.path["b"])


ROUTES = [Route(method="POST", path="/a/<b>", name="a", summary="a", handler=greet)]
GUARD = Guard(settings=settings(), clock=SystemClock(), verifier=OidcVerifier(settings(), SystemClock(), {}))


@functions_framework.http
def serve(request):
    return HttpApp(ROUTES, lambda: "services", GUARD)(request)
"""


def test_behind_the_functions_framework(tmp_path: Path) -> None:
    import functions_framework

    (tmp_path / "main.py").write_text(MAIN)
    create_app: Callable[[str, str], flask.Flask] = functions_framework.create_app
    http = create_app("serve", str(tmp_path / "main.py")).test_client()
    assert http.post("/a/x", json={}).get_json() == "servicesx"
    assert http.get("/health").get_json() == {"status": "ok"}
    assert http.head("/health").status_code == 200
    assert http.options("/a/x").status_code == 204
    assert problem(http.get("/a/x")) == (405, "method-not-allowed")
    for size in (65_537, 12 << 20):
        response = http.post("/a/x", data=b"[" * size, content_type="application/json")
        assert problem(response) == (413, "body-too-large")
        assert problem(http.put("/a/x", data=b"[" * size)) == (405, "method-not-allowed")

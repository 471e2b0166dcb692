"""Bodies and queries at the HTTP edge: what is decoded, what is refused, and how that is said."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.serving import make_server

from tests.unit.edge import KeyServer, key_server, problem, wsgi
from tests.unit.edge_app import (
    MINE,
    Edge,
    Extra,
    Order,
    Search,
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


def post(edge: Edge, data: bytes, kind: str = "application/json") -> Any:
    return edge.http.post("/any", data=data, content_type=kind)


def test_a_body_is_decoded_into_its_struct(edge: Edge) -> None:
    body = b'{"package":"basic","since":"2026-01-01T00:00:00Z","extras":[{"note":"a\\u0000b"}]}'
    assert post(edge, body, "application/json; charset=utf-8").status_code == 200
    assert edge.shop.calls[0].body == Order(
        "basic", since=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), extras=[Extra("a\0b")]
    )


@pytest.mark.parametrize(
    ("data", "slug", "where"),
    [
        (b'{"package":"basic","vin":"SECRET"}', "invalid-body", "vin"),
        (b'{"package":"SECRET"}', "invalid-body", "package"),
        (b'{"package":"basic","wake":"SECRET"}', "invalid-body", "wake"),
        (b'{"package":"basic","count":1e999}', "invalid-body", "count"),
        (b'{"package":"basic","since":"SECRET"}', "invalid-body", "since"),
        (b'{"package":"basic","extras":[{"note":"a"},{"SECRETS":1}]}', "invalid-body", "extras[1]"),
        (b"{}", "invalid-body", "package"),
        (b"", "invalid-body", "package"),
        (b"[]", "invalid-body", "object"),
        (b"null", "invalid-body", "object"),
        (b"{", "invalid-json", ""),
        (b"\xff", "invalid-json", ""),
        (b'{"package":"\xff"}', "invalid-json", ""),
        (b'{"package":"\\ud800"}', "invalid-json", ""),
        (b"\xef\xbb\xbf{}", "invalid-json", ""),
        (b'{"extras":' + b"[" * 60_000, "invalid-", ""),
        (b"package=basic", "invalid-json", ""),
    ],
)
def test_a_bad_body_is_named_by_field_never_by_value(edge: Edge, data: bytes, slug: str, where: str) -> None:
    response = post(edge, data)
    status, found = problem(response)
    assert (status, found.startswith(slug)) == (400, True)
    detail = response.get_json(force=True)["detail"]
    assert where in detail
    assert '"SECRET"' not in detail
    assert "SECRET'" not in detail
    assert edge.shop.calls == []


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data; boundary=x"],
)
def test_only_json_is_taken(edge: Edge, kind: str) -> None:
    assert problem(post(edge, b'{"package":"basic"}', kind)) == (415, "unsupported-media-type")


def test_a_route_without_a_body_takes_none(edge: Edge) -> None:
    assert edge.http.post("/orders/o1/cancel", headers=MINE).status_code == 200
    assert edge.http.post("/orders/o1/cancel", json={}, headers=MINE).status_code == 200
    refused = edge.http.post("/orders/o1/cancel", json={"wake": True}, headers=MINE)
    assert problem(refused) == (400, "invalid-body")
    assert [call.body for call in edge.shop.calls] == [None, None]


def test_the_largest_body(edge: Edge) -> None:
    frame = b'{"package":"basic","extras":[{"note":"%s"}]}'
    room = 65_536 - len(frame) + 2
    assert post(edge, frame % (b"x" * room)).status_code == 200
    assert problem(post(edge, frame % (b"x" * (room + 1)))) == (413, "body-too-large")


@pytest.fixture
def port(edge: Edge) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, wsgi(edge.app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def chunked(port: int, chunks: list[bytes]) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json", "Connection": "close"}
    connection.request("POST", "/any", body=iter(chunks), headers=headers, encode_chunked=True)
    response = connection.getresponse()
    found = response.status, json.loads(response.read())
    connection.close()
    return found


def test_a_body_of_unknown_length_is_read(port: int) -> None:
    assert chunked(port, [b'{"package":', b'"basic"}'])[0] == 200


def test_a_body_of_unknown_length_is_bounded_too(edge: Edge, port: int) -> None:
    status, body = chunked(port, [b'{"package":"basic","extras":[', *[b" " * 4096] * 20, b"]}"])
    assert (status, body["type"]) == (413, "https://service.example/problems/body-too-large")
    assert edge.shop.calls == []


def test_a_body_that_ends_early(edge: Edge) -> None:
    response = edge.http.post(
        "/any", data=b"{}", content_type="application/json", environ_overrides={"CONTENT_LENGTH": "9"}
    )
    assert problem(response)[0] == 400


def test_queries_are_decoded(edge: Edge) -> None:
    assert edge.http.get("/search?code=a%26b&limit=3&dry=true&other=1").status_code == 200
    assert edge.shop.calls[0].query == Search("a&b", 3, dry=True)


@pytest.mark.parametrize(
    ("query", "where"),
    [("", "code"), ("code=a&limit=SECRET", "limit"), ("code=a&code=b", "code"), ("code=a&dry=SECRET", "dry")],
)
def test_bad_queries_are_named_by_field(edge: Edge, query: str, where: str) -> None:
    response = edge.http.get(f"/search?{query}")
    assert problem(response) == (400, "invalid-query")
    assert where in response.get_json(force=True)["detail"]
    assert "SECRET" not in response.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["package", "wake", "count", "since", "extras", "note", ""]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@hypothesis_settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=300
)
@given(
    data=st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()),
    path=st.sampled_from(
        ["/any", "/orders/o1/cancel", "/initiate", "/public", "/search", "/orders/\x00", "/orders/é"]
    ),
    header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300),
    query=st.text(max_size=30),
)
def test_nothing_sent_makes_it_fail(edge: Edge, data: bytes, path: str, header: str, query: str) -> None:
    headers = {
        "Authorization": header or "Bearer mine",
        "Idempotency-Key": header,
        "Origin": header,
        "traceparent": header,
    }
    response = edge.http.post(path, data=data, content_type="application/json", headers=headers, query_string=query)
    assert response.status_code < 500
    allowed = {**headers, **MINE}
    response = edge.http.post(
        path, data=data, content_type="application/json", headers=allowed, query_string={"code": query}
    )
    assert response.status_code < 500

"""Idempotency-Key: one run per key, the same bytes again, and nothing kept of failures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.edge.idempotency import COLLECTION, KEEP_S, HttpAnswer
from shared.edge.problems import Problem
from shared.edge.web import Call, Reply
from shared.platform.errors import Unavailable
from tests.unit.edge import OPERATOR, KeyServer, key_server, problem, token
from tests.unit.edge_app import (
    FULL,
    KEY,
    MINE,
    Edge,
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


def test_a_repetition_gets_the_first_answer(edge: Edge) -> None:
    first, second = edge.order(), edge.order()
    assert (first.status_code, first.get_json()) == (201, {"order_id": "o1", "number": 1})
    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert second.headers["Location"] == "/o/1"
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(edge.shop.calls) == 1


def test_without_a_key_every_call_runs(edge: Edge) -> None:
    assert edge.order(key=None).get_json() != edge.order(key=None).get_json()
    assert "idempotency" not in edge.touched


def test_another_body_under_the_same_key(edge: Edge) -> None:
    edge.order()
    assert problem(edge.order({"package": "complete"})) == (422, "idempotency-mismatch")
    assert len(edge.shop.calls) == 1


def test_keys_of_other_callers_and_routes_are_other_keys(edge: Edge, tmp_path: Path, keys: KeyServer) -> None:
    with running(tmp_path, keys, OPERATORS=f"{OPERATOR},second@project.example") as two:
        assert two.order().get_json()["number"] == 1
        assert two.order(who=token(email="second@project.example")).get_json()["number"] == 2
        public = two.http.post("/public", json={"package": "basic"}, headers={"Idempotency-Key": KEY})
        assert public.get_json()["number"] == 3


def test_the_key_lives_a_day(edge: Edge) -> None:
    edge.order()
    edge.clock.advance(1800)
    assert edge.order().get_json()["number"] == 1
    edge.clock.advance(KEEP_S)
    later = token(iat=int(edge.clock.now().timestamp()), exp=int(edge.clock.now().timestamp()) + 600)
    assert edge.order(who=later).get_json()["number"] == 2


def test_the_kept_answer_is_sealed(edge: Edge) -> None:
    edge.order()
    (document,) = edge.store.query(COLLECTION).documents
    assert not [name for name in HttpAnswer.__struct_fields__ if f'"{name}"'.encode() in document.body["result"]]
    assert KEY not in document.key
    assert OPERATOR not in str(document.body)


def test_the_kept_answer_is_erased_with_its_order(edge: Edge) -> None:
    edge.order()
    edge.once.forget("o1")
    assert edge.store.query(COLLECTION).documents == []
    assert edge.order().get_json()["number"] == 2


def test_while_the_first_call_runs(edge: Edge) -> None:
    inner: list[Any] = []

    def act(_: Call) -> Reply:
        if not inner:
            inner.extend([None, edge.order(), edge.order({"package": "complete"})])
        return Reply()

    edge.shop.act = act
    assert edge.order().status_code == 201
    assert problem(inner[1]) == (409, "idempotency-in-flight")
    assert int(inner[1].headers["Retry-After"]) > 0
    assert problem(inner[2]) == (422, "idempotency-mismatch")
    assert len(edge.shop.calls) == 1


def test_many_at_once_run_once(edge: Edge) -> None:
    header, answers = token(), list[Any]()
    threads = [threading.Thread(target=lambda: answers.append(edge.order(who=header))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(edge.shop.calls) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.data for answer in answers if answer.status_code == 201} == {edge.order().data}


@pytest.mark.parametrize("error", [Problem(FULL, "no"), Unavailable("gone"), RuntimeError("broken")])
def test_a_failure_keeps_nothing(edge: Edge, error: Exception) -> None:
    def act(_: Call) -> Reply:
        if len(edge.shop.calls) == 1:
            raise error
        return Reply()

    edge.shop.act = act
    assert edge.order().status_code >= 400
    assert edge.order().get_json()["number"] == 2
    assert edge.order().headers["Idempotent-Replayed"] == "true"


def test_an_invalid_body_does_not_take_the_key(edge: Edge) -> None:
    assert problem(edge.order({"package": "none"})) == (400, "invalid-body")
    assert edge.store.query(COLLECTION).documents == []
    assert edge.order().status_code == 201


def test_a_reply_that_is_an_error_is_not_kept(edge: Edge) -> None:
    edge.shop.act = lambda _: Reply(status=429)
    headers = {**MINE, "Idempotency-Key": "k"}
    assert edge.http.post("/orders/o1/cancel", headers=headers).status_code == 429
    edge.shop.act = lambda _: Reply()
    assert edge.http.post("/orders/o1/cancel", headers=headers).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_keys_of_a_wrong_length(edge: Edge, key: str) -> None:
    assert problem(edge.order(key=key)) == (400, "invalid-idempotency-key")
    assert edge.shop.calls == []


def test_the_longest_key(edge: Edge) -> None:
    assert edge.order(key="x" * 255).status_code == 201


def test_nobody_in_particular_needs_a_key_that_cannot_be_guessed(edge: Edge) -> None:
    def public(key: str) -> Any:
        return edge.http.post("/public", json={"package": "basic"}, headers={"Idempotency-Key": key})

    assert problem(public("order-1")) == (400, "invalid-idempotency-key")
    assert public(KEY).status_code == 201


def test_a_key_means_nothing_where_it_is_not_honoured(edge: Edge) -> None:
    for _ in range(2):
        assert edge.http.post("/any", json={"package": "basic"}, headers={"Idempotency-Key": KEY}).status_code == 200
    assert len(edge.shop.calls) == 2


def test_an_answer_is_given_even_if_it_cannot_be_kept(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    def act(_: Call) -> Reply:
        edge.clock.advance(500)
        (document,) = edge.store.query(COLLECTION).documents
        edge.store.put(COLLECTION, document.key, {**document.body, "fence": 9})
        return Reply()

    edge.shop.act = act
    assert edge.order().status_code == 201
    assert [record.getMessage() for record in caplog.records] == ["idempotent answer not kept"]

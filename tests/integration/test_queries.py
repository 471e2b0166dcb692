"""The questions that are read from the source are those that are put: a composite index hangs on it in production."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.energy.dispatch.book import Book
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.ports import Page, Where
from tests.lab import Lab
from tests.terraform.queries import Query, queries, queries_in

_QUERY = SqliteDocuments.query


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[Query]:
    """Every question that the store has been asked, as it goes on."""
    seen: set[Query] = set()

    def query(
        store: SqliteDocuments,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        descending: bool = False,
        **rest: Any,
    ) -> Page:
        equal = frozenset(condition.field for condition in where if condition.operator == "==")
        seen.add(Query(collection, equal, order_by, descending))
        return _QUERY(store, collection, where, order_by=order_by, descending=descending, **rest)

    monkeypatch.setattr(SqliteDocuments, "query", query)
    return seen


def test_an_order_from_its_creation_to_its_erasure_asks_what_the_source_says(lab: Lab, asked: set[Query]) -> None:
    order_id, grant = lab.start("complete", vehicles=("v1",))
    lab.pump()
    lab.clock.shift += timedelta(days=1)
    lab.tick()
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    assert lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status == 202
    lab.pump()
    assert {query.collection for query in asked} >= {"due", "grants", "idempotency", "order_vehicles", "orders"}
    assert asked <= queries()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query("orders", frozenset({"status", "region"})), ()),
        (Query("due", order_by="at"), ()),
        (Query("days", frozenset({"day"}), "day"), ()),
        (Query("orders", order_by="deadline", descending=True), ()),
        (
            Query("orders", frozenset({"status", "account"}), "deadline"),
            (("account", "ASCENDING"), ("status", "ASCENDING"), ("deadline", "ASCENDING")),
        ),
        (
            Query("orders", frozenset({"status"}), "deadline", descending=True),
            (("status", "ASCENDING"), ("deadline", "DESCENDING")),
        ),
    ],
)
def test_only_equalities_beside_another_order_need_a_composite_index(
    query: Query, index: tuple[tuple[str, str], ...]
) -> None:
    assert query.index == index


def test_both_lists_of_dispatches_are_told_from_the_source(tmp_path: Path, asked: set[Query]) -> None:
    with closing(SqliteDocuments(tmp_path / "d.db")) as store:
        for live in (False, True):
            Book(store).page(live=live, cursor=None, limit=5)
    latest = Query("dispatches", frozenset(), "received_at", descending=True)
    assert asked == {latest, replace(latest, equal=frozenset({"live"}))}
    assert asked <= queries()


def test_a_question_that_cannot_be_told_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "computed.py"
    source.write_text(
        "import msgspec\n"
        "class Item(msgspec.Struct): at: int\n"
        "class Items:\n"
        "    def __init__(self, store):\n"
        "        self._items = Collection(store, 'items', Item)\n"
        "    def some(self, conditions):\n"
        "        return self._items.find(conditions)\n"
    )
    monkeypatch.setattr("tests.terraform.stored.ROOT", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LookupError, match="conditions"):
        list(queries_in(source))

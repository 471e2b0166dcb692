"""DocumentStore: queries, their order and their cursors."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.platform.errors import InvalidCursor
from shared.platform.ports import DocumentStore, Where

_NOW = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
_MIXED: dict[str, Any] = {
    "absent": None,
    "null": {"v": None},
    "no": {"v": False},
    "yes": {"v": True},
    "nan": {"v": math.nan},
    "minus": {"v": -1.5},
    "one": {"v": 1},
    "one-float": {"v": 1.0},
    "two": {"v": 2},
    "vast-float": {"v": 2.0**53},
    "vast": {"v": 2**53 + 1},
    "moment": {"v": _NOW},
    "later": {"v": _NOW + timedelta(microseconds=1)},
    "empty": {"v": ""},
    "text": {"v": "b"},
    "text-more": {"v": "ba"},
    "text-last": {"v": "é"},
    "raw": {"v": b"b"},
    "list": {"v": [1]},
    "mapping": {"v": {"a": 1}},
}
_IN_ORDER = [key for key, body in _MIXED.items() if body]
"""The mixture is written down in Firestore's order."""


@pytest.fixture
def mixed(documents: DocumentStore) -> DocumentStore:
    for key, body in _MIXED.items():
        documents.put("mixed", key, body or {"other": 1})
    return documents


def _keys(store: DocumentStore, *where: Where, collection: str = "mixed", **options: Any) -> list[str]:
    return [document.key for document in store.query(collection, where, **options).documents]


def _walk(store: DocumentStore, collection: str, limit: int, **options: Any) -> list[str]:
    """All keys by following the cursors."""
    keys: list[str] = []
    cursor = None
    while True:
        page = store.query(collection, limit=limit, cursor=cursor, **options)
        keys += [document.key for document in page.documents]
        cursor = page.cursor
        if cursor is None:
            return keys


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, ["null"]),
        (True, ["yes"]),
        (False, ["no"]),
        (1, ["one", "one-float"]),
        (1.0, ["one", "one-float"]),
        (math.nan, ["nan"]),
        (2**53 + 1, ["vast"]),
        (2.0**53, ["vast-float"]),
        (0, []),
        ("b", ["text"]),
        ("", ["empty"]),
        (b"b", ["raw"]),
        (_NOW, ["moment"]),
    ],
)
def test_equality_tells_types_apart(mixed: DocumentStore, value: Any, found: list[str]) -> None:
    assert _keys(mixed, Where("v", "==", value)) == found


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("<", 1, ["minus"]),
        ("<=", 1, ["minus", "one", "one-float"]),
        (">", 1, ["two", "vast-float", "vast"]),
        (">=", 1.5, ["two", "vast-float", "vast"]),
        (">", 2.0**53, ["vast"]),
        (">", -math.inf, ["minus", "one", "one-float", "two", "vast-float", "vast"]),
        ("<=", _NOW, ["moment"]),
        (">", _NOW, ["later"]),
        (">=", "", ["empty", "text", "text-more", "text-last"]),
        (">", "b", ["text-more", "text-last"]),
        ("<", "b", ["empty"]),
    ],
)
def test_a_range_stays_within_its_type(mixed: DocumentStore, operator: Any, value: Any, found: list[str]) -> None:
    assert _keys(mixed, Where("v", operator, value), order_by="v") == found
    assert _keys(mixed, Where("v", operator, value), order_by="v", descending=True) == found[::-1]


def test_an_order_leaves_out_documents_without_the_field_and_sorts_types(mixed: DocumentStore) -> None:
    assert _keys(mixed, order_by="v") == _IN_ORDER
    assert _keys(mixed, order_by="v", descending=True) == _IN_ORDER[::-1]


def test_without_an_order_keys_decide(mixed: DocumentStore) -> None:
    assert _keys(mixed) == sorted(_MIXED)


def test_an_unknown_collection_is_empty(documents: DocumentStore) -> None:
    page = documents.query("nothing", order_by="v")
    assert (page.documents, page.cursor) == ([], None)


def test_every_condition_must_hold(documents: DocumentStore) -> None:
    for number in range(12):
        body = {"even": number % 2 == 0, "third": number % 3, "number": number}
        documents.put("numbers", f"n{number:02}", body)
    where = [Where("even", "==", True), Where("third", "==", 0), Where("number", ">", 0), Where("number", "<", 12)]
    assert _keys(documents, *where, collection="numbers", order_by="number") == ["n06"]
    assert _keys(documents, *where[:2], collection="numbers") == ["n00", "n06"]
    assert _keys(documents, Where("number", "==", 6), collection="numbers", order_by="third") == ["n06"]


def test_a_query_gives_bodies_and_versions(documents: DocumentStore) -> None:
    version = documents.put("one", "k", {"at": _NOW, "sealed": b"\x00"})
    (found,) = documents.query("one", [Where("at", "<=", _NOW)], order_by="at").documents
    assert (found.body, found.version) == ({"at": _NOW, "sealed": b"\x00"}, version)


def test_a_query_sees_the_last_write(documents: DocumentStore) -> None:
    documents.put("one", "k", {"state": "new", "dropped": 1})
    documents.put("one", "k", {"state": "old"})
    assert _keys(documents, Where("state", "==", "new"), collection="one") == []
    assert _keys(documents, Where("dropped", "==", 1), collection="one") == []
    assert _keys(documents, Where("state", "==", "old"), collection="one") == ["k"]
    documents.delete("one", "k")
    assert _keys(documents, Where("state", "==", "old"), collection="one") == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 19, 20, 21])
def test_cursors_lose_nothing_and_repeat_nothing(mixed: DocumentStore, limit: int, *, descending: bool) -> None:
    step = -1 if descending else 1
    assert _walk(mixed, "mixed", limit, order_by="v", descending=descending) == _IN_ORDER[::step]
    assert _walk(mixed, "mixed", limit) == sorted(_MIXED)


def test_cursors_pass_over_equal_values(documents: DocumentStore) -> None:
    expected = [f"k{number}" for number in range(7)]
    for key in reversed(expected):
        documents.put("equal", key, {"v": 1, "w": True})
    assert _walk(documents, "equal", 2, order_by="v", where=[Where("w", "==", True)]) == expected
    assert _walk(documents, "equal", 2, where=[Where("w", "==", True)]) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9])
def test_the_latest_that_meet_a_condition_come_page_by_page(documents: DocumentStore, limit: int) -> None:
    """Moments that are the same, too: then the keys decide, downwards like the moments."""
    for number in range(8):
        at = _NOW + timedelta(minutes=number // 2)
        documents.put("events", f"e{number}", {"at": at, "live": number not in (1, 4)})
    latest: dict[str, Any] = {"order_by": "at", "descending": True}
    assert _walk(documents, "events", limit, **latest) == [f"e{number}" for number in reversed(range(8))]
    live = [Where("live", "==", value=True)]
    assert _walk(documents, "events", limit, where=live, **latest) == ["e7", "e6", "e5", "e3", "e2", "e0"]


def test_what_is_new_meanwhile_moves_no_page_of_the_latest(documents: DocumentStore) -> None:
    latest: dict[str, Any] = {"order_by": "at", "descending": True, "limit": 2}
    for number in range(4):
        documents.put("events", f"e{number}", {"at": _NOW + timedelta(minutes=number)})
    first = documents.query("events", **latest)
    documents.put("events", "new", {"at": _NOW + timedelta(days=1)})
    rest = documents.query("events", **latest, cursor=first.cursor)
    assert [each.key for page in (first, rest) for each in page.documents] == ["e3", "e2", "e1", "e0"]


def test_a_walk_goes_on_after_the_document_it_stopped_at_is_gone(documents: DocumentStore) -> None:
    for number in range(4):
        documents.put("gone", f"k{number}", {"v": number})
    page = documents.query("gone", order_by="v", limit=2)
    documents.delete("gone", "k1")
    documents.put("gone", "k15", {"v": 1.5})
    rest = documents.query("gone", order_by="v", limit=2, cursor=page.cursor)
    assert [document.key for document in rest.documents] == ["k15", "k2"]


def test_a_full_last_page_has_no_cursor(documents: DocumentStore) -> None:
    for key in "ab":
        documents.put("two", key, {})
    assert documents.query("two", limit=2).cursor is None
    assert documents.query("two", limit=1).cursor is not None


@pytest.mark.parametrize(
    "other",
    [
        {"collection": "else"},
        {"order_by": None},
        {"order_by": "w"},
        {"descending": True},
        {"where": [Where("w", "==", 1.0)]},
        {"where": [Where("w", "==", True)]},
        {"where": []},
    ],
    ids=str,
)
def test_a_cursor_belongs_to_its_query(documents: DocumentStore, other: dict[str, Any]) -> None:
    for key in "abc":
        documents.put("own", key, {"v": 1, "w": 1})
    query: dict[str, Any] = {"collection": "own", "where": [Where("w", "==", 1)], "order_by": "v"}
    cursor = documents.query(**query, limit=1).cursor
    assert len(documents.query(**query, limit=5, cursor=cursor).documents) == 2
    with pytest.raises(InvalidCursor):
        documents.query(**(query | other), limit=1, cursor=cursor)


@pytest.mark.parametrize("damage", ["", "x", "é", "AAAA", "%", "QUJD" * 20])
def test_a_damaged_cursor_is_refused(mixed: DocumentStore, damage: str) -> None:
    with pytest.raises(InvalidCursor):
        mixed.query("mixed", order_by="v", cursor=damage)
    cursor = mixed.query("mixed", order_by="v", limit=1).cursor
    assert cursor is not None
    with pytest.raises(InvalidCursor):
        mixed.query("mixed", order_by="v", cursor=cursor[:-4] + damage + "_-_-")


@pytest.mark.parametrize(
    ("where", "options", "reason"),
    [
        ([Where("v", "<", 1)], {}, "needs order_by"),
        ([Where("v", "<", 1)], {"order_by": "w"}, "needs order_by"),
        ([Where("v", "<", math.nan)], {"order_by": "v"}, "NaN"),
        ([Where("v", "==", "x" * 1501)], {}, "bytes are not compared"),
        ([Where("v", "==", 2**63)], {}, "64 bits"),
        ([Where("v", "==", datetime(2026, 1, 1))], {}, "time zone"),  # noqa: DTZ001  the point of the case
        ([Where("a.b", "==", 1)], {}, "not a condition"),
        ([Where("v' OR 1=1 --", "==", 1)], {}, "not a condition"),
        ([], {"order_by": "v; DROP TABLE documents"}, "order by"),
        ([], {"descending": True}, "descending needs order_by"),
        ([], {"limit": 0}, "limit must be"),
        ([], {"limit": 100_000}, "limit must be"),
    ],
)
def test_a_query_that_one_of_the_stores_cannot_answer_is_refused(
    mixed: DocumentStore, where: Sequence[Where], options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        mixed.query("mixed", where, **options)


@pytest.mark.parametrize("value", [None, True, b"x", [1], {"a": 1}])
def test_ranges_are_for_numbers_text_and_moments(mixed: DocumentStore, value: Any) -> None:
    with pytest.raises(TypeError):
        mixed.query("mixed", [Where("v", "<", value)], order_by="v")


_NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
_TEXT = st.text(max_size=5)
_MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 1),  # noqa: DTZ001  Hypothesis adds the zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001  Hypothesis adds the zone
    timezones=st.just(UTC),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_ranges_agree_with_pythons_own_comparison(documents: DocumentStore, data: st.DataObject) -> None:
    collection = f"c{uuid.uuid4().hex}"
    kind = data.draw(st.sampled_from([_NUMBERS, _TEXT, _MOMENTS]))
    values = data.draw(st.lists(kind, min_size=1, max_size=8))
    for number, value in enumerate(values):
        documents.put(collection, f"k{number}", {"v": value})
    bound = data.draw(st.sampled_from(values) | kind)
    expected = sorted(_comparable(value) for value in values if _comparable(value) >= _comparable(bound))
    found = documents.query(collection, [Where("v", ">=", bound)], order_by="v").documents
    assert [_comparable(document.body["v"]) for document in found] == expected


def _comparable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value

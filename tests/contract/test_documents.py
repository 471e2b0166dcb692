"""DocumentStore: single documents and their versions."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.platform.bodies import MAX_BODY_BYTES, plain_body
from shared.platform.errors import AlreadyExists, VersionChanged
from shared.platform.ports import DocumentStore

_NAMES = st.text(min_size=1, max_size=20).filter(
    lambda name: name != "write_" and not (name.startswith("__") and name.endswith("__"))
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.just(math.nan),  # its payload bits are no value
    st.text(max_size=50),
    st.binary(max_size=50),
    st.datetimes(
        min_value=datetime(2, 1, 1),  # noqa: DTZ001  Hypothesis adds the zone
        max_value=datetime(9998, 1, 1),  # noqa: DTZ001  Hypothesis adds the zone
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
    ),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner.filter(lambda value: not isinstance(value, list)), max_size=4)
        | st.dictionaries(_NAMES, inner, max_size=4)
    ),
    max_leaves=12,
)
_BODIES = st.dictionaries(_NAMES, _VALUES, max_size=6)


def _exactly(body: Any) -> bytes:
    """A form that tells 1 from 1.0 and True, and knows NaN from nothing else."""
    return msgspec.msgpack.encode(body, order="sorted")


def test_what_was_created_is_read_back_with_its_version(documents: DocumentStore) -> None:
    version = documents.create("orders", "o-1", {"status": "new"})
    found = documents.get("orders", "o-1")
    assert found is not None
    assert (found.key, found.body, found.version) == ("o-1", {"status": "new"}, version)


def test_a_missing_document_is_none(documents: DocumentStore) -> None:
    documents.create("orders", "o-1", {})
    assert documents.get("orders", "o-2") is None
    assert documents.get("other", "o-1") is None


def test_create_refuses_an_existing_key_and_leaves_it(documents: DocumentStore) -> None:
    documents.create("orders", "o-1", {"status": "new"})
    with pytest.raises(AlreadyExists):
        documents.create("orders", "o-1", {"status": "other"})
    found = documents.get("orders", "o-1")
    assert found is not None
    assert found.body == {"status": "new"}


def test_put_stores_whatever_was_there(documents: DocumentStore) -> None:
    documents.put("orders", "o-1", {"a": 1, "b": 2})
    version = documents.put("orders", "o-1", {"c": 3})
    found = documents.get("orders", "o-1")
    assert found is not None
    assert (found.body, found.version) == ({"c": 3}, version)


def test_replace_stores_the_whole_new_body_at_the_read_version(documents: DocumentStore) -> None:
    version = documents.create("orders", "o-1", {"a": 1, "b": 2})
    replaced = documents.replace("orders", "o-1", {"c": 3}, version=version)
    found = documents.get("orders", "o-1")
    assert found is not None
    assert (found.body, found.version) == ({"c": 3}, replaced)


def test_every_write_changes_the_version_even_one_that_changes_nothing(documents: DocumentStore) -> None:
    first = documents.create("orders", "o-1", {"a": 1})
    second = documents.put("orders", "o-1", {"a": 1})
    third = documents.replace("orders", "o-1", {"a": 1}, version=second)
    assert len({first, second, third}) == 3


def test_a_stale_replace_is_refused_and_changes_nothing(documents: DocumentStore) -> None:
    stale = documents.create("orders", "o-1", {"a": 1})
    documents.put("orders", "o-1", {"a": 2})
    with pytest.raises(VersionChanged):
        documents.replace("orders", "o-1", {"a": 3}, version=stale)
    found = documents.get("orders", "o-1")
    assert found is not None
    assert found.body == {"a": 2}


def test_replace_of_a_missing_document_is_refused(documents: DocumentStore) -> None:
    version = documents.create("orders", "o-1", {"a": 1})
    documents.delete("orders", "o-1")
    with pytest.raises(VersionChanged):
        documents.replace("orders", "o-1", {"a": 2}, version=version)
    with pytest.raises(VersionChanged):
        documents.replace("orders", "never", {"a": 2}, version=version)


def test_a_version_of_a_deleted_document_does_not_fit_its_successor(documents: DocumentStore) -> None:
    version = documents.create("orders", "o-1", {"a": 1})
    documents.delete("orders", "o-1")
    documents.create("orders", "o-1", {"a": 1})
    with pytest.raises(VersionChanged):
        documents.replace("orders", "o-1", {"a": 2}, version=version)


@pytest.mark.parametrize("version", ["", "nonsense", "0", "1.0"])
def test_what_never_was_a_version_fits_nothing(documents: DocumentStore, version: str) -> None:
    documents.create("orders", "o-1", {"a": 1})
    with pytest.raises(VersionChanged):
        documents.replace("orders", "o-1", {"a": 2}, version=version)
    with pytest.raises(VersionChanged):
        documents.delete("orders", "o-1", version=version)


def test_delete_removes(documents: DocumentStore) -> None:
    documents.create("orders", "o-1", {"a": 1})
    documents.delete("orders", "o-1")
    assert documents.get("orders", "o-1") is None


def test_delete_without_a_version_forgives_a_missing_document(documents: DocumentStore) -> None:
    documents.delete("orders", "o-1")
    assert documents.get("orders", "o-1") is None


def test_delete_with_a_version_removes_only_that(documents: DocumentStore) -> None:
    stale = documents.create("orders", "o-1", {"a": 1})
    current = documents.put("orders", "o-1", {"a": 2})
    with pytest.raises(VersionChanged):
        documents.delete("orders", "o-1", version=stale)
    assert documents.get("orders", "o-1") is not None
    documents.delete("orders", "o-1", version=current)
    assert documents.get("orders", "o-1") is None
    with pytest.raises(VersionChanged):
        documents.delete("orders", "o-1", version=current)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=_BODIES)
def test_every_value_comes_back_as_it_was(documents: DocumentStore, body: dict[str, Any]) -> None:
    key = uuid.uuid4().hex
    documents.create("values", key, body)
    found = documents.get("values", key)
    assert found is not None
    assert _exactly(found.body) == _exactly(plain_body(body))


def test_a_datetime_comes_back_in_utc_to_the_microsecond(documents: DocumentStore) -> None:
    moment = datetime(2026, 3, 29, 2, 30, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
    documents.put("values", "moment", {"at": moment})
    found = documents.get("values", "moment")
    assert found is not None
    assert found.body == {"at": moment}
    assert found.body["at"].tzinfo is UTC


def test_names_and_text_of_any_script_come_back(documents: DocumentStore) -> None:
    body = {"Größe": "北京", "a.b`c/d": "\x00\n😀", "emoji 😀": {"ключ": ["x"]}}
    documents.put("values", "text", body)
    found = documents.get("values", "text")
    assert found is not None
    assert found.body == body


def test_a_body_of_the_largest_size_is_kept(documents: DocumentStore) -> None:
    blob = bytes(range(256)) * ((MAX_BODY_BYTES - 10) // 256)
    documents.put("values", "big", {"sealed": blob})
    found = documents.get("values", "big")
    assert found is not None
    assert found.body == {"sealed": blob}


def test_a_body_is_not_shared_with_the_caller(documents: DocumentStore) -> None:
    body: dict[str, Any] = {"list": [1]}
    documents.put("values", "own", body)
    body["list"].append(2)
    found = documents.get("values", "own")
    assert found is not None
    assert found.body == {"list": [1]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"sealed": bytes(MAX_BODY_BYTES + 1)}, "over the limit"),
        ({"at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001  the point of the case
        ({"at": datetime(9999, 6, 1, tzinfo=UTC)}, "after the year"),
        ({"number": 2**63}, "64 bits"),
        ({"nested": [[1]]}, "directly in a list"),
        ({"__reserved__": 1}, "not a field name"),
        ({"": 1}, "not a field name"),
        ({"write_": 1}, "not a field name"),
        ({"lone": "\ud800"}, "surrogates not allowed"),
    ],
    ids=["big", "naive", "late", "large", "list in list", "reserved", "nameless", "ours", "surrogate"],
)
def test_a_body_that_one_of_the_stores_cannot_keep_is_refused(
    documents: DocumentStore, body: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        documents.put("values", "bad", body)
    assert documents.get("values", "bad") is None


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, timedelta(1)], ids=["object", "set", "complex", "timedelta"])
def test_a_value_of_another_type_is_refused(documents: DocumentStore, value: object) -> None:
    with pytest.raises(TypeError):
        documents.put("values", "bad", {"value": value})


@pytest.mark.parametrize("key", ["", ".", "..", "__x__", "a/b", "a b", "ü", "x" * 201, "a\n", "a'--"])
def test_hostile_keys_are_refused(documents: DocumentStore, key: str) -> None:
    for call in (documents.get, documents.delete):
        with pytest.raises(ValueError, match="not a collection or key"):
            call("orders", key)
        with pytest.raises(ValueError, match="not a collection or key"):
            call(key, "o-1")
    with pytest.raises(ValueError, match="not a collection or key"):
        documents.create("orders", key, {})


@pytest.mark.parametrize("key", ["a", "x" * 200, "A-Z_a.z:0-9", "0", "..."])
def test_every_allowed_key_works(documents: DocumentStore, key: str) -> None:
    documents.create(key.replace(":", "-"), key, {"key": key})
    found = documents.get(key.replace(":", "-"), key)
    assert found is not None
    assert (found.key, found.body) == (key, {"key": key})

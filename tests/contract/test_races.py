"""Contention: of those who race for a key, a version or a generation, exactly one wins."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.errors import AlreadyExists, PlatformError, VersionChanged
from shared.platform.ports import DocumentStore
from tests.contract import harness, processes
from tests.contract.clock import HeldClock
from tests.contract.workers import count_up, create_all

_THREADS = 8
_T = TypeVar("_T")


def _together(work: Callable[[int], _T]) -> list[_T]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, range(_THREADS)))


def _attempt(call: Callable[[], object], loss: type[PlatformError]) -> bool:
    try:
        call()
    except loss:
        return False
    return True


def test_threads_that_create_one_key(documents: DocumentStore) -> None:
    won = _together(lambda number: create_all(documents, 10, str(number)))
    assert sorted(key for keys in won for key in keys) == sorted(f"k{number}" for number in range(10))
    for number, keys in enumerate(won):
        assert all((found := documents.get("race", key)) and found.body["who"] == str(number) for key in keys)


def test_threads_that_replace_one_version(documents: DocumentStore) -> None:
    version = documents.create("race", "k", {"who": -1})

    def replace(number: int) -> bool:
        return _attempt(lambda: documents.replace("race", "k", {"who": number}, version=version), VersionChanged)

    won = _together(replace)
    found = documents.get("race", "k")
    assert won.count(True) == 1
    assert found is not None
    assert found.body == {"who": won.index(True)}


def test_threads_that_replace_one_version_with_what_is_there(documents: DocumentStore) -> None:
    version = documents.create("race", "k", {"same": 1})

    def replace(_: int) -> bool:
        return _attempt(lambda: documents.replace("race", "k", {"same": 1}, version=version), VersionChanged)

    assert _together(replace).count(True) == 1


def test_threads_that_delete_one_version(documents: DocumentStore) -> None:
    version = documents.create("race", "k", {"a": 1})

    def delete(_: int) -> bool:
        return _attempt(lambda: documents.delete("race", "k", version=version), VersionChanged)

    assert _together(delete).count(True) == 1


def test_threads_that_count_up_lose_no_count(documents: DocumentStore) -> None:
    documents.create("race", "counter", {"n": 0})
    _together(lambda _: count_up(documents, 5))
    found = documents.get("race", "counter")
    assert found is not None
    assert found.body == {"n": 5 * _THREADS}


def test_threads_that_create_one_object(blobs: harness.Blobs) -> None:
    def create(number: int) -> bool:
        data = str(number).encode()
        return _attempt(lambda: blobs.store.put("k", data, content_type="x/y", if_generation=0), AlreadyExists)

    won = _together(create)
    assert won.count(True) == 1
    assert blobs.store.get("k") == str(won.index(True)).encode()


def test_processes_that_create_one_key(tmp_path: Path) -> None:
    path = tmp_path / "documents.sqlite"
    said = processes.outputs("create", path, ["a", "b", "c", "d"])
    won = [key for line in said for key in line.split()]
    assert sorted(won) == sorted(f"k{number}" for number in range(60))
    store = SqliteDocuments(path)
    assert len(store.query("race").documents) == 60
    store.close()


def test_processes_that_count_up_lose_no_count(tmp_path: Path) -> None:
    path = tmp_path / "documents.sqlite"
    store = SqliteDocuments(path)
    store.create("race", "counter", {"n": 0})
    processes.outputs("count", path, ["50"] * 4)
    found = store.get("race", "counter")
    assert found is not None
    assert found.body == {"n": 200}
    store.close()


def test_processes_that_create_one_object(tmp_path: Path) -> None:
    said = processes.outputs("claim-blob", tmp_path, ["a", "b", "c"])
    won = [number for line in said for number in line.split()]
    assert sorted(won) == sorted(str(number) for number in range(40))
    store = FolderBlobs(tmp_path, base_url="http://x", signing_key=b"k" * 16, clock=HeldClock())
    assert len(store.list("race/")) == 40
    assert len(list((tmp_path / "objects").iterdir())) == 40
    store.close()


@pytest.mark.parametrize("lines", [3, 10, 20])
def test_a_killed_writer_leaves_one_whole_object(tmp_path: Path, lines: int) -> None:
    with processes.killed_after("put-blobs", tmp_path, lines) as said:
        last = int(said[-1])
    store = FolderBlobs(tmp_path, base_url="http://x", signing_key=b"k" * 16, clock=HeldClock())
    data = store.get("a/b")
    number = int(data[:8])
    assert data == f"{number:08}".encode() * 50_000
    assert number in {last, last + 1}
    store.put("a/b", b"next", content_type="x/y")
    assert store.get("a/b") == b"next"
    store.close()

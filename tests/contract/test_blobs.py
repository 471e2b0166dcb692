"""BlobStore: objects, preconditions and names."""

from __future__ import annotations

import os
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.errors import AlreadyExists, NotFound, VersionChanged
from shared.platform.ports import BlobStore
from tests.contract import harness
from tests.contract.clock import HeldClock

_HOSTILE = ["", "/", "/etc/passwd", "a//b", "a/", "../a", "a/../../b", "a/./b", ".", "..", "a\\b", "a\nb", "a\x00b"]


@pytest.fixture
def store(blobs: harness.Blobs) -> BlobStore:
    return blobs.store


def test_an_object_is_read_back(store: BlobStore) -> None:
    written = store.put("orders/o1/report.pdf", b"%PDF", content_type="application/pdf")
    assert store.get("orders/o1/report.pdf") == b"%PDF"
    assert store.stat("orders/o1/report.pdf") == written
    assert (written.name, written.size, written.content_type) == ("orders/o1/report.pdf", 4, "application/pdf")
    assert written.updated.tzinfo is UTC


@pytest.mark.parametrize(
    "name", ["a", "Größe/北京 1.pdf", "a b+c%20d?e#f", "x" * 1024, "...", "CON", "a'b\"c", "-rf"]
)
def test_names_are_only_names(store: BlobStore, name: str) -> None:
    store.put(name, name.encode(), content_type="text/plain")
    assert store.get(name) == name.encode()
    assert [info.name for info in store.list("")] == [name]


def test_missing_objects(store: BlobStore) -> None:
    assert store.stat("none") is None
    with pytest.raises(NotFound):
        store.get("none")
    pieces = store.stream("none")
    with pytest.raises(NotFound):
        next(pieces)
    store.delete("none")


def test_a_put_replaces_and_changes_the_generation(store: BlobStore) -> None:
    first = store.put("a", b"1", content_type="text/plain")
    second = store.put("a", b"22", content_type="text/html")
    assert second.generation != first.generation
    assert store.get("a") == b"22"
    assert store.stat("a") == second


def test_create_if_absent(store: BlobStore) -> None:
    store.put("a", b"1", content_type="x/y", if_generation=0)
    with pytest.raises(AlreadyExists):
        store.put("a", b"2", content_type="x/y", if_generation=0)
    assert store.get("a") == b"1"


def test_replace_if_generation(store: BlobStore) -> None:
    first = store.put("a", b"1", content_type="x/y")
    store.put("a", b"2", content_type="x/y", if_generation=first.generation)
    with pytest.raises(VersionChanged):
        store.put("a", b"3", content_type="x/y", if_generation=first.generation)
    assert store.get("a") == b"2"


def test_a_generation_does_not_fit_a_deleted_object_or_its_successor(store: BlobStore) -> None:
    first = store.put("a", b"1", content_type="x/y")
    store.delete("a")
    with pytest.raises(VersionChanged):
        store.put("a", b"2", content_type="x/y", if_generation=first.generation)
    second = store.put("a", b"1", content_type="x/y", if_generation=0)
    assert second.generation != first.generation


def test_delete(store: BlobStore) -> None:
    store.put("a", b"1", content_type="x/y")
    store.delete("a")
    assert store.stat("a") is None
    assert store.list("") == []


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2500])
def test_a_stream_gives_everything_in_pieces(store: BlobStore, size: int) -> None:
    data = os.urandom(size)
    store.put("a", data, content_type="x/y")
    pieces = list(store.stream("a", chunk_bytes=1000))
    assert b"".join(pieces) == data
    assert all(len(piece) == 1000 for piece in pieces[:-1])
    assert all(0 < len(piece) <= 1000 for piece in pieces)


def test_a_stream_never_mixes_generations(store: BlobStore) -> None:
    store.put("a", b"1" * 2000, content_type="x/y")
    pieces = store.stream("a", chunk_bytes=1000)
    read = next(pieces)
    store.put("a", b"2" * 2000, content_type="x/y")
    try:
        read += b"".join(pieces)
    except VersionChanged:
        assert read == b"1" * 1000
    else:
        assert read == b"1" * 2000


def test_a_list_is_by_prefix_and_in_order(store: BlobStore) -> None:
    for name in ("b/2", "b/1", "b%", "a", "b/1/x", "B/1", "ü"):
        store.put(name, b"", content_type="x/y")
    assert [info.name for info in store.list("b/")] == ["b/1", "b/1/x", "b/2"]
    assert [info.name for info in store.list("b%")] == ["b%"]
    assert [info.name for info in store.list("")] == ["B/1", "a", "b%", "b/1", "b/1/x", "b/2", "ü"]
    assert store.list("nothing") == []
    assert store.list("a") == [store.stat("a")]


@pytest.mark.parametrize("name", [*_HOSTILE, "x" * 1025])
def test_hostile_names_are_refused(store: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="object name"):
        store.put(name, b"1", content_type="x/y")
    for call in (store.get, store.stat, store.delete):
        with pytest.raises(ValueError, match="object name"):
            call(name)
    with pytest.raises(ValueError, match="object name"):
        next(store.stream(name))
    with pytest.raises(ValueError, match="object name"):
        store.signed_url(name, expires_in_s=60)
    assert store.list("") == []


def test_replaced_and_refused_objects_leave_no_files(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path, base_url="http://x", signing_key=b"k" * 16, clock=HeldClock())
    store.put("a", b"1", content_type="x/y")
    store.put("a", b"2", content_type="x/y")
    with pytest.raises(AlreadyExists):
        store.put("a", b"3", content_type="x/y", if_generation=0)
    assert [file.read_bytes() for file in (tmp_path / "objects").iterdir()] == [b"2"]
    store.delete("a")
    assert list((tmp_path / "objects").iterdir()) == []
    store.close()


def test_a_sweep_removes_only_old_files_that_nobody_knows(tmp_path: Path) -> None:
    clock = HeldClock()
    store = FolderBlobs(tmp_path, base_url="http://x", signing_key=b"k" * 16, clock=clock)
    assert store.sweep() == 0
    store.put("a", b"1", content_type="x/y")
    long_ago = (clock.now() - timedelta(days=2)).timestamp()
    (tmp_path / "objects" / "orphan").touch()
    for path in (tmp_path / "objects").iterdir():
        os.utime(path, (long_ago, long_ago))
    fresh = tmp_path / "objects" / "being-written"
    fresh.touch()
    os.utime(fresh, (clock.now().timestamp(), clock.now().timestamp()))
    assert store.sweep() == 1
    assert store.get("a") == b"1"
    assert fresh.exists()
    store.close()

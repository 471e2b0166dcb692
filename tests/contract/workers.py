"""What the race tests run in processes of their own: ``python -m tests.contract.workers NAME PATH ARGUMENT``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.embedded.events import SqliteEvents
from shared.platform.errors import AlreadyExists, PlatformError, VersionChanged
from shared.platform.ports import DocumentStore, Event

TOPIC = "crash-topic"


def create_all(store: DocumentStore, keys: int, who: str) -> list[str]:
    """Try to create every key; gives those won."""
    won = []
    for number in range(keys):
        try:
            store.create("race", f"k{number}", {"who": who})
        except AlreadyExists:
            continue
        won.append(f"k{number}")
    return won


def count_up(store: DocumentStore, times: int) -> int:
    """Add 1 to a shared counter `times` times by read and replace; gives the number of lost races."""
    done = lost = 0
    while done < times:
        found = store.get("race", "counter")
        assert found is not None
        try:
            store.replace("race", "counter", {"n": found.body["n"] + 1}, version=found.version)
        except VersionChanged:
            lost += 1
        else:
            done += 1
    return lost


def _create(path: str, argument: str) -> None:
    print(*create_all(SqliteDocuments(path), 60, argument), flush=True)


def _count(path: str, argument: str) -> None:
    print(count_up(SqliteDocuments(path), int(argument)), flush=True)


def _pull(path: str, argument: str) -> None:
    """Take a message on a lease of `argument` seconds and never finish it."""
    queue = SqliteEvents(path, SystemClock())
    (delivery,) = queue.pull(TOPIC, limit=1, lease_s=float(argument))
    print(delivery.message_id, flush=True)
    time.sleep(600)


def _publish(path: str, _: str) -> None:
    """Publish without end, telling each id once it is durable."""
    bus = SqliteEvents(path, SystemClock())
    while True:
        print(bus.publish(Event(TOPIC, b"x" * 4096)), flush=True)


def _put_blobs(path: str, _: str) -> None:
    """Overwrite one object without end, telling each number once it is stored."""
    store = FolderBlobs(Path(path), base_url="http://x", signing_key=b"k" * 16, clock=SystemClock())
    for number in range(1_000_000):
        store.put("a/b", f"{number:08}".encode() * 50_000, content_type="x/y")
        print(number, flush=True)


def _claim_blob(path: str, argument: str) -> None:
    store = FolderBlobs(Path(path), base_url="http://x", signing_key=b"k" * 16, clock=SystemClock())
    won = []
    for number in range(40):
        try:
            store.put(f"race/{number}", argument.encode(), content_type="x/y", if_generation=0)
        except PlatformError:
            continue
        won.append(str(number))
    print(*won, flush=True)


_WORKERS = {
    "create": _create,
    "count": _count,
    "pull": _pull,
    "publish": _publish,
    "put-blobs": _put_blobs,
    "claim-blob": _claim_blob,
}

if __name__ == "__main__":
    _WORKERS[sys.argv[1]](*sys.argv[2:])

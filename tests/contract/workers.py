"""What the race tests run in processes of their own: ``python -m tests.contract.workers NAME PATH ARGUMENT``."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.embedded.events import SqliteEvents
from shared.platform.errors import AlreadyExists, PlatformError, VersionChanged
from shared.platform.ports import DocumentStore, Event
from shared.tesla.allowances import Allowances, Quota
from shared.tesla.errors import PlanLimitReached
from shared.tesla.plan_limits import PlanLimits
from shared.tesla.setting_writes import SettingWrites
from shared.tesla.shared_pace import SharedPace

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


def _take(path: str, argument: str) -> None:
    """Take from a quota of `argument` until it is used up; tells how many there were."""
    clock = SystemClock()
    allowances = Allowances(SqliteDocuments(path), clock)
    quota, taken = Quota("race", "race", int(argument), clock.now() + timedelta(days=1)), 0
    while True:
        try:
            allowances.take(quota)
        except PlanLimitReached:
            break
        taken += 1
    print(taken, flush=True)


def _pace(path: str, argument: str) -> None:
    """Take turns at 50 a second, `argument` of them; tells when each began, in seconds."""
    clock = SystemClock()
    pace = SharedPace(SqliteDocuments(path), clock, per_s=50, longest_wait_s=60)
    for _ in range(int(argument)):
        pace.wait()
        print(clock.now().timestamp(), flush=True)


def _write_settings(path: str, argument: str) -> None:
    """Try 20 setting writes of one site with a limit of `argument` a day; tells how many were allowed."""
    limits, allowed = PlanLimits(site_writes_per_day=int(argument)), 0
    writes = SettingWrites(SqliteDocuments(path), SystemClock(), limits)
    for _ in range(20):
        try:
            writes.take("site")
        except PlanLimitReached:
            continue
        allowed += 1
    print(allowed, flush=True)


_WORKERS = {
    "create": _create,
    "count": _count,
    "pull": _pull,
    "publish": _publish,
    "put-blobs": _put_blobs,
    "claim-blob": _claim_blob,
    "take": _take,
    "pace": _pace,
    "write-settings": _write_settings,
}

if __name__ == "__main__":
    _WORKERS[sys.argv[1]](*sys.argv[2:])

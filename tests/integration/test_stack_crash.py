"""Fault injection: functions that kill themselves at chosen and at random port calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from tests.stack.config import DeliveryConfig
from tests.stack.crash import BadCrashPoint, CrashPoint, parse_points
from tests.stack.embedded import BLOBS_FOLDER
from tests.stack.sample import sample_stack, send, until
from tests.stack.stack import Stack

MODULE = {"CRASH_MODULE": "tests.stack.sample_ports"}


def test_points_are_read() -> None:
    points = parse_points("fetch_vehicle:blobs.put:3, orders:documents.create:1:before,a:events.publish:2:after")
    points += parse_points("orders:documents.put/orders:1")
    assert points == [
        CrashPoint("fetch_vehicle", "blobs.put", 3, before=False),
        CrashPoint("orders", "documents.create", 1, before=True),
        CrashPoint("a", "events.publish", 2, before=False),
        CrashPoint("orders", "documents.put/orders", 1, before=False),
    ]


@pytest.mark.parametrize(
    "text", ["x", "a:b:1", "a:blobs.put", "a:blobs.put:0", "a:blobs.put:1:never", "a:disk.put:1"]
)
def test_other_points_are_refused(text: str) -> None:
    with pytest.raises(BadCrashPoint):
        parse_points(text)


@pytest.mark.parametrize(
    ("point", "left"), [("put:2:after", ["a", "b"]), ("put:2:before", ["a"]), ("put/c:1:before", ["a", "b"])]
)
def test_a_function_dies_once_at_its_point(tmp_path: Path, point: str, left: list[str]) -> None:
    crash = {"CRASH_AT": f"worker:blobs.{point}"}
    patient = DeliveryConfig(backoff_min_s=2.0)
    with sample_stack(tmp_path, settings=MODULE | crash, delivery=patient) as stack:
        send(stack, put=["a", "b", "c"])
        until(lambda: stack.deaths)
        assert _objects(stack) == left
        stack.wait_idle()
        assert stack.deaths == [("worker", -9)]
        assert _objects(stack) == ["a", "b", "c"]
        assert [each.status for each in stack.deliveries] == [0, 204]
    with sample_stack(tmp_path, settings=MODULE | crash) as stack:
        send(stack, put=["d", "e", "f"])
        stack.wait_idle()
        assert stack.deaths == []


def test_another_round_is_another_death(tmp_path: Path) -> None:
    deaths = []
    for crash_round in ("1", "2", "2"):
        crash = {"CRASH_AT": "worker:blobs.put:1", "CRASH_ROUND": crash_round}
        with sample_stack(tmp_path, settings=MODULE | crash) as stack:
            send(stack, put=["a"])
            stack.wait_idle()
            deaths.append(len(stack.deaths))
    assert deaths == [1, 1, 0]


def test_random_crashes_are_bounded_and_nothing_is_lost(tmp_path: Path) -> None:
    crash = {"CRASH_RANDOM": "7:0.2:4"}
    eager = DeliveryConfig(backoff_min_s=0.01, backoff_max_s=0.1, attempts=50)
    names = [f"object-{number:02}" for number in range(30)]
    with sample_stack(tmp_path, settings=MODULE | crash, delivery=eager) as stack:
        for name in names:
            send(stack, put=[name])
        stack.wait_idle(60)
        assert [name for name, _ in stack.deaths] == ["worker"] * 4
        assert _objects(stack) == names


def _objects(stack: Stack) -> list[str]:
    folder = stack.state_dir / BLOBS_FOLDER
    blobs = FolderBlobs(folder, base_url=stack.base_url, signing_key=b"0" * 16, clock=SystemClock())
    return [info.name for info in blobs.list("")]

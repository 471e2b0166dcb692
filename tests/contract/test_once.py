"""`Once`: one holder, one completion, a dead holder replaced, the late one refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.platform.errors import VersionChanged
from shared.platform.once import Busy, Claim, Done, Once
from shared.platform.ports import DocumentStore
from tests.contract.clock import HeldClock


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def once(documents: DocumentStore, clock: HeldClock) -> Once:
    return Once(documents, clock, keep_s=3600)


def _claimed(once: Once, key: str = "k", lease_s: float = 60) -> Claim:
    claim = once.claim(key, lease_s=lease_s, note="mine", subject="order")
    assert isinstance(claim, Claim)
    return claim


def test_one_of_many_gets_the_key(once: Once) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: once.claim("k", lease_s=60), range(8)))
    assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Busy) for outcome in outcomes) == 7


def test_one_of_many_takes_over_from_the_dead(once: Once, clock: HeldClock) -> None:
    _claimed(once)
    clock.sleep(61)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: once.claim("k", lease_s=60), range(8)))
    assert [outcome.fence for outcome in outcomes if isinstance(outcome, Claim)] == [2]


def test_a_held_key_is_busy_until_its_lease_ends(once: Once, clock: HeldClock) -> None:
    _claimed(once)
    busy = once.claim("k", lease_s=60)
    assert isinstance(busy, Busy)
    assert busy.note == "mine"
    clock.sleep(59)
    assert isinstance(once.claim("k", lease_s=60), Busy)
    clock.sleep(2)
    assert isinstance(once.claim("k", lease_s=60), Claim)


def test_a_completed_key_stays_done_and_gives_its_result(once: Once, clock: HeldClock) -> None:
    once.complete(_claimed(once), b"result")
    clock.sleep(3000)
    assert once.claim("k", lease_s=60) == Done(b"result", "mine")


def test_a_completed_key_is_free_again_when_its_record_expired(once: Once, clock: HeldClock) -> None:
    once.complete(_claimed(once), b"result")
    clock.sleep(3601)
    assert isinstance(once.claim("k", lease_s=60), Claim)


def test_a_released_key_goes_to_the_next_with_a_higher_fence(once: Once) -> None:
    first = _claimed(once)
    once.release(first)
    assert _claimed(once).fence == first.fence + 1


def test_a_late_completion_is_refused(once: Once, clock: HeldClock) -> None:
    late = _claimed(once)
    clock.sleep(61)
    once.complete(_claimed(once), b"new")
    with pytest.raises(VersionChanged):
        once.complete(late, b"old")
    assert once.claim("k", lease_s=60) == Done(b"new", "mine")


def test_a_late_release_changes_nothing(once: Once, clock: HeldClock) -> None:
    late = _claimed(once)
    clock.sleep(61)
    _claimed(once)
    once.release(late)
    assert isinstance(once.claim("k", lease_s=60), Busy)


def test_a_subject_is_forgotten_with_all_its_keys(once: Once) -> None:
    _claimed(once, "a")
    once.complete(_claimed(once, "b"))
    once.claim("c", lease_s=60, subject="another")
    once.forget("order")
    assert isinstance(once.claim("a", lease_s=60), Claim)
    assert isinstance(once.claim("b", lease_s=60), Claim)
    assert isinstance(once.claim("c", lease_s=60), Busy)

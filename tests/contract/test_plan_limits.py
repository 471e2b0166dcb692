"""Quotas, pace and setting writes that processes share: never over the limit, few writes, again when it is time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.platform.ports import DocumentStore, Version
from shared.tesla.allowances import Allowances, Quota
from shared.tesla.catalogue import ENDPOINTS, Endpoint
from shared.tesla.errors import PlanLimitReached
from shared.tesla.plan_limits import PlanLimits
from shared.tesla.request_limits import RequestLimits, never_blocked
from shared.tesla.setting_writes import SettingWrites
from shared.tesla.shared_pace import SharedPace
from tests.contract.clock import HeldClock
from tests.contract.processes import outputs, start

DAY_S = 86_400
VIN = "5YJ3E1EA7KF000001"


class Counted:
    """A store that counts its writes."""

    def __init__(self, store: DocumentStore) -> None:
        self._store, self.writes = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, collection: str, key: str, body: Any) -> Version:
        self.writes += 1
        return self._store.create(collection, key, body)

    def replace(self, collection: str, key: str, body: Any, *, version: Version) -> Version:
        self.writes += 1
        return self._store.replace(collection, key, body, version=version)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


def _quota(clock: HeldClock, limit: int) -> Quota:
    return Quota("tests a day", "tests", limit, clock.now() + timedelta(days=1))


def _fits(take: Callable[[], None], tries: int) -> int:
    """How many of the tries are allowed."""
    allowed = 0
    for _ in range(tries):
        try:
            take()
        except PlanLimitReached:
            continue
        allowed += 1
    return allowed


def _limits(documents: Any, clock: HeldClock, **limits: int) -> RequestLimits:
    return RequestLimits(documents, clock, PlanLimits(**limits), lambda: b"pepper")


def _admitted(limits: RequestLimits, name: str, tries: int, vin: str = VIN) -> int:
    endpoint: Endpoint = ENDPOINTS[name]
    return _fits(lambda: limits.admit(endpoint, (vin,)), tries)


# Quotas


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_quota_is_given_out_to_the_last_and_no_further(
    documents: DocumentStore, clock: HeldClock, limit: int
) -> None:
    quota = _quota(clock, limit)
    assert _fits(lambda: Allowances(documents, clock).take(quota), 1) == 1
    allowances = Allowances(documents, clock)
    portion = min(8, quota.largest_portion)
    assert _fits(lambda: allowances.take(quota), limit + 5) == limit - portion
    with pytest.raises(PlanLimitReached) as raised:
        allowances.take(quota)
    assert (raised.value.limit, raised.value.again_at) == ("tests a day", quota.ends_at)
    assert raised.value.retry_after_s == DAY_S


def test_a_quota_costs_a_write_per_portion(documents: DocumentStore, clock: HeldClock) -> None:
    counted = Counted(documents)
    allowances, quota = Allowances(counted, clock), _quota(clock, 10_000)
    assert _fits(lambda: allowances.take(quota), 1000) == 1000
    assert counted.writes <= 15


def test_a_quota_that_is_used_up_costs_nothing_more(documents: DocumentStore, clock: HeldClock) -> None:
    counted = Counted(documents)
    allowances, quota = Allowances(counted, clock), _quota(clock, 20)
    _fits(lambda: allowances.take(quota), 21)
    before = counted.writes
    assert _fits(lambda: allowances.take(quota), 50) == 0
    assert counted.writes == before


def test_what_was_not_used_is_used_later(documents: DocumentStore, clock: HeldClock) -> None:
    allowances, quota = Allowances(documents, clock), _quota(clock, 1)
    allowances.take(quota)
    allowances.give_back(quota)
    assert _fits(lambda: allowances.take(quota), 2) == 1


def test_what_is_forced_goes_beyond_a_quota_and_counts(documents: DocumentStore, clock: HeldClock) -> None:
    allowances, quota = Allowances(documents, clock), _quota(clock, 2)
    for _ in range(5):
        allowances.take(quota, forced=True)
    stored = documents.get("allowances", "tests")
    assert stored is not None
    assert stored.body["taken"] == 5
    assert _fits(lambda: allowances.take(quota), 1) == 0


def test_threads_of_several_instances_stay_within_a_quota(documents: DocumentStore, clock: HeldClock) -> None:
    quota, instances = _quota(clock, 100), [Allowances(documents, clock) for _ in range(3)]
    takes = [partial(instance.take, quota) for instance in instances]
    with ThreadPoolExecutor(6) as pool:
        taken = sum(pool.map(lambda number: _fits(takes[number % 3], 40), range(6)))
    assert taken <= 100
    assert taken + sum(_fits(take, 100) for take in takes) == 100


def test_processes_that_race_share_a_quota_out(tmp_path: Path) -> None:
    taken = [int(said) for said in outputs("take", tmp_path / "documents.sqlite", ["120"] * 3)]
    assert sum(taken) == 120


# Requests


def test_each_kind_of_call_has_its_own_limit_per_vehicle_and_day(documents: DocumentStore, clock: HeldClock) -> None:
    limits = _limits(documents, clock, vehicle_data_per_day=6, vehicle_commands_per_day=3, vehicle_wakes_per_day=2)
    assert _admitted(limits, "vehicle_data", 5) == 5
    assert _admitted(limits, "specs", 5) == 1
    assert _admitted(limits, "wake_up", 5) == 2
    assert _admitted(limits, "vehicle", 20) == 20  # free of charge, and in no plan's limit
    assert _admitted(limits, "vehicle_data", 9, "5YJ3E1EA7KF000002") == 6
    clock.sleep(DAY_S)
    assert _admitted(limits, "vehicle_data", 9) == 6
    assert _admitted(limits, "wake_up", 9) == 2


def test_a_day_ends_at_midnight(documents: DocumentStore, clock: HeldClock) -> None:
    limits = _limits(documents, clock, vehicle_wakes_per_day=1)
    limits.admit(ENDPOINTS["wake_up"], (VIN,))
    with pytest.raises(PlanLimitReached) as raised:
        limits.admit(ENDPOINTS["wake_up"], (VIN,))
    assert raised.value.again_at == datetime(2030, 1, 3, tzinfo=UTC)
    clock.sleep(raised.value.retry_after_s)
    limits.admit(ENDPOINTS["wake_up"], (VIN,))


def test_what_one_limit_refuses_counts_against_none(documents: DocumentStore, clock: HeldClock) -> None:
    limits = _limits(documents, clock, vehicle_data_per_day=3, vehicle_wakes_per_day=1, requests_per_day=2)
    assert _admitted(limits, "wake_up", 5) == 1
    assert _admitted(limits, "vehicle_data", 5) == 1
    counts = {item.key.split(".")[0]: item.body["taken"] for item in documents.query("allowances").documents}
    assert counts["requests"] == 2
    assert counts["data"] == 2  # one is used, one is this process's to use


def test_no_counter_names_a_vehicle(documents: DocumentStore, clock: HeldClock) -> None:
    _limits(documents, clock, vehicle_data_per_day=3).admit(ENDPOINTS["fleet_status"], (VIN, VIN[::-1]))
    stored = documents.query("allowances").documents
    assert len(stored) == 2
    assert not [item for item in stored if VIN in f"{item}" or VIN[-6:] in f"{item}"]


def test_what_has_to_be_undone_is_never_refused_by_a_day(documents: DocumentStore, clock: HeldClock) -> None:
    limits = _limits(documents, clock, requests_per_day=1)
    assert _admitted(limits, "operation", 3) == 1
    with never_blocked():
        assert _admitted(limits, "operation", 3) == 3
    assert _admitted(limits, "operation", 3) == 0


# Pace


def test_turns_are_evenly_apart_over_instances(documents: DocumentStore, clock: HeldClock) -> None:
    paces = [SharedPace(documents, clock, per_s=5, longest_wait_s=10) for _ in range(3)]
    turns = []
    for number in range(30):
        paces[number % 3].wait()
        turns.append(clock.monotonic())
    for first, sixth in zip(turns, turns[6:], strict=False):
        assert sixth - first >= 1


def test_a_pace_costs_few_writes_where_it_is_busy(documents: DocumentStore, clock: HeldClock) -> None:
    counted = Counted(documents)
    pace = SharedPace(counted, clock, per_s=20, longest_wait_s=10)
    for _ in range(200):
        pace.wait()
    assert clock.monotonic() == pytest.approx(199 / 20)
    assert counted.writes <= 16


def test_turns_that_were_let_pass_do_not_come_in_a_burst(documents: DocumentStore, clock: HeldClock) -> None:
    pace = SharedPace(documents, clock, per_s=10, longest_wait_s=10)
    for _ in range(15):
        pace.wait()
    clock.sleep(3600)
    began = clock.monotonic()
    for _ in range(21):
        pace.wait()
    assert clock.monotonic() - began == pytest.approx(2.0)


def test_a_turn_too_far_off_is_not_waited_for(documents: DocumentStore, clock: HeldClock) -> None:
    class Still(HeldClock):
        """A clock that others' waits do not move."""

        def sleep(self, seconds: float) -> None:
            self.slept = seconds

    still = Still()
    pace = SharedPace(documents, still, per_s=1, longest_wait_s=3)
    assert _fits(pace.wait, 10) == 4
    with pytest.raises(PlanLimitReached) as raised:
        pace.wait()
    assert 3 < raised.value.retry_after_s <= 4
    assert still.slept == 3


def test_processes_that_race_keep_one_pace(tmp_path: Path) -> None:
    path = tmp_path / "documents.sqlite"
    workers = [start("pace", path, "20") for _ in range(3)]
    said = [worker.communicate(timeout=120)[0].split() for worker in workers]
    turns = sorted(float(turn) for turns in said for turn in turns)
    assert len(turns) == 60
    # A turn is used within the time of the next; so in no stretch are there more than fit, and one more.
    assert turns[-1] - turns[0] >= 58 / 50


# Setting writes


@pytest.fixture
def writes(documents: DocumentStore, clock: HeldClock) -> SettingWrites:
    return SettingWrites(documents, clock, PlanLimits(site_writes_per_day=5, site_tariffs_per_month=1))


def test_a_site_takes_so_many_writes_a_day(writes: SettingWrites, clock: HeldClock) -> None:
    assert _fits(lambda: writes.take("1"), 9) == 5
    assert _fits(lambda: writes.take("2"), 1) == 1
    with pytest.raises(PlanLimitReached) as raised:
        writes.take("1")
    assert raised.value.again_at == datetime(2030, 1, 3, tzinfo=UTC)
    clock.sleep(raised.value.retry_after_s)
    assert _fits(lambda: writes.take("1"), 9) == 5


def test_a_site_takes_so_many_tariffs_a_month(writes: SettingWrites, clock: HeldClock) -> None:
    writes.take("1", tariff=True)
    with pytest.raises(PlanLimitReached, match="tariff") as raised:
        writes.take("1", tariff=True)
    assert raised.value.again_at == datetime(2030, 2, 1, tzinfo=UTC)
    assert _fits(lambda: writes.take("1"), 9) == 4
    clock.sleep(raised.value.retry_after_s - 1)
    assert _fits(lambda: writes.take("1", tariff=True), 1) == 0
    clock.sleep(1)
    writes.take("1", tariff=True)


def test_a_restore_is_counted_and_never_refused(writes: SettingWrites) -> None:
    for _ in range(7):
        writes.take("1", tariff=True, restore=True)
    assert _fits(lambda: writes.take("1"), 1) == 0
    assert _fits(lambda: writes.take("1", tariff=True), 1) == 0
    assert _fits(lambda: writes.take("1", restore=True), 3) == 3


def test_without_limits_nothing_is_stored(documents: DocumentStore, clock: HeldClock) -> None:
    writes = SettingWrites(documents, clock, PlanLimits(requests_per_s=5))
    assert _fits(lambda: writes.take("1", tariff=True), 30) == 30
    assert documents.query("setting_writes").documents == []


@pytest.mark.parametrize(("limit", "of"), [("site_writes_per_day", "tariff"), ("site_tariffs_per_month", "backup")])
def test_one_limit_alone_leaves_the_other_kind_free(
    documents: DocumentStore, clock: HeldClock, limit: str, of: str
) -> None:
    writes = SettingWrites(documents, clock, PlanLimits(**{limit: 2}))
    allowed = _fits(lambda: writes.take("1", tariff=of == "tariff"), 9)
    assert allowed == (2 if limit == "site_writes_per_day" else 9)


def test_processes_that_race_share_a_sites_writes(tmp_path: Path) -> None:
    allowed = outputs("write-settings", tmp_path / "documents.sqlite", ["5"] * 3)
    assert sum(map(int, allowed)) == 5

"""The fleet's tick in one process: enrolled sites, polls against the simulated Tesla, sums, and what goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.energy.model import Evidence, Fact
from shared.energy.samples import Outcome, Sample
from shared.energy.shards import unpack_samples
from tests.lab import Lab, running_lab
from tests.simulator import Simulator
from tests.simulator.config import SimulatorConfig

TICK_S = 300
OWNERS, SITES = 3, 4


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """Three owners with four batteries each, and no cars."""
    with Simulator(SimulatorConfig(accounts=OWNERS, vehicles=0, sites=SITES, empty_site=False)) as running:
        yield running


@pytest.fixture
def lab(tesla: Simulator, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The service, with every battery enrolled and all three facts of each established."""
    marker = request.node.get_closest_marker("settings")
    tesla.clear()
    tesla.reset()
    with running_lab(tesla, tmp_path, **(marker.kwargs if marker else {})) as running:
        for owner in range(OWNERS):
            enrol(running, owner)
        yield running


def enrol(lab: Lab, owner: int) -> list[str]:
    """One owner's consent and all sites of that account, taken into the programme and the utility's list."""
    subject, now = f"enrolment-{owner}", lab.clock.now()
    until = now + timedelta(days=30)
    grant, _ = bootstrap.grants().issue("enrolment", subject, until)
    reply = lab.connect(grant, account=owner, product="energy")
    assert reply.status == 200, reply.text
    desk = bootstrap.energy_desk()
    sites = list(desk.enrolling.enrol(subject, [], until))
    yes = Fact(holds=True, at=now, evidence=Evidence.OPERATOR)
    for name in ("programme", "utility"):
        assert desk.registry.record_many(name, dict.fromkeys(sites, yes)) == []
    return sites


def tick(lab: Lab, ticks: int = 1) -> None:
    """So many ticks, each polled to its end."""
    for _ in range(ticks):
        next_tick(lab)
        bootstrap.fleet_tick().start()
        lab.pump()


def next_tick(lab: Lab) -> None:
    """The next tick begins."""
    lab.clock.sleep(TICK_S - lab.clock.now().timestamp() % TICK_S + 1)


def samples() -> dict[str, Sample]:
    """The last sample of every site."""
    shards = bootstrap.shards()
    states = [shards.state(name) for name in shards.index().sites]
    return {key: value for state in states if state for key, value in unpack_samples(state.value.samples).items()}


def asked(lab: Lab, since: int = 0) -> Counter[str]:
    """What the simulated Tesla was asked since, by endpoint."""
    return Counter(call.endpoint for call in lab.simulator.ledger[since:])


def test_a_tick_reads_every_site_and_adds_it_up(lab: Lab) -> None:
    tick(lab)
    found = samples()
    assert len(found) == OWNERS * SITES
    assert {sample.outcome for sample in found.values()} == {Outcome.OK}
    fleet = bootstrap.energy_desk().overview.fleet()
    powers = [sample.reading.battery_power_w or 0 for sample in found.values() if sample.reading]
    assert fleet.totals.sites == fleet.totals.enrolled == fleet.totals.fresh == OWNERS * SITES
    assert fleet.totals.flow_w == pytest.approx(sum(powers))
    assert fleet.totals.by_reason.get("counted", 0) + fleet.totals.by_reason.get("at_reserve", 0) > 0


def outcomes() -> Counter[str]:
    """The outcomes of the last poll."""
    return Counter(sample.outcome.value for sample in samples().values())


def test_one_starter_and_one_poll_per_tick(lab: Lab) -> None:
    next_tick(lab)
    assert bootstrap.fleet_tick().start() == 1
    assert bootstrap.fleet_tick().start() == 0
    before = len(lab.simulator.ledger)
    lab.pump(times=3)  # the same message again and again
    first = bootstrap.shards().state("0000")
    assert first is not None
    tick(lab)
    second = bootstrap.shards().state("0000")
    assert second is not None
    assert second.value.tick == first.value.tick + 1
    assert asked(lab, before)["live_status"] >= 2 * OWNERS * SITES


def test_a_message_of_a_tick_that_is_over_asks_nothing(lab: Lab) -> None:
    next_tick(lab)
    bootstrap.fleet_tick().start()
    next_tick(lab)
    before = len(lab.simulator.ledger)
    lab.pump()
    assert not asked(lab, before)
    assert bootstrap.shards().state("0000") is None


def test_a_failing_site_keeps_its_last_reading_and_costs_no_other(lab: Lab) -> None:
    tick(lab)
    broken = next(iter(samples()))
    lab.simulator.add_fault(rf"/{broken}/live_status", "server_error", status=500)
    tick(lab)
    found = samples()
    assert found[broken].outcome is Outcome.SERVER_ERROR
    assert found[broken].failures == 1
    assert found[broken].reading is not None
    assert outcomes()["ok"] == OWNERS * SITES - 1


@pytest.mark.parametrize(
    ("kind", "options", "outcome"),
    [
        ("timeout408", {}, "unreachable"),
        ("rate_limited", {"retry_after_s": 3_600}, "rate_limited"),
        ("html", {"status": 502}, "server_error"),
        ("html", {"status": 200}, "unreadable"),
        ("truncated", {}, "unreadable"),
        ("null_response", {}, "empty"),
        ("empty_body", {}, "empty"),
        ("status", {"status": 404}, "not_found"),
        ("status", {"status": 403}, "forbidden"),
        ("status", {"status": 412}, "region_unregistered"),
        ("drop", {}, "connection_lost"),
    ],
)
def test_every_failure_is_one_outcome_of_its_site(lab: Lab, kind: str, options: dict[str, Any], outcome: str) -> None:
    lab.simulator.add_fault("live_status", kind, **options)
    tick(lab)
    assert outcomes() == {outcome: OWNERS * SITES}
    assert bootstrap.energy_desk().overview.fleet().totals.counted == 0


def test_a_dead_consent_stops_its_own_sites_only(lab: Lab) -> None:
    tick(lab)
    lab.simulator.revoke(0)
    tick(lab, 3)
    assert outcomes()["ok"] == (OWNERS - 1) * SITES
    shards = bootstrap.shards()
    ended = [site for site in shards.roster("0000").values() if not site.authorised.holds]
    assert len(ended) == SITES
    assert {site.authorised.evidence for site in ended} == {Evidence.REVOKED}
    before = len(lab.simulator.ledger)
    tick(lab)
    assert asked(lab, before)["live_status"] == (OWNERS - 1) * SITES  # nothing is asked for the ended one


def test_a_refused_token_is_refreshed_elsewhere_and_works_at_the_next_tick(lab: Lab) -> None:
    tick(lab)
    lab.simulator.add_fault("live_status", "status", status=401, times=OWNERS * SITES)
    tick(lab)
    assert outcomes()["ok"] == 0
    tick(lab)
    assert outcomes()["ok"] == OWNERS * SITES


def test_an_opt_out_is_effective_at_once(lab: Lab) -> None:
    tick(lab)
    site = next(iter(samples()))
    bootstrap.energy_desk().registry.opt_out(site, "owner")
    before = len(lab.simulator.ledger)
    tick(lab)
    assert asked(lab, before)["live_status"] == OWNERS * SITES - 1
    assert bootstrap.energy_desk().overview.fleet().totals.enrolled == OWNERS * SITES - 1


def test_equipment_is_read_at_first_and_then_once_a_day(lab: Lab) -> None:
    before = len(lab.simulator.ledger)
    tick(lab)
    assert asked(lab, before)["site_info"] == OWNERS * SITES
    before = len(lab.simulator.ledger)
    tick(lab, 3)
    assert asked(lab, before)["site_info"] == 0
    lab.clock.shift += timedelta(hours=20)
    before = len(lab.simulator.ledger)
    for _ in range(12):  # past the shard's slot of the day, wherever it lies
        lab.clock.shift += timedelta(hours=2) - timedelta(seconds=TICK_S)
        tick(lab)
    assert asked(lab, before)["site_info"] in (0, OWNERS * SITES)


@pytest.mark.settings(ENERGY_POLL_EVERY="3")
def test_a_slower_cadence_spreads_the_sites_over_the_ticks(lab: Lab) -> None:
    tick(lab)
    before = len(lab.simulator.ledger)
    tick(lab, 3)
    assert asked(lab, before)["live_status"] == OWNERS * SITES


@pytest.mark.settings(
    TESLA_LIMITS="retired_plan", TESLA_LIMIT_REQUESTS_PER_S="0", TESLA_LIMIT_REQUESTS_PER_DAY=str(288 * 5)
)
def test_a_daily_limit_is_shared_out_and_the_longest_unread_go_first(lab: Lab) -> None:
    for _ in range(OWNERS * SITES):  # the equipment is read along at first, which takes calls too
        before = len(lab.simulator.ledger)
        tick(lab)
        assert asked(lab, before).total() <= 5
    read = set[str]()
    for _ in range(3):
        before = len(lab.simulator.ledger)
        tick(lab)
        assert asked(lab, before) == {"live_status": 5}
        read |= {key for key, sample in samples().items() if sample.outcome is Outcome.OK}
        assert outcomes()["skipped"] == OWNERS * SITES - 5
    assert len(read) == OWNERS * SITES


def test_the_days_rows_and_the_history_can_be_read(lab: Lab) -> None:
    tick(lab, 3)
    desk = bootstrap.energy_desk()
    next_tick(lab)
    bootstrap.fleet_tick().start()
    today = lab.clock.now().date()
    rows = [row for day in (today - timedelta(days=1), today) for row in desk.overview.day(day)]
    assert [row.sites for row in rows] == [OWNERS * SITES] * 3
    site = next(iter(samples()))
    history = desk.overview.history(site, "0000", 1)
    assert len(history) == 3
    assert all(row.energy_site_id == site and row.battery_power is not None for row in history)


def test_calls_and_costs_stand_in_the_ledger(lab: Lab) -> None:
    tick(lab, 2)
    next_tick(lab)
    bootstrap.fleet_tick().start()
    today = lab.clock.now().date()
    days = bootstrap.ledger().usage(today - timedelta(days=1), today)
    assert sum(day.calls_by_endpoint.get("live_status", 0) for day in days) == 2 * OWNERS * SITES


def test_operations_on_the_store_are_few(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(lab, 2)  # equipment is known, tokens are kept
    counts = Counter[str]()
    store = bootstrap.documents()
    for name, kind in (
        ("get", "read"),
        ("create", "write"),
        ("replace", "write"),
        ("put", "write"),
        ("query", "query"),
    ):
        real = getattr(store, name)

        def counted(*args: Any, _real: Any = real, _kind: str = kind, **kwargs: Any) -> Any:
            counts[_kind] += 1
            return _real(*args, **kwargs)

        monkeypatch.setattr(store, name, counted)
    tick(lab)
    shards = len(bootstrap.shards().index().sites)
    counts["read"] -= 1  # the index that this test has just read
    assert counts["query"] == 0
    assert counts["read"] + counts["write"] <= 4 * shards + 5, counts

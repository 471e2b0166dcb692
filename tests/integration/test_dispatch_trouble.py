"""Tesla's troubles, limits and the fleet's physics: what they cost an event, and what they never do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from shared import bootstrap
from shared.energy.dispatch.answers import Verdict
from shared.energy.dispatch.event_csv import intervals_csv, sites_csv
from shared.energy.dispatch.event_report import render_event
from shared.energy.dispatch.model import State, Strategy
from shared.energy.dispatch.records import Outcome, Restoration
from shared.energy.shards import ShardToken
from shared.tesla.plan_limits import RETIRED_PLAN
from tests.integration.dispatch_place import ACCOUNT, Place, running_place
from tests.lab import ROOT
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange
from tests.simulator.energy_truth import fleet_truth

Opened: TypeAlias = Callable[..., AbstractContextManager[Place]]
SITES = 40
KW = 1_000.0


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with forty sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, seed=11, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def few() -> Iterator[Simulator]:
    """One owner with ten sites, for what has to wait in real time."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=10, seed=11, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def opened_few(few: Simulator, tmp_path: Path) -> Opened:
    return partial(running_place, few, tmp_path)


@pytest.fixture
def opened(tesla: Simulator, tmp_path: Path) -> Opened:
    return partial(running_place, tesla, tmp_path)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "server_error", "probability": 0.3},
        {"kind": "server_error", "probability": 0.3, "executes": True},
        {"kind": "drop", "probability": 0.3},
        {"kind": "timeout408", "probability": 0.3},
        {"kind": "rate_limited", "probability": 0.3, "retry_after_s": 0},
        {"kind": "html", "status": 200, "probability": 0.2},
        {"kind": "truncated", "probability": 0.3},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('executes', '')}",
)
def test_troubles_cost_time_and_nothing_else(opened_few: Opened, fault: dict[str, Any]) -> None:
    with opened_few() as place:
        place.desk.service.receive(place.signal(strategy=Strategy.EXPORT, target_kw=500.0, minutes=30), "utility")
        place.simulator.add_fault("site_info|operation|time_of_use|grid_import", **fault)
        place.forward(60)
        place.work_off()
        place.live_through(40)
        for _ in range(8):
            place.forward(130)
            place.work_off()
        records = place.records()
        assert place.changed() == []
        assert place.dispatch().state is State.DONE
        assert {record.restoration for record in records} <= {Restoration.RESTORED, Restoration.NOTHING_CHANGED}
        confirmed = [record for record in records if record.outcome is Outcome.CONFIRMED]
        assert len(confirmed) >= 0.8 * len(records)


def test_a_refused_site_is_reported_and_costs_the_others_nothing(opened: Opened) -> None:
    with opened() as place:
        place.desk.service.receive(place.signal(target_kw=500.0, minutes=30), "utility")
        bad = min(site for site, found in place.found.items() if found[0] != "self_consumption")
        place.simulator.add_fault(f"{bad}/operation", "status", status=403, body="forbidden")
        place.forward(60)
        place.work_off()
        ends = {record.energy_site_id: record for record in place.records()}
        assert (ends[bad].outcome, ends[bad].reason) == (Outcome.REFUSED, "forbidden")
        assert all(one.outcome is Outcome.CONFIRMED for site, one in ends.items() if site != bad)


def test_an_account_whose_token_is_not_taken_waits_for_a_newer_one_and_is_restored(opened: Opened) -> None:
    with opened() as place:
        place.desk.service.receive(place.signal(target_kw=500.0, minutes=30), "utility")
        place.forward(60)
        place.work_off()
        assert place.changed()
        shards = bootstrap.shards()
        good = shards.tokens("0000")[ACCOUNT]
        later = place.now + timedelta(hours=1)
        for shard in ("0000", "0001"):
            shards.change_tokens(shard, {ACCOUNT: ShardToken("", "eu", later, "no_token", later)})
        place.live_through(35)
        assert place.dispatch().state is State.RESTORING
        assert place.changed()
        for shard in ("0000", "0001"):
            shards.change_tokens(shard, {ACCOUNT: good})
        place.forward(120)
        place.work_off()
        assert place.changed() == []
        assert place.dispatch().state is State.DONE


def test_settings_that_may_not_be_written_any_more_are_not_and_restores_are(opened: Opened) -> None:
    with opened(environ={"TESLA_LIMITS": "retired_plan"}, limits=RETIRED_PLAN) as place:
        asked = place.signal(minutes=30, strategy=Strategy.EXPORT, target_kw=60.0)
        assert place.desk.service.receive(asked, "utility").verdict is Verdict.ACCEPTED
        place.forward(60)
        place.work_off()
        first = set(place.commands())
        assert first
        place.live_through(35)
        assert place.changed() == []
        # One tariff change a month: the restore was the second, and was not blocked; another event's is.
        again = place.signal("again", minutes=30, strategy=Strategy.EXPORT, target_kw=60.0)
        place.simulator.clear()
        place.desk.service.receive(again, "utility")
        place.forward(60)
        place.work_off()
        tariffs = [
            site for site, sent in place.commands().items() if any("energy_charges" in body for *_, body in sent)
        ]
        assert not first.intersection(tariffs)


@pytest.mark.parametrize(
    ("strategy", "truth"), [(Strategy.DISCHARGE, "self_consumption_w"), (Strategy.EXPORT, "export_w")]
)
@pytest.mark.parametrize("hours", [1, 2, 3])
def test_no_more_is_committed_than_the_homes_can_give(
    opened: Opened, strategy: Strategy, truth: str, hours: int
) -> None:
    with opened() as place:
        asked = place.signal(strategy=strategy, target_kw=1e5, minutes=60 * hours, start=place.now)
        made = place.desk.service.receive(asked, "utility", dry_run=True).plan
        assert made is not None
        if strategy is Strategy.EXPORT:  # the event sets the rule, where the home may export at all
            for site in place.sites.values():
                site.change(export_rule="battery_ok")
        can_kw = sum(getattr(site, truth)[str(hours)] for site in fleet_truth(place.sites.values())) / KW
        assert 0.6 * can_kw < made.committed_kw <= can_kw


@pytest.mark.parametrize(
    ("strategy", "share"),
    [(Strategy.DISCHARGE, 0.7), (Strategy.LOAD_RELIEF, 0.7), (Strategy.EXPORT, 0.7), (Strategy.EXPORT, 1.0)],
)
def test_what_was_committed_is_delivered_within_five_percent_and_proven(
    opened: Opened, strategy: Strategy, share: float
) -> None:
    with opened() as place:
        most = place.desk.service.receive(
            place.signal(strategy=strategy, target_kw=1e5, minutes=120), "utility", dry_run=True
        ).plan
        assert most is not None
        asked = place.signal(strategy=strategy, target_kw=share * most.committed_kw, minutes=120)
        place.desk.service.receive(asked, "utility")
        place.forward(60)
        place.work_off()
        place.live_through(135)
        facts = place.desk.proof.facts("event")
        assert facts.settlement.mean_kw == pytest.approx(facts.settlement.committed_kw, rel=0.05)
        assert place.changed() == []
        for site, found in place.sites.items():
            kept = found.settings.reserve_percent / 100 * found.plant.capacity_wh
            assert found.present().energy_wh >= kept - 1, f"{site} is below its reserve"
        rows = sites_csv(facts.records, facts.start, facts.end).splitlines()
        assert len(rows) == 1 + len(facts.records)
        assert len(intervals_csv(facts.settlement).splitlines()) == 25
        pdf = render_event(facts, fonts=ROOT / "functions" / "build_report" / "fonts")
        assert pdf.startswith(b"%PDF")


def test_a_storm_ends_a_sites_event_at_once(opened: Opened) -> None:
    with opened() as place:
        place.desk.service.receive(place.signal(target_kw=500.0, minutes=60), "utility")
        place.forward(60)
        place.work_off()
        chosen = min(place.changed())
        place.simulator.control.change_site(chosen, SiteChange(storm_enabled=True, storm_active=True))
        place.live_through(10)
        ended = next(record for record in place.records() if record.energy_site_id == chosen)
        assert (ended.restoration, ended.reason) == (Restoration.RESTORED, "storm_mode")
        assert place.settings(chosen) == place.found[chosen]

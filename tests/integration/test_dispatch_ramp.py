"""An event that begins in steps, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.energy.dispatch.event_csv import intervals_csv
from shared.energy.dispatch.event_report import render_event
from shared.energy.dispatch.model import State, Strategy
from tests.integration.dispatch_place import Place, running_place
from tests.lab import ROOT
from tests.simulator import Simulator, SimulatorConfig

SITES = 60
TICK_S = 300


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One owner with sixty sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, seed=11, mixed_settings=True, empty_site=False)
    folder: Path = tmp_path_factory.mktemp("ramp")
    with Simulator(config) as simulator, running_place(simulator, folder) as found:
        yield found


def test_the_fleet_begins_in_steps_and_delivers_what_each_of_them_asks_for(place: Place) -> None:
    ticks = -(-int(place.now.timestamp()) // TICK_S) + 1
    start = datetime.fromtimestamp(ticks * TICK_S, UTC)
    asked = place.signal(strategy=Strategy.EXPORT, target_kw=1e5, minutes=60, start=start)
    most = place.desk.service.receive(asked, "utility", dry_run=True).plan
    assert most is not None
    signal = place.signal(
        strategy=Strategy.EXPORT, target_kw=0.6 * most.committed_kw, minutes=60, start=start, ramp_minutes=20.0
    )
    place.desk.service.receive(signal, "utility")
    while place.now < start + timedelta(minutes=65):
        place.forward(30)
        if place.now.timestamp() % TICK_S < 30:
            place.poll()
        place.work_off()
    place.live_through(10)
    facts = place.desk.proof.facts("event")
    found = facts.settlement
    steps = [(one.goal_kw, one.kw) for one in found.intervals]
    assert [goal for goal, _ in steps[:5]] == pytest.approx([found.committed_kw * n / 4 for n in (1, 2, 3, 4, 4)])
    for goal_kw, kw in steps[:4]:
        assert 0.8 * goal_kw < kw < 1.2 * goal_kw, "each step by whole sites, commanded when it begins"
    assert found.mean_kw == pytest.approx(found.goal_kw, rel=0.05)
    assert place.dispatch().state is State.DONE
    assert place.changed() == []
    assert place.too_often() == []
    assert len(intervals_csv(found).splitlines()[0].split(",")) == len(
        intervals_csv(found).splitlines()[1].split(",")
    )
    assert render_event(facts, fonts=ROOT / "functions" / "build_report" / "fonts").startswith(b"%PDF")

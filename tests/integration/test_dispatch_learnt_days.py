"""An event that was committed along the learnt day, on a day that is not like it: what was promised is delivered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.energy.day_shape import unpack_shapes
from shared.energy.dispatch.answers import Verdict
from shared.energy.dispatch.model import Kind, State, Strategy
from shared.energy.shards import ShardToken
from tests.integration.dispatch_place import ACCOUNT, SCOPES, Place, running_place
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

SITES = 60
HALF_HOUR_S = 1_800.0
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with enough homes in each time zone; no two days of them are alike."""
    config = SimulatorConfig(
        accounts=1, vehicles=0, sites=SITES, variety=1.0, empty_site=False, access_token_s=3 * 86_400
    )
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def place(tesla: Simulator, tmp_path: Path) -> Iterator[Place]:
    """The fleet after a day of polls, in the evening."""
    with running_place(tesla, tmp_path, shards=1) as found:
        token = ShardToken(tesla.grant(0, SCOPES).access_token, "eu", found.now + 3 * DAY)
        bootstrap.shards().change_tokens("0000", {ACCOUNT: token})
        for _ in range(48):
            found.forward(HALF_HOUR_S)
            found.poll()
        for site in found.sites:
            tesla.control.change_site(site, SiteChange(percentage_charged=90.0))
        found.poll()
        yield found


def test_what_was_promised_along_a_learnt_day_is_delivered(place: Place) -> None:
    state = bootstrap.shards().state("0000")
    assert state is not None
    assert all(all(shape.load_w.ticks) for shape in unpack_shapes(state.value.shapes).values())
    start = place.now + timedelta(minutes=2)
    window: dict[str, Any] = {"start": start, "minutes": 120, "strategy": Strategy.LOAD_RELIEF}
    asked = place.signal("asked", kind=Kind.AVAILABILITY_REQUEST, **window)
    offered = place.desk.service.receive(asked, "utility").offer
    assert offered is not None
    assert [row.kw for row in offered.hours] == [offered.kw] * 2
    assert offered.hours[0].kw_if_last >= offered.hours[1].kw_if_last == offered.kw > 5
    answer = place.desk.service.receive(place.signal(target_kw=offered.kw, **window), "utility")
    assert answer.verdict is Verdict.LESS  # it is commanded two minutes early, which takes energy
    assert answer.plan is not None
    assert answer.plan.committed_kw > 0.9 * offered.kw
    place.forward(60)
    place.work_off()
    place.live_through(130)
    assert place.dispatch().state is State.DONE
    settlement = place.desk.proof.facts("event").settlement
    assert settlement.mean_kw == pytest.approx(answer.plan.committed_kw, rel=0.05)
    assert place.changed() == []

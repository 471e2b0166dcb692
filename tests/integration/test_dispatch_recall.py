"""A site that steering let go is called once more when kW are missing, if it was left as it was found."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from shared import bootstrap
from shared.energy.dispatch.coordinator import corrected
from shared.energy.dispatch.event_csv import sites_csv
from shared.energy.dispatch.model import DispatchMessage, State
from shared.energy.dispatch.recalling import STEERED, may_return
from shared.energy.dispatch.records import Outcome, Restoration, SiteRecord, Stage
from shared.energy.dispatch.settlement import energy_agrees
from shared.tesla.plan_limits import PlanLimits
from tests.integration.dispatch_place import Place, running_place
from tests.integration.energy_api import operator
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

Opened: TypeAlias = Callable[..., AbstractContextManager[Place]]
SITES = 12


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a dozen sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def opened(tesla: Simulator, tmp_path: Path) -> Opened:
    return partial(running_place, tesla, tmp_path)


def begun(place: Place) -> list[SiteRecord]:
    """An event that needs every site, and has run for ten minutes."""
    place.desk.service.receive(place.signal(target_kw=500.0, minutes=120), "utility")
    place.forward(60)
    place.work_off()
    place.live_through(10)
    return [one for one in place.records() if one.stage is Stage.ACTIVE]


def steered_away(place: Place, sites: list[str]) -> None:
    """Have steering's decision to let sites go written down and carried out."""
    for shard in ("0000", "0001"):
        mine = [site for site in sites if site in bootstrap.shards().roster(shard)]
        place.desk.book.change_plan("event", shard, partial(corrected, modification=0, add=[], release=mine))
        place.desk.run(DispatchMessage(dispatch="event", shard=shard))
    place.work_off()


def empty(place: Place, sites: list[str]) -> None:
    for site in sites:
        place.simulator.control.change_site(site, SiteChange(percentage_charged=1.0))


def of(place: Place, site: str) -> SiteRecord:
    return next(one for one in place.records() if one.energy_site_id == site)


def commands(place: Place, site: str) -> list[str]:
    return [body for _, _, body in place.commands().get(site, [])]


def let_go(place: Place) -> str:
    """The site that gives most and was commanded, let go by steering and put back."""
    running = begun(place)
    chosen = max((one for one in running if one.touches), key=lambda one: one.expected_w).energy_site_id
    steered_away(place, [chosen])
    assert (of(place, chosen).restoration, of(place, chosen).reason) == (Restoration.RESTORED, STEERED)
    assert place.settings(chosen) == place.found[chosen]
    return chosen


def run_short(place: Place, but: str) -> None:
    """Most of the others are empty from now on."""
    others = sorted(one.energy_site_id for one in place.records() if one.energy_site_id != but)
    empty(place, others[: len(others) * 3 // 4])
    place.live_through(15)


def test_a_site_that_was_let_go_is_called_again_when_kw_are_missing(opened: Opened) -> None:
    with opened() as place:
        chosen = let_go(place)
        first = of(place, chosen)
        run_short(place, chosen)
        again = of(place, chosen)
        assert (again.stage, again.outcome) == (Stage.ACTIVE, Outcome.CONFIRMED)
        assert again.before is not None
        assert (again.before.times, again.before.touches) == (first.times, first.touches)
        assert again.times.commanded_at > first.times.restored_at  # type: ignore[operator]  # both are known
        place.live_through(120)
        ended = of(place, chosen)
        assert (ended.stage, ended.restoration) == (Stage.DONE, Restoration.RESTORED)
        assert place.changed() == []
        assert place.dispatch().state is State.DONE
        bodies = commands(place, chosen)
        assert len(bodies) == 4, "commanded once and put back once in each call"
        assert bodies[:2] == bodies[2:]
        rows = [row.what for row in place.desk.proof.trail("event") if row.site == chosen]
        assert (rows.count("commanding"), rows.count("active"), rows.count("restored")) == (2, 2, 2)
        assert rows.count("committed") == 1


def test_what_both_calls_delivered_is_proven(opened: Opened) -> None:
    with opened() as place:
        chosen = let_go(place)
        place.live_through(20)
        between = of(place, chosen).meter.delivered_wh
        assert between > 0
        run_short(place, chosen)
        place.live_through(120)
        facts = place.desk.proof.facts("event")
        ended = of(place, chosen)
        assert ended.meter.delivered_wh > between
        total_wh = sum(one.meter.delivered_wh for one in facts.records)
        assert facts.settlement.delivered_kwh * 1000 == pytest.approx(total_wh)
        rows = csv.DictReader(io.StringIO(sites_csv(facts.records, facts.start, facts.end)))
        (row,) = (row for row in rows if row["energy_site_id"] == chosen)
        assert row["first_call_commanded_at"] < row["first_call_let_go_at"] < row["commanded_at"]
        assert row["first_call_restored_at"] <= row["commanded_at"]
        assert (row["first_call_restoration"], row["restoration"]) == ("restored", "restored")
        assert float(row["delivered_wh"]) == pytest.approx(ended.meter.delivered_wh, abs=0.5)
        assert ended.meter.fell_wh
        assert energy_agrees(ended)


def test_both_calls_are_told_through_the_api(opened: Opened) -> None:
    with opened() as place:
        chosen = let_go(place)
        run_short(place, chosen)
        place.live_through(120)
        path = "/api/v1/energy/dispatches/event/sites"
        rows = {one["energy_site_id"]: one for one in operator(place.lab, "GET", path).body["sites"]}
        second, first = rows[chosen], rows[chosen]["first_call"]
        assert first["commanded_at"] < first["restored_at"] <= second["commanded_at"] < second["restored_at"]
        assert (first["restoration"], second["restoration"]) == ("restored", "restored")
        assert first["settings"] == second["settings"] == [str(one.action) for one in of(place, chosen).touches]
        assert place.too_often() == []
        others = [one["first_call"] for name, one in rows.items() if name != chosen]
        assert None in others


def test_nobody_is_called_a_third_time(opened: Opened) -> None:
    with opened() as place:
        chosen = let_go(place)
        run_short(place, chosen)
        assert of(place, chosen).stage is Stage.ACTIVE
        steered_away(place, [chosen])
        place.live_through(30)
        assert (of(place, chosen).stage, of(place, chosen).reason) == (Stage.DONE, STEERED)
        assert len(commands(place, chosen)) == 4


def _storm(place: Place, site: str) -> None:
    place.simulator.control.change_site(site, SiteChange(storm_enabled=True, storm_active=True))


def _other_operator(place: Place, site: str) -> None:
    place.simulator.control.change_site(site, SiteChange(payload={"live_status": {"grid_services_active": True}}))


def _drained(place: Place, site: str) -> None:
    empty(place, [site])


def _opted_out(place: Place, site: str) -> None:
    shard = next(name for name in ("0000", "0001") if site in bootstrap.shards().roster(name))
    place.desk.service.opt_out("event", site, shard, "owner")


@pytest.mark.parametrize("changed", [_storm, _other_operator, _drained, _opted_out])
def test_a_site_that_something_else_has_changed_for_is_not_called_again(
    opened: Opened, changed: Callable[[Place, str], None]
) -> None:
    with opened() as place:
        chosen = let_go(place)
        changed(place, chosen)
        run_short(place, chosen)
        assert of(place, chosen).stage is Stage.DONE
        assert len(commands(place, chosen)) == 2


@pytest.mark.parametrize(("limit", "sent"), [(2, 2), (3, 4)])
def test_what_may_be_written_a_day_bounds_second_calls(opened: Opened, limit: int, sent: int) -> None:
    limits = PlanLimits(site_writes_per_day=limit)
    environ = {"TESLA_LIMIT_SITE_WRITES_PER_DAY": f"{limit}"}
    with opened(limits=limits, environ=environ) as place:
        chosen = let_go(place)
        run_short(place, chosen)
        place.live_through(120)
        assert len(commands(place, chosen)) == sent
        assert place.changed() == []


def test_a_larger_modification_may_call_it_again_too(opened: Opened) -> None:
    with opened() as place:
        chosen = let_go(place)
        place.live_through(5)
        assert may_return(of(place, chosen))
        signal = place.dispatch().signal
        newer: Any = {"modification": 1, "start": signal.start, "minutes": 120, "target_kw": 900.0}
        place.desk.service.receive(place.signal(**newer), "utility")
        place.work_off()
        again = of(place, chosen)
        assert (again.stage, again.before is not None) == (Stage.ACTIVE, True)
        place.live_through(130)
        assert place.changed() == []


def test_an_event_that_ends_before_the_second_call_leaves_the_first_as_it_was(opened: Opened) -> None:
    with opened() as place:
        chosen = let_go(place)
        place.live_through(5)
        before = of(place, chosen)
        for shard in ("0000", "0001"):
            add = [chosen] if chosen in bootstrap.shards().roster(shard) else []
            place.desk.book.change_plan("event", shard, partial(corrected, modification=0, add=add, release=[]))
        place.desk.service.cancel("event", "operator", "drill")
        place.work_off()
        after = of(place, chosen)
        assert (after.stage, after.times, after.touches) == (Stage.DONE, before.times, before.touches)
        assert (after.outcome, after.restoration, after.before) == (before.outcome, before.restoration, None)
        assert len(commands(place, chosen)) == 2
        assert place.changed() == []

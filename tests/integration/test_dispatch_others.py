"""A site that another operator takes, or that leaves the programme, while an event has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shared import bootstrap
from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.records import Restoration, SiteRecord, Stage
from shared.energy.model import RosterSite
from tests.integration.dispatch_place import Place, running_place
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

SITES = 8
TAKEN = {"live_status": {"grid_services_active": True}}


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a few sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=SITES, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def place(tesla: Simulator, tmp_path: Path) -> Iterator[Place]:
    with running_place(tesla, tmp_path) as found:
        yield found


def begun(place: Place, *, found_in: str = "", **fields: Any) -> str:
    """An event that runs; gives one of its sites whose settings it changed, and that was in that mode before."""
    place.desk.service.receive(place.signal(**{"target_kw": 500.0, **fields}), "utility")
    place.forward(60)
    place.work_off()
    place.live_through(5)
    running = {one.energy_site_id for one in place.records() if one.stage is Stage.ACTIVE and one.touches}
    return min(site for site in running & set(place.changed()) if found_in in ("", place.found[site][0]))


def of(place: Place, site: str) -> SiteRecord:
    return next(one for one in place.records() if one.energy_site_id == site)


def written(place: Place, site: str) -> list[tuple[str, str, str]]:
    return place.commands().get(site, [])


@pytest.mark.parametrize("strategy", [Strategy.DISCHARGE, Strategy.EXPORT])
def test_a_site_that_another_operator_takes_is_put_back_and_left_alone(place: Place, strategy: Strategy) -> None:
    chosen = begun(place, strategy=strategy)
    others = [one.energy_site_id for one in place.records() if one.stage is Stage.ACTIVE]
    place.simulator.control.change_site(chosen, SiteChange(payload=TAKEN))
    place.live_through(5)
    ended = of(place, chosen)
    assert (ended.stage, ended.restoration, ended.reason) == (Stage.DONE, Restoration.RESTORED, "other_operator")
    assert place.settings(chosen) == place.found[chosen]
    sent = len(written(place, chosen))
    assert ("wanted_release", "other_operator") in {
        (row.what, row.reason) for row in place.desk.proof.trail("event") if row.site == chosen
    }
    assert all(of(place, site).reason != "other_operator" for site in others if site != chosen)
    place.simulator.control.change_site(chosen, SiteChange(payload={"live_status": {"grid_services_active": False}}))
    place.live_through(80)
    assert len(written(place, chosen)) == sent, "nothing more is written there in this event"
    assert place.changed() == []


def test_what_the_other_operator_has_set_stays(place: Place) -> None:
    chosen = begun(place, strategy=Strategy.EXPORT, found_in="self_consumption")
    place.simulator.control.change_site(chosen, SiteChange(mode="backup", payload=TAKEN))
    place.live_through(10)
    ended = of(place, chosen)
    assert (ended.restoration, ended.reason) == (Restoration.LEFT_TO_OWNER, "other_operator")
    mode, rule, tariff = place.settings(chosen)
    assert (mode, rule, tariff) == ("backup", *place.found[chosen][1:])


def test_who_sets_what_we_had_set_anew_is_not_fought(place: Place) -> None:
    chosen = begun(place)
    ours = place.settings(chosen)[0]
    place.simulator.control.change_site(chosen, SiteChange(payload=TAKEN))
    site, before = place.site(chosen), len(written(place, chosen))
    command = site.command

    def insisting(name: str, **changes: Any) -> Any:
        return command(name, **{**changes, **({"mode": ours} if "mode" in changes else {})})

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(site, "command", insisting)  # the other operator is quicker than any reading
        place.live_through(5)
        for _ in range(6):
            place.forward(120)
            place.work_off()
    ended = of(place, chosen)
    assert (ended.stage, ended.restoration) == (Stage.DONE, Restoration.LEFT_TO_OWNER)
    assert (ended.reason, ended.owner_changed) == ("other_operator", False)
    assert len(written(place, chosen)) == before + 1, "put back once, and then it is theirs"
    assert ("changed_by_other_operator", "other_operator") in {
        (row.what, row.actor) for row in place.desk.proof.trail("event") if row.site == chosen
    }


@pytest.mark.parametrize(("fact", "reason"), [("programme", "programme_expired"), ("utility", "utility_expired")])
def test_a_site_whose_enrolment_ends_during_the_event_is_put_back(place: Place, fact: str, reason: str) -> None:
    chosen = begun(place)
    for shard in bootstrap.shards().index().sites:
        if chosen in bootstrap.shards().roster(shard):
            until = place.now + timedelta(minutes=7)
            bootstrap.shards().change(shard, {chosen: partial(_until, fact=fact, until=until)})
    place.live_through(5)
    assert of(place, chosen).stage is Stage.ACTIVE
    place.live_through(10)
    ended = of(place, chosen)
    assert (ended.restoration, ended.reason) == (Restoration.RESTORED, reason)
    assert place.settings(chosen) == place.found[chosen]


def test_a_site_that_left_the_programme_during_the_event_is_put_back(place: Place) -> None:
    chosen = begun(place)
    place.simulator.control.change_site(chosen, SiteChange(payload={"live_status": {"programs": []}}))
    place.live_through(10)
    ended = of(place, chosen)
    assert (ended.restoration, ended.reason) == (Restoration.RESTORED, "not_in_programme")


def _until(before: RosterSite | None, fact: str, until: Any) -> RosterSite:
    assert before is not None
    return replace(before, **{fact: replace(getattr(before, fact), until=until)})

"""Days learnt from simulated homes under changing weather: dawn and dusk are met better than by the present alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from shared.energy.availability import HOURS
from shared.energy.day_shape import Shapes, learn_day
from shared.energy.fleet import Totals, total
from shared.energy.model import Evidence, Fact, RosterSite
from shared.energy.polling import sample_after, status_of, tick_of
from shared.energy.readings import equipment
from shared.energy.samples import Sample
from shared.tesla.decode import decode
from shared.tesla.models.site_info import SiteInfo
from tests.simulator.clock import Clock
from tests.simulator.config import SimulatorConfig
from tests.simulator.energy_plant import Climate, Plant
from tests.simulator.energy_site import EnergySite
from tests.simulator.energy_truth import deliverable_w
from tests.simulator.payload_energy import live_status, site_info
from tests.simulator.world import World

DAY_S = 86_400
MIDNIGHT_S = datetime(2026, 7, 14, tzinfo=UTC).timestamp()
CONFIG = SimulatorConfig(seed=3, accounts=1, vehicles=0, sites=150, empty_site=False, variety=1.0)


class Watched:
    """Simulated homes, as the service knows them after so many polls."""

    def __init__(self, config: SimulatorConfig = CONFIG) -> None:
        self.config = config
        self.roster: dict[str, RosterSite] = {}
        self.samples: dict[str, Sample] = {}
        self.shapes: Shapes = {}

    def poll(self, at_s: float) -> list[EnergySite]:
        """Ask all homes at a Unix time, and learn."""
        now = datetime.fromtimestamp(at_s, UTC)
        sites = World(self.config, Clock(rate=0, start_s=at_s)).every_site()
        for site in sites:
            key, body = str(site.site_id), json.dumps({"response": live_status(site, self.config)}).encode()
            self.roster[key] = self.roster.get(key) or _roster(site, now)
            self.samples[key] = sample_after(self.samples.get(key), *status_of(body, now), tick_of(now))
        self.shapes = learn_day(self.shapes, self._rows(), tick_of(now), now)
        return sites

    def counted(self, at_s: float, *, shaped: bool) -> Totals:
        """What the fleet could deliver, by what was learnt or by the present alone."""
        return total(self._rows(), datetime.fromtimestamp(at_s, UTC), shapes=self.shapes if shaped else None)

    def _rows(self) -> list[tuple[RosterSite, Sample | None]]:
        return [(site, self.samples.get(key)) for key, site in self.roster.items()]


def _roster(site: EnergySite, now: datetime) -> RosterSite:
    holds = Fact(True, now, Evidence.OPERATOR)
    info = decode(json.dumps({"response": site_info(site)}).encode(), SiteInfo).value
    return RosterSite(str(site.site_id), "account", "eu", holds, holds, holds, equipment=equipment(info, now))


@pytest.fixture(scope="module")
def watched() -> Watched:
    """After one day."""
    fleet = Watched()
    for half_hour in range(48):
        fleet.poll(MIDNIGHT_S - DAY_S + 1800 * half_hour + 900)
    return fleet


def test_nothing_is_made_of_a_day_that_is_not_over() -> None:
    fleet = Watched()
    for half_hour in range(12):
        fleet.poll(MIDNIGHT_S + 1800 * half_hour + 900)
    at_s = MIDNIGHT_S + 6 * 3600
    assert fleet.counted(at_s, shaped=True) == fleet.counted(at_s, shaped=False)


@pytest.mark.parametrize("hour", [5, 13])
def test_dawn_and_dusk_are_met_better_with_a_learnt_day_than_with_the_present(watched: Watched, hour: int) -> None:
    at_s = MIDNIGHT_S + hour * 3600
    truths = [deliverable_w(site, "self_consumption", HOURS) for site in watched.poll(at_s)]
    for index, hours in list(enumerate(HOURS))[1:]:
        true_w = sum(truth[hours] for truth in truths)
        learnt, present = (watched.counted(at_s, shaped=shaped).load_offset_w[index] for shaped in (True, False))
        assert abs(learnt - true_w) < abs(present - true_w) / 2


HOME = Plant(5_000, 13_000.0, 13_500.0, 5_500.0, 600.0, "Europe/Lisbon", climate=Climate(1.0, 7))


def test_days_of_a_climate_differ_and_change_without_a_leap() -> None:
    noon = [HOME.climate.at(HOME.zone, day, 720) for day in range(20_000, 20_010)] if HOME.climate else []
    assert len(set(noon)) == 10
    assert all(0.4 <= day.sky <= 1 and 0.8 <= day.level <= 1.2 and abs(day.early_min) <= 30 for day in noon)
    calm = Climate(1.0, 7)
    late, early = calm.at(HOME.zone, 20_000, 1439), calm.at(HOME.zone, 20_001, 0)
    assert late == pytest.approx(early, abs=0.06)


def test_a_home_lives_the_same_day_again_and_its_neighbour_under_the_same_sky() -> None:
    assert HOME.sun_and_load_w(MIDNIGHT_S + 43_200) == HOME.sun_and_load_w(MIDNIGHT_S + 43_200)
    climate = Climate(0.5, 1)
    assert climate.at("Europe/Lisbon", 5, 9) != climate.at("Europe/Berlin", 5, 9)
    assert climate.at("Europe/Lisbon", 5, 9) != Climate(0.5, 2).at("Europe/Lisbon", 5, 9)


def test_without_variety_every_day_is_alike_but_for_each_homes_own() -> None:
    plants = [site.plant for site in World(SimulatorConfig(vehicles=0), Clock(rate=0)).every_site()]
    assert all(plant.climate is None for plant in plants)
    days = [Climate(0.0).at("Europe/Lisbon", day, 700) for day in range(3)]
    assert all(one == two for one, two in pairwise(days))

"""A simulated site over time: commands, troubles, history and the truth about what it can deliver."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.simulator.answers import Json
from tests.simulator.clock import Clock
from tests.simulator.config import SimulatorConfig
from tests.simulator.energy_history import Span, backup_history, energy_history
from tests.simulator.energy_physics import STEP_S
from tests.simulator.energy_site import LONGEST_GAP_S, EnergySite
from tests.simulator.energy_tariff import tariff
from tests.simulator.energy_troubles import TROUBLES, afflict, set_troubles, shares
from tests.simulator.energy_truth import deliverable_w, fleet_truth, truth_of
from tests.simulator.payload_energy import live_status, product, site_info
from tests.simulator.world import World

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

START_S = 1_750_636_800.0
"""2025-06-23 00:00 UTC, a Monday."""
HOUR_S = 3_600.0
HELSINKI_EVENING_S = START_S + 15 * HOUR_S
EVENT = {
    "energy_charges": {"Summer": {"rates": {"ON_PEAK": 1.0, "OFF_PEAK": 0.1}}},
    "sell_tariff": {"energy_charges": {"Summer": {"rates": {"ON_PEAK": 1.0}}}},
    "seasons": {
        "Summer": {
            "fromMonth": 1,
            "toMonth": 12,
            "tou_periods": {
                "ON_PEAK": {"periods": [{"toDayOfWeek": 6, "fromHour": 18, "toHour": 20}]},
                "OFF_PEAK": {
                    "periods": [{"toDayOfWeek": 6, "toHour": 18}, {"toDayOfWeek": 6, "fromHour": 20, "toHour": 24}]
                },
            },
        }
    },
}


class Home:
    """A site without panels in Helsinki, and a clock that only moves when told."""

    def __init__(self, at_s: float = HELSINKI_EVENING_S, **options: Any) -> None:
        self.config = SimulatorConfig(**options)
        self.clock = Clock(0, at_s)
        self.site = EnergySite(7, "eu", self.config, self.clock)
        self.site.built = replace(
            self.site.plant, zone="Europe/Helsinki", solar_peak_w=0.0, power_w=5_000, capacity_wh=13_000.0
        )
        self.site.equip(self.site.built)
        self.site.charge_to(80)

    @property
    def battery_w(self) -> int:
        return self.site.present().flows.battery_w

    @property
    def live(self) -> Json:
        return live_status(self.site, self.config)

    def trouble(self, *names: str) -> None:
        set_troubles(self.site, names, self.config)


def test_the_charge_integrates_what_live_status_shows() -> None:
    home = Home(HELSINKI_EVENING_S + 25)
    shown_wh, before = 0.0, home.live
    for span_s in (35, *([STEP_S] * 59), 25):
        shown_wh += home.live["battery_power"] * span_s / 3600
        home.clock.advance(span_s)
    after = home.live
    assert before["energy_left"] - after["energy_left"] == pytest.approx(
        shown_wh / home.site.plant.efficiency, abs=1e-6
    )
    assert after["percentage_charged"] == pytest.approx(100 * after["energy_left"] / after["total_pack_energy"])


def test_a_site_lives_the_same_life_whether_looked_at_or_not() -> None:
    watched, alone = Home(), Home()
    for _ in range(40):
        watched.clock.advance(97.5)
        assert watched.live
    alone.clock.advance(40 * 97.5)
    assert alone.live == watched.live


def test_a_command_shows_at_once_and_acts_after_the_reaction_time() -> None:
    home = Home(reaction_s=300.0)
    house_w = home.battery_w
    home.site.command("operation", mode="backup")
    assert home.site.mode == "backup"
    assert site_info(home.site)["default_real_mode"] == "backup"
    home.clock.advance(299)
    assert home.battery_w > 0
    assert truth_of(home.site, ()).acting_mode == "self_consumption"
    home.clock.advance(1)
    assert home.battery_w == -3_300
    assert house_w > 0
    assert home.site.commands == {"operation": 1}


def test_an_owners_change_wins_over_a_command_on_its_way() -> None:
    home = Home(reaction_s=300.0)
    home.site.command("operation", mode="backup")
    home.site.change(mode="autonomous")
    home.clock.advance(600)
    assert home.site.life().settings.mode == home.site.mode == "autonomous"
    assert home.site.commands == {"operation": 1}


@pytest.mark.parametrize(("trouble", "shown"), [("inert", "backup"), ("forgetful", "self_consumption")])
def test_accepted_and_never_acted_upon(trouble: str, shown: str) -> None:
    home = Home()
    home.trouble(trouble)
    home.site.command("operation", mode="backup")
    home.clock.advance(3_600)
    assert site_info(home.site)["default_real_mode"] == shown
    assert home.battery_w > 0
    assert home.site.commands == {"operation": 1}
    assert deliverable_w(home.site, "export") == {1: 0.0, 2: 0.0, 3: 0.0}


def test_a_tariff_set_discharges_in_its_peak_and_not_elsewhere() -> None:
    home = Home(START_S + 14 * HOUR_S + 30 * 60)
    home.site.command("time_of_use_settings", tariff=tariff(EVENT))
    assert home.battery_w > 0, "a tariff does nothing in self_consumption"
    home.site.command("operation", mode="autonomous")
    by_half_hour = []
    for _ in range(6):
        by_half_hour.append(home.battery_w)
        home.clock.advance(1_800)
    assert by_half_hour[0] < 0
    assert by_half_hour[1:5] == [5_000] * 4
    assert by_half_hour[5] < 0


def test_stale_values_and_their_timestamp_stay() -> None:
    home = Home(stale_age_s=1_200.0)
    home.clock.advance(60)
    fresh = home.live
    home.trouble("stale")
    stale = home.live
    assert {key for key in fresh if fresh[key] != stale[key]} == {"timestamp"}
    assert (fresh["timestamp"], stale["timestamp"]) == ("2025-06-23T18:01:00+03:00", "2025-06-23T17:41:00+03:00")
    home.clock.advance(7_200)
    assert home.live == stale
    home.trouble()
    assert home.live["energy_left"] < stale["energy_left"]


def test_off_grid_and_storm_are_conditions_that_come_and_go() -> None:
    home = Home()
    home.trouble("off_grid")
    live = home.live
    assert (live["grid_status"], live["island_status"], live["grid_power"]) == ("Inactive", "off_grid", 0)
    assert live["battery_power"] == live["load_power"]
    assert deliverable_w(home.site, "self_consumption", (1,)) == {1: 0.0}
    home.trouble("storm")
    live = home.live
    assert (live["island_status"], live["storm_mode_active"], live["battery_power"]) == ("on_grid", True, -5_000)
    home.trouble()
    assert home.live["storm_mode_active"] is False


def test_a_site_with_panels_only_has_no_battery_to_tell_of() -> None:
    home = Home()
    home.trouble("solar_only")
    assert home.live.keys() == {"solar_power", "grid_services_active", "timestamp", "grid_status"}
    assert home.live["grid_status"] == "Unknown"
    assert "default_real_mode" not in site_info(home.site)
    row = product(home.site)
    assert row["resource_type"] == "solar"
    assert not {"percentage_charged", "energy_left", "battery_power"} & row.keys()
    home.trouble()
    assert home.live["percentage_charged"] == pytest.approx(home.site.profile.first_share * 100)


def test_entries_of_products_that_lack_things() -> None:
    home = Home()
    whole = product(home.site).keys()
    home.trouble("replaced")
    gone = {"percentage_charged", "battery_power", "energy_left", "total_pack_energy"}
    assert whole - product(home.site).keys() == gone
    home.trouble("no_energy_left")
    assert whole - product(home.site).keys() == {"energy_left", "total_pack_energy"}
    assert "energy_left" not in home.live
    home.trouble("untyped")
    assert product(home.site).keys() == {"energy_site_id", "components"}


def test_shares_of_troubles_hit_that_many_sites() -> None:
    config = SimulatorConfig(accounts=40, sites=50, vehicles=0, trouble=("stale=0.1", "dead_408=0.05", "storm=0"))
    world = World(config, Clock(0, START_S))
    hit = [name for site in world.every_site() for name in site.troubles]
    assert len(world.every_site()) == 2_000
    assert 150 < hit.count("stale") < 250
    assert 70 < hit.count("dead_408") < 130
    assert hit.count("storm") == 0
    again = World(config, Clock(0, START_S))
    assert [site.troubles for site in again.every_site()] == [site.troubles for site in world.every_site()]


@pytest.mark.parametrize("options", [("nonsense=0.1",), ("stale",), ("stale=-1",), ("stale=0.6", "storm=0.6")])
def test_shares_that_make_no_sense_are_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"trouble|convert"):
        shares(options)
    with pytest.raises(ValueError, match=r"trouble|convert"):
        afflict([], SimulatorConfig(trouble=options))


def test_history_agrees_with_the_charge() -> None:
    home = Home(START_S)
    home.site.command("operation", mode="autonomous")
    before_wh = home.site.present().energy_wh
    home.clock.advance(6 * HOUR_S)
    home.site.command("operation", mode="self_consumption")
    home.clock.advance(12 * HOUR_S)
    body = energy_history(home.site, Span(START_S, START_S + 18 * HOUR_S), "day")
    assert body is not None
    rows = body["time_series"]
    assert len(rows) == 18 * 12
    assert rows[0]["timestamp"] == "2025-06-23T03:00:00+03:00"
    taken_wh, given_wh = (sum(row.get(f"total_battery_{way}", 0) for row in rows) for way in ("charge", "discharge"))
    efficiency = home.site.plant.efficiency
    gained_wh = home.site.present().energy_wh - before_wh
    assert gained_wh == pytest.approx(taken_wh * efficiency - given_wh / efficiency, abs=0.01)
    assert not any(value == 0 for row in rows for name, value in row.items() if name.startswith("total_"))
    days = energy_history(home.site, Span(START_S, START_S + 18 * HOUR_S), "week")
    assert days is not None
    assert [row["timestamp"][:10] for row in days["time_series"]] == ["2025-06-23"]
    usage_wh = sum(row["total_home_usage"] for row in rows)
    assert days["time_series"][0]["total_home_usage"] == pytest.approx(usage_wh)


def test_history_knows_nothing_from_before_the_site() -> None:
    home = Home(START_S)
    home.clock.advance(299)
    assert energy_history(home.site, Span(START_S - 86_400, START_S + 86_400), "day") is None
    home.clock.advance(1)
    body = energy_history(home.site, Span(START_S - 86_400, START_S + 86_400), "day")
    assert body is not None
    assert len(body["time_series"]) == 1


def test_outages_are_in_the_history_of_backup() -> None:
    home = Home(START_S)
    home.clock.advance(600)
    home.trouble("off_grid")
    home.clock.advance(900)
    home.trouble()
    assert backup_history(home.site, Span(START_S, START_S + 3_600)) == {
        "events": [{"timestamp": "2025-06-23T03:10:00+03:00", "duration": 900_000}],
        "total_events": 1,
    }
    assert backup_history(home.site, Span(START_S + 3_600, START_S + 7_200))["total_events"] == 0


def test_a_long_absence_costs_little_and_old_history() -> None:
    home = Home(START_S)
    home.clock.advance(LONGEST_GAP_S * 20)
    assert home.live["battery_power"] == 0, "it has come down to the reserve"
    assert home.live["percentage_charged"] == pytest.approx(20, abs=0.1)
    assert energy_history(home.site, Span(START_S, START_S + 86_400), "day") is None


@untimed
@example(number=202, after_s=46_592.0, strategy="self_consumption", mixed=False).via(
    "a steep rise of what the house lacks"
)
@given(st.integers(1, 10**6), st.floats(0, 86_400), st.sampled_from(("self_consumption", "export")), st.booleans())
def test_the_truth_is_what_the_site_then_does(number: int, after_s: float, strategy: str, mixed: bool) -> None:
    clock = Clock(0, START_S + after_s)
    site = EnergySite(number, "eu", SimulatorConfig(mixed_settings=mixed), clock)
    promised_w = deliverable_w(site, "export" if strategy == "export" else "self_consumption", (2,))[2]
    content: Json = {
        "energy_charges": {"Summer": {"rates": {"ON_PEAK": 1.0, "OFF_PEAK": 0.1}}},
        "sell_tariff": {"energy_charges": {"ALL": {"rates": {"ALL": 1.0}}}},
        "seasons": {"Summer": {"fromMonth": 1, "toMonth": 12, "tou_periods": _peak_for(site, clock)}},
    }
    if strategy == "export":
        site.command("time_of_use_settings", tariff=tariff(content))
        site.command("operation", mode="autonomous")
    else:
        site.command("operation", mode="self_consumption")
    start_s = clock.now()
    clock.advance(2 * HOUR_S + STEP_S)
    steps = [step for step in site.past(start_s) if step.at_s < start_s + 2 * HOUR_S]
    given_wh = (
        sum(max(0, step.flows.battery_w) * min(step.span_s, start_s + 7_200 - step.at_s) for step in steps) / 3_600
    )
    assert given_wh / 2 == pytest.approx(promised_w, rel=0.01, abs=0.01 * site.plant.power_w)


def _peak_for(site: EnergySite, clock: Clock) -> Json:
    """Periods whose peak is all of the site's day but the hour that begins three hours from now."""
    hour = (site.plant.local(clock.now()).minute // 60 + 4) % 24
    peak = {"toDayOfWeek": 6, "fromHour": (hour + 1) % 24, "toHour": hour}
    return {
        "ON_PEAK": {"periods": [peak]},
        "OFF_PEAK": {"periods": [{"toDayOfWeek": 6, "fromHour": hour, "toHour": hour + 1}]},
    }


def test_the_truth_of_a_fleet_has_a_row_for_each_site() -> None:
    world = World(SimulatorConfig(accounts=3, sites=4, vehicles=0), Clock(0, START_S))
    rows = fleet_truth(world.every_site(), (1, 3))
    assert len({row.energy_site_id for row in rows}) == 12
    for row in rows:
        assert row.at_s == START_S
        assert row.export_w.keys() == row.self_consumption_w.keys() == {"1", "3"}
        assert 0 <= row.self_consumption_w["1"] <= row.power_w
        assert row.export_w["1"] >= row.self_consumption_w["1"] - 1
        assert row.tariff_digest


def test_every_trouble_can_come_and_go() -> None:
    for name in TROUBLES:
        home = Home()
        settled = home.site.settings
        home.trouble(name)
        assert home.site.troubles == {name}
        home.trouble()
        assert (home.site.settings, home.site.troubles, home.site.frozen) == (settled, frozenset(), None)
        assert home.site.plant == home.site.built


def test_an_added_site_is_in_the_world() -> None:
    world = World(SimulatorConfig(sites=2), Clock(0, START_S))
    (added,) = world.add_sites(0, 1)
    account, found = world.sites[str(added.site_id)]
    assert found is added
    assert account.sites[-1] is added
    assert len({site.site_id for site in account.sites}) == 3


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Threads that give way to each other all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("many_switches")
def test_looking_from_another_thread_undoes_no_command() -> None:
    home, done, lost = Home(), threading.Event(), []
    home.clock.rate = 100_000

    def look() -> None:
        while not done.is_set():
            home.site.life()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        for number in range(200):
            mode = ("backup", "self_consumption")[number % 2]
            home.site.command("operation", mode=mode)
            lost += [number] if home.site.life().settings.mode != mode else []
        done.set()
        looking.result()
    assert lost == []

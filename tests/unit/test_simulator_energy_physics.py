"""The physics of a simulated home: flows balance, limits hold, energy is conserved within its losses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator.energy_history import split_w
from tests.simulator.energy_physics import STEP_S, Settings, Step, steps
from tests.simulator.energy_plant import Plant
from tests.simulator.energy_profile import first_tariff
from tests.simulator.energy_tariff import FLAT, Phase, Window

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

MONDAY_S = 1_750_636_800.0
"""2025-06-23 00:00 UTC."""
HOUR_S = 3_600.0
HOME = Plant(5_000, 13_000.0, 13_500.0, solar_peak_w=0.0, load_base_w=600.0, zone="Europe/Lisbon")
SUNNY = replace(HOME, solar_peak_w=5_500.0)
SELLING = Window(Phase.PEAK, 0.6, 0.6)
NOON_S, EVENING_S = MONDAY_S + 12 * HOUR_S, MONDAY_S + 20 * HOUR_S

plants = st.builds(
    Plant,
    power_w=st.integers(1_000, 35_000),
    capacity_wh=st.floats(2_000, 45_000),
    nameplate_wh=st.just(45_000.0),
    solar_peak_w=st.floats(0, 20_000),
    load_base_w=st.floats(50, 6_000),
    zone=st.sampled_from(("Europe/Helsinki", "America/Los_Angeles", "Asia/Kolkata")),
    efficiency=st.floats(0.8, 1.0),
    export_limit_w=st.sampled_from((0, 3_000, 1_000_000_000)),
    generator_w=st.sampled_from((0, 2_500)),
    shape=st.integers(0, 3),
    phase=st.floats(0, 6),
)
any_settings = st.builds(
    Settings,
    mode=st.sampled_from(("self_consumption", "backup", "autonomous")),
    reserve_percent=st.floats(0, 100),
    export_rule=st.sampled_from(("battery_ok", "pv_only", "never")),
    grid_charging=st.booleans(),
    storm_active=st.booleans(),
    island_status=st.sampled_from(("on_grid", "on_grid", "off_grid")),
    tariff=st.sampled_from((None, first_tariff("eu"))),
)
windows = st.sampled_from((None, FLAT, SELLING, Window(Phase.PEAK, 0.5), Window(Phase.CHEAP), Window(Phase.HOLD)))
starts = st.floats(MONDAY_S, MONDAY_S + 90 * 86_400)


def lived(plant: Plant, chosen: Settings, share: float, start_s: float, window: Window | None) -> list[Step]:
    """Four hours of a home."""
    span = (start_s, start_s + 4 * HOUR_S)
    find = None if window is None else (lambda _: window)
    return list(steps(plant, chosen, plant.capacity_wh * share, span, window_at=find))


def first(plant: Plant, chosen: Settings, share: float, at_s: float, window: Window = FLAT) -> Step:
    return lived(plant, chosen, share, at_s, window)[0]


@untimed
@given(plants, any_settings, st.floats(0, 1), starts, windows)
def test_power_balances_and_limits_hold(
    plant: Plant, chosen: Settings, share: float, start_s: float, window: Window | None
) -> None:
    for step in lived(plant, chosen, share, start_s, window):
        flows = step.flows
        assert flows.solar_w + flows.battery_w + flows.grid_w + flows.generator_w == flows.load_w
        assert abs(flows.battery_w) <= plant.power_w
        assert min(flows.solar_w, flows.load_w, flows.generator_w) >= 0
        assert flows.grid_w == 0 or chosen.on_grid
        assert flows.grid_w >= 0 or chosen.export_rule != "never"
        assert 0 <= step.after_wh <= plant.capacity_wh


@untimed
@given(plants, any_settings, st.floats(0, 1), starts, windows)
def test_discharge_never_undercuts_the_reserve_on_grid(
    plant: Plant, chosen: Settings, share: float, start_s: float, window: Window | None
) -> None:
    chosen = replace(chosen, island_status="on_grid")
    reserve_wh = plant.capacity_wh * chosen.reserve_percent / 100
    for step in lived(plant, chosen, share, start_s, window):
        if step.flows.battery_w > 0:
            assert step.after_wh >= reserve_wh - 1e-6


@untimed
@given(plants, any_settings, st.floats(0, 1), starts, windows)
def test_energy_is_conserved_within_the_efficiency(
    plant: Plant, chosen: Settings, share: float, start_s: float, window: Window | None
) -> None:
    life = lived(plant, chosen, share, start_s, window)
    given_wh = sum(max(0, step.flows.battery_w) * step.span_s for step in life) / 3600
    taken_wh = sum(max(0, -step.flows.battery_w) * step.span_s for step in life) / 3600
    gained_wh = life[-1].after_wh - life[0].before_wh
    assert gained_wh == pytest.approx(taken_wh * plant.efficiency - given_wh / plant.efficiency, abs=0.01)


@untimed
@given(plants, any_settings, st.floats(0, 1), starts, windows)
def test_no_mode_but_a_paying_peak_exports_the_battery(
    plant: Plant, chosen: Settings, share: float, start_s: float, window: Window | None
) -> None:
    if window is SELLING:
        window = Window(Phase.PEAK, 0.3, 0.4)
    chosen = replace(chosen, tariff=None)
    for step in lived(plant, chosen, share, start_s, window):
        assert step.flows.battery_w <= max(0, step.flows.load_w - step.flows.solar_w)


@untimed
@given(plants, any_settings, st.floats(0, 1), starts)
def test_every_watt_has_one_source_and_one_use(plant: Plant, chosen: Settings, share: float, start_s: float) -> None:
    for step in lived(plant, chosen, share, start_s, None):
        flows, split = step.flows, split_w(step.flows)
        assert min(split.values()) >= 0
        used = {name: watts for name, watts in split.items() if "_from_" in name}
        by_use = {
            use: sum(w for n, w in used.items() if n.startswith(use)) for use in ("grid", "battery", "consumer")
        }
        assert by_use == {
            "grid": max(0, -flows.grid_w),
            "battery": max(0, -flows.battery_w),
            "consumer": flows.load_w,
        }
        for source, given_w in (("solar", flows.solar_w), ("battery", max(0, flows.battery_w))):
            assert sum(w for n, w in used.items() if n.endswith(f"_from_{source}")) == given_w


@untimed
@given(plants, any_settings, st.floats(0, 1), starts, st.floats(60, 4 * HOUR_S - 60))
def test_looking_in_between_changes_nothing(
    plant: Plant, chosen: Settings, share: float, start_s: float, later_s: float
) -> None:
    whole = lived(plant, chosen, share, start_s, None)
    cut_s = (start_s + later_s) // STEP_S * STEP_S
    before = list(steps(plant, chosen, whole[0].before_wh, (start_s, cut_s)))
    after = list(steps(plant, chosen, before[-1].after_wh, (cut_s, whole[-1].at_s)))
    assert before + after == whole[:-1]


def test_self_consumption_follows_the_house() -> None:
    chosen = Settings("self_consumption")
    evening = first(HOME, chosen, 0.8, EVENING_S).flows
    assert evening.battery_w == evening.load_w > 0
    assert evening.grid_w == 0
    noon = first(SUNNY, chosen, 0.5, NOON_S).flows
    assert noon.battery_w == noon.load_w - noon.solar_w < 0
    full = first(SUNNY, chosen, 1.0, NOON_S).flows
    assert full.battery_w == 0 > full.grid_w


def test_who_may_never_export_throttles_the_panels() -> None:
    full = first(SUNNY, Settings(export_rule="never"), 1.0, NOON_S).flows
    assert (full.grid_w, full.solar_w) == (0, full.load_w)


@pytest.mark.parametrize(
    ("chosen", "battery_w"),
    [
        (Settings("backup"), -3_300),
        (Settings("backup", grid_charging=False), 0),
        (Settings("self_consumption", storm_active=True), -5_000),
        (Settings("self_consumption", storm_active=True, grid_charging=False), 0),
    ],
)
def test_backup_and_storm_charge_and_hold(chosen: Settings, battery_w: int) -> None:
    assert first(HOME, chosen, 0.5, EVENING_S).flows.battery_w == battery_w
    assert first(HOME, chosen, 1.0, EVENING_S).flows.battery_w == 0


def test_a_storm_the_owner_does_not_prepare_for_changes_nothing() -> None:
    chosen = Settings(storm_active=True, storm_enabled=False)
    assert first(HOME, chosen, 0.5, EVENING_S) == first(HOME, Settings(), 0.5, EVENING_S)


@pytest.mark.parametrize(
    ("window", "export_rule", "battery_w"),
    [
        (SELLING, "battery_ok", 5_000),
        (SELLING, "pv_only", None),
        (Window(Phase.PEAK, 0.6, 0.0), "battery_ok", None),
        (Window(Phase.PEAK, 0.6, 0.7), "battery_ok", None),
        (FLAT, "battery_ok", None),
        (Window(Phase.HOLD, 0.4), "battery_ok", 0),
        (Window(Phase.CHEAP, 0.1), "battery_ok", -5_000),
    ],
)
def test_autonomous_follows_the_window(window: Window, export_rule: str, battery_w: int | None) -> None:
    chosen = Settings("autonomous", export_rule=export_rule)
    flows = first(HOME, chosen, 0.6, EVENING_S, window).flows
    assert flows.battery_w == (flows.load_w if battery_w is None else battery_w)


def test_autonomous_reads_its_tariff_on_the_sites_own_clock() -> None:
    chosen = Settings("autonomous", tariff=first_tariff("na"))
    coast = replace(HOME, zone="America/Los_Angeles")
    at_peak, local_17_s = MONDAY_S + 17 * HOUR_S, MONDAY_S + 24 * HOUR_S
    discharging = {
        (plant.zone, at_s): next(steps(plant, chosen, 9_000, (at_s, at_s + 60))).flows.battery_w > 0
        for plant in (HOME, coast)
        for at_s in (at_peak, local_17_s)
    }
    assert discharging == {
        ("Europe/Lisbon", at_peak): True,
        ("Europe/Lisbon", local_17_s): False,
        ("America/Los_Angeles", at_peak): False,
        ("America/Los_Angeles", local_17_s): True,
    }


def test_an_export_cap_binds_the_battery_and_not_the_house() -> None:
    capped = replace(HOME, export_limit_w=3_000)
    flows = first(capped, Settings("autonomous"), 0.9, EVENING_S, SELLING).flows
    assert (flows.battery_w, flows.grid_w) == (flows.load_w + 3_000, -3_000)


def test_off_grid_the_battery_carries_the_house_until_it_is_empty() -> None:
    chosen = Settings("backup", reserve_percent=50, island_status="off_grid")
    carried = first(HOME, chosen, 0.4, EVENING_S).flows
    assert carried.battery_w == carried.load_w > 0
    assert first(HOME, chosen, 0.0, EVENING_S).flows == (0, 0, 0, 0, 0)
    helped = first(replace(HOME, generator_w=700), chosen, 0.0, EVENING_S).flows
    assert helped == (0, 0, 0, 700, 700)
    throttled = first(SUNNY, chosen, 1.0, NOON_S).flows
    assert (throttled.battery_w, throttled.solar_w) == (0, throttled.load_w)


def test_sun_and_load_follow_the_sites_own_day() -> None:
    by_hour = [SUNNY.sun_and_load_w(MONDAY_S - HOUR_S + hour * HOUR_S) for hour in range(24)]
    sun = [pair[0] for pair in by_hour]
    assert sun[:6] == [0] * 6
    assert sun[12] == max(sun) > 3_000
    assert sun[20:] == [0] * 4
    assert by_hour[19][1] > 1.5 * by_hour[3][1]
    east = replace(SUNNY, zone="Europe/Helsinki")
    assert east.sun_and_load_w(MONDAY_S + 10 * HOUR_S)[0] == pytest.approx(SUNNY.sun_and_load_w(NOON_S)[0], abs=1)

"""What becomes of Tesla's answers: bounded readings, active programmes, equipment with stated fallbacks."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.model import Equipment
from shared.energy.readings import (
    MOST_PROGRAMMES,
    UNBALANCED,
    UNKNOWN_UNIT_ENERGY_WH,
    UNKNOWN_UNIT_POWER_W,
    UNNAMED,
    active_programmes,
    equipment,
    reading,
)
from shared.energy.samples import Reading
from shared.tesla.decode import Undecodable, decode
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.models.site_info import SiteInfo

NOW = datetime(2026, 7, 1, 18, 0, tzinfo=UTC)
BALANCED = {"solar_power": 1000, "battery_power": 1500, "grid_power": -500, "load_power": 2000}


def live(**fields: Any) -> Reading:
    """The reading of an answer with these fields."""
    return reading(
        decode(json.dumps({"response": {"timestamp": NOW.isoformat()} | fields}).encode(), LiveStatus).value, NOW
    )


def info(**fields: Any) -> Equipment:
    """The equipment of an answer with these fields."""
    return equipment(decode(json.dumps({"response": {"id": "1"} | fields}).encode(), SiteInfo).value, NOW)


def test_all_fields_arrive_with_teslas_signs_and_the_devices_time() -> None:
    seen = live(
        **BALANCED,
        generator_power=0,
        energy_left=10_800.5,
        total_pack_energy=13_500,
        percentage_charged=80.004,
        backup_reserve_percent=20,
        island_status="on_grid",
        grid_status="Active",
        storm_mode_active=False,
        grid_services_active=True,
        programs=["Bright Grid"],
        timestamp="2026-07-01T10:58:00-07:00",
    )
    assert seen == Reading(
        received_at=NOW,
        at=NOW - timedelta(minutes=2),
        battery_power_w=1500,
        solar_power_w=1000,
        load_power_w=2000,
        grid_power_w=-500,
        generator_power_w=0,
        energy_left_wh=10_800.5,
        total_pack_energy_wh=13_500,
        percentage_charged=80.004,
        backup_reserve_percent=20,
        island_status="on_grid",
        grid_status="Active",
        storm_mode_active=False,
        grid_services_active=True,
        programmes=("Bright Grid",),
        flags=(),
    )


def test_what_is_absent_is_none_and_no_fault() -> None:
    assert reading(LiveStatus(), NOW) == Reading(received_at=NOW)


@pytest.mark.parametrize(
    ("load", "flags"),
    [
        (2000, ()),
        (2080, ()),  # 50 W + 2 % of the largest flow, the load itself: 91.6 W
        (1920, ()),  # 90 W
        (2095, (UNBALANCED,)),
        (1905, (UNBALANCED,)),
        (20_000, (UNBALANCED,)),
    ],
)
def test_the_flows_have_to_make_up_the_load(load: float, flags: tuple[str, ...]) -> None:
    assert live(**BALANCED | {"load_power": load}).flags == flags


def test_the_generator_belongs_to_the_balance() -> None:
    without = {"solar_power": 0, "battery_power": 0, "grid_power": 0, "load_power": 3000}
    assert live(**without).flags == (UNBALANCED,)
    assert live(**without, generator_power=3000).flags == ()


@pytest.mark.parametrize("name", BALANCED)
def test_a_missing_flow_leaves_the_balance_unjudged(name: str) -> None:
    fields = BALANCED | {"load_power": 90_000}
    assert live(**{key: value for key, value in fields.items() if key != name}).flags == ()


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("percentage_charged", "percentage_charged", 100.5),
        ("percentage_charged", "percentage_charged", -1),
        ("backup_reserve_percent", "backup_reserve_percent", 120),
        ("energy_left", "energy_left_wh", -0.1),
        ("energy_left", "energy_left_wh", 1e9),
        ("total_pack_energy", "total_pack_energy_wh", -5),
        ("battery_power", "battery_power_w", 5e6),
        ("solar_power", "solar_power_w", -5e6),
        ("load_power", "load_power_w", 1e12),
        ("grid_power", "grid_power_w", -1e300),
        ("generator_power", "generator_power_w", 1e7),
    ],
)
def test_a_value_that_no_home_has_is_dropped_and_named(name: str, attribute: str, value: float) -> None:
    seen = live(**{name: value})
    assert getattr(seen, attribute) is None
    assert seen.flags == (name,)


def test_not_a_number_is_dropped_too() -> None:
    seen = reading(LiveStatus(battery_power_w=math.nan, timestamp=NOW), NOW)
    assert (seen.battery_power_w, seen.flags) == (None, ("battery_power",))


def test_more_energy_than_the_pack_holds_is_dropped() -> None:
    assert live(energy_left=15_000, total_pack_energy=13_500).flags == ("energy_left",)
    assert live(energy_left=13_600, total_pack_energy=13_500).energy_left_wh == 13_600


@pytest.mark.parametrize(
    "stamp", ["2026-07-01T18:11:00+00:00", "2031-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00"]
)
def test_a_device_time_that_cannot_be_is_no_time(stamp: str) -> None:
    seen = live(timestamp=stamp)
    assert (seen.at, seen.flags) == (None, ("timestamp",))


def test_a_clock_slightly_ahead_is_believed() -> None:
    assert live(timestamp="2026-07-01T18:09:00+00:00").at == NOW + timedelta(minutes=9)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(field for field in LiveStatus.__struct_encode_fields__)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=12))
def test_wild_answers_give_bounded_readings(fields: dict[str, Any]) -> None:
    try:
        status = decode(json.dumps({"response": fields}).encode(), LiveStatus).value
    except Undecodable:
        return
    seen = reading(status, NOW)
    assert seen.percentage_charged is None or 0 <= seen.percentage_charged <= 100
    assert seen.energy_left_wh is None or seen.energy_left_wh >= 0
    assert seen.battery_power_w is None or abs(seen.battery_power_w) <= 1e6
    assert seen.at is None or seen.age_s(NOW) is not None


@pytest.mark.parametrize(
    ("programs", "active"),
    [
        (None, None),
        (17, None),
        ("Bright Grid", None),
        ([], ()),
        ({}, ()),
        (["Bright Grid", " ", "Bright Grid", "Second"], ("Bright Grid", "Second")),
        ([{"name": "A", "status": "active"}], ("A",)),
        ([{"name": "A", "status": "ACTIVE"}, {"name": "B", "state": "Enrolled"}], ("A", "B")),
        ([{"program_name": "A", "enrollment_status": "ENROLLMENT_STATUS_ACTIVE"}], ("A",)),
        ([{"name": "A", "status": "enrollment-status active"}], ("A",)),
        ([{"name": "A", "status": "inactive"}], ()),
        ([{"name": "A", "status": "pending"}, {"name": "B", "status": "unenrolled"}], ()),
        ([{"name": "A", "status": "eligible"}, {"name": "B"}], ()),
        ([{"name": "A", "status": ""}, {"name": "B", "status": None}, {"name": "C", "status": 1}], ()),
        ([{"name": "A", "status": "active", "is_active": False}], ()),
        ([{"name": "A", "active": True}], ("A",)),
        ([{"status": "active"}], (UNNAMED,)),
        ([{"id": 7, "status": "active"}], ("7",)),
        ([None, 3, ["x"], True], ()),
        ({"programs": [{"name": "A", "status": "active"}, {"name": "B", "status": "pending"}]}, ("A",)),
        ({"name": "A", "status": "active"}, ("A",)),
        ({"name": "A", "status": "ended"}, ()),
        ({"A": "active", "B": {"status": "active"}, "C": "pending", "D": {"note": "x"}, "E": False}, ("A", "B")),
    ],
)
def test_only_active_programmes_count(programs: object, active: tuple[str, ...] | None) -> None:
    assert active_programmes(programs) == active


def test_the_number_of_programmes_and_their_names_are_bounded() -> None:
    found = active_programmes([f"{number:03d}" + "x" * 500 for number in range(200)])
    assert found is not None
    assert len(found) == MOST_PROGRAMMES
    assert max(map(len, found)) <= 100


@given(JSON)
def test_programmes_of_any_shape_are_names_or_nothing(programs: object) -> None:
    found = active_programmes(programs)
    assert found is None or all(found)


def test_programmes_of_live_status_and_of_their_own_endpoint_read_alike() -> None:
    entries = [{"name": "A", "status": "active"}, {"name": "B", "status": "withdrawn"}]
    assert live(programs=entries).programmes == active_programmes(entries) == ("A",)
    assert live(programs=[{"name": "B", "status": "withdrawn"}]).programmes == ()
    assert live().programmes is None


def battery(power: float | None, energy: float | None, **more: Any) -> dict[str, Any]:
    return {"nameplate_max_discharge_power": power, "nameplate_energy": energy} | more


@pytest.mark.parametrize(
    ("fields", "rated", "pack"),
    [
        ({"nameplate_power": 10_000, "nameplate_energy": 27_000, "battery_count": 2}, 10_000, 27_000),
        (
            {"battery_count": 2, "components": {"batteries": [battery(5400, 13_500), battery(5400, 13_500)]}},
            10_800,
            27_000,
        ),
        (
            {"components": {"batteries": [battery(5400, 13_500), battery(5400, 13_500, is_active=False)]}},
            5400,
            13_500,
        ),
        (
            {"battery_count": 2, "components": {"batteries": [battery(5400, 13_500), battery(None, None)]}},
            2 * UNKNOWN_UNIT_POWER_W,
            2 * UNKNOWN_UNIT_ENERGY_WH,
        ),
        ({"battery_count": 3}, 3 * UNKNOWN_UNIT_POWER_W, 3 * UNKNOWN_UNIT_ENERGY_WH),
        (
            {"battery_count": 1, "nameplate_power": -5, "nameplate_energy": 1e12},
            UNKNOWN_UNIT_POWER_W,
            UNKNOWN_UNIT_ENERGY_WH,
        ),
        ({"components": {"battery": True}}, None, None),
    ],
)
def test_ratings_come_from_the_nameplate_or_the_batteries_or_their_number(
    fields: dict[str, Any], rated: float | None, pack: float | None
) -> None:
    found = info(**fields)
    assert (found.rated_power_w, found.pack_energy_wh) == (rated, pack)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"battery_count": 2}, 2),
        ({"battery_count": 0}, 0),
        ({"components": {"solar": True, "battery": False}}, 0),
        ({"components": {"solar": True}}, 0),
        ({"components": {"battery": True}}, None),
        ({"nameplate_power": 5000, "components": {"solar": True}}, None),
        ({"battery_count": -3, "components": {"battery": True}}, None),
        ({}, None),
        ({"components": {"batteries": [battery(1, 1), battery(1, 1)]}}, 2),
    ],
)
def test_a_site_without_battery_is_told_from_one_that_says_nothing(fields: dict[str, Any], count: int | None) -> None:
    assert info(**fields).battery_count == count


@pytest.mark.parametrize(
    ("most", "least", "cap"),
    [
        (1_000_000_000, -1_000_000_000, None),
        (None, None, None),
        (1_000_000_000, -5000, 5000),
        (7000, -5000, 5000),
        (10_000, None, 10_000),
        (1_000_000_000, 0, 0),
    ],
)
def test_a_thousand_million_watts_is_no_limit(most: float | None, least: float | None, cap: float | None) -> None:
    assert info(max_site_meter_power_ac=most, min_site_meter_power_ac=least).export_cap_w == cap


def test_settings_are_read_and_bounded() -> None:
    found = info(
        backup_reserve_percent=30,
        vpp_backup_reserve_percent=130,
        default_real_mode="autonomous",
        installation_time_zone=" Europe/Berlin ",
        user_settings={"storm_mode_enabled": True},
        components={"solar": True, "customer_preferred_export_rule": "battery_ok", "non_export_configured": True},
        tariff_content={},
        tariff_content_v2={"name": "x"},
    )
    assert (found.backup_reserve_percent, found.vpp_reserve_percent) == (30, None)
    assert (found.mode, found.time_zone, found.storm_mode_enabled) == ("autonomous", "Europe/Berlin", True)
    assert (found.export_rule, found.non_export, found.has_solar, found.has_tariff) == (
        "battery_ok",
        True,
        True,
        True,
    )
    assert info(tariff_content={}).has_tariff is False

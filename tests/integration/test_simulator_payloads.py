"""Every endpoint carries every documented field, with the documented kind of value."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pytest

from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import ALL_SCOPES, Application, FleetClient

FIXTURES = Path(__file__).resolve().parents[2] / ".." / "shared" / "fixtures"

VEHICLE = """id vehicle_id vin display_name state access_type in_service color option_codes
    granular_access.hide_private calendar_enabled api_version ble_autopair_enrolled"""
CHARGE = """battery_level usable_battery_level battery_range ideal_battery_range est_battery_range charging_state
    charge_limit_soc charge_limit_soc_max charge_limit_soc_min charge_limit_soc_std charge_energy_added
    charge_miles_added_rated charge_miles_added_ideal charge_rate charge_amps charge_current_request
    charge_current_request_max charger_actual_current charger_voltage charger_power charger_pilot_current
    charger_phases charge_port_door_open charge_port_latch charge_port_color charge_port_cold_weather_mode
    conn_charge_cable fast_charger_present fast_charger_brand fast_charger_type battery_heater_on
    charge_enable_request minutes_to_full_charge time_to_full_charge max_range_charge_counter
    off_peak_charging_enabled off_peak_charging_times preconditioning_enabled preconditioning_times
    scheduled_charging_mode scheduled_charging_pending scheduled_departure_time scheduled_departure_time_minutes
    supercharger_session_trip_planner trip_charging timestamp"""
CLIMATE = """inside_temp outside_temp driver_temp_setting passenger_temp_setting is_climate_on
    is_auto_conditioning_on is_preconditioning is_front_defroster_on is_rear_defroster_on fan_status
    hvac_auto_request min_avail_temp max_avail_temp cabin_overheat_protection
    cabin_overheat_protection_actively_cooling cop_activation_temperature allow_cabin_overheat_protection
    climate_keeper_mode defrost_mode battery_heater steering_wheel_heater steering_wheel_heat_level
    seat_heater_left seat_heater_right seat_heater_rear_left seat_heater_rear_right seat_fan_front_left
    seat_fan_front_right side_mirror_heaters wiper_blade_heater remote_heater_control_enabled
    auto_seat_climate_left auto_seat_climate_right auto_steering_wheel_heat
    supports_fan_only_cabin_overheat_protection"""
STATE = """odometer car_version vehicle_name locked sentry_mode sentry_mode_available dashcam_state
    dashcam_clip_save_available is_user_present valet_mode valet_pin_needed center_display_state df dr pf pr ft rt
    fd_window fp_window rd_window rp_window remote_start remote_start_enabled remote_start_supported api_version
    autopark_state_v2 calendar_supported notifications_supported parsed_calendar_supported service_mode
    service_mode_plus santa_mode webcam_available feature_bitmask vehicle_self_test_progress
    vehicle_self_test_requested tpms_pressure_fl tpms_pressure_fr tpms_pressure_rl tpms_pressure_rr
    tpms_rcp_front_value tpms_rcp_rear_value tpms_soft_warning_fl tpms_soft_warning_fr tpms_soft_warning_rl
    tpms_soft_warning_rr tpms_hard_warning_fl tpms_hard_warning_fr tpms_hard_warning_rl tpms_hard_warning_rr
    tpms_last_seen_pressure_time_fl tpms_last_seen_pressure_time_fr tpms_last_seen_pressure_time_rl
    tpms_last_seen_pressure_time_rr software_update.download_perc software_update.install_perc
    software_update.expected_duration_sec software_update.status software_update.version speed_limit_mode.active
    speed_limit_mode.current_limit_mph speed_limit_mode.max_limit_mph speed_limit_mode.min_limit_mph
    speed_limit_mode.pin_code_set media_info.audio_volume media_info.audio_volume_max
    media_info.media_playback_status media_info.now_playing_artist media_info.now_playing_title
    media_info.now_playing_station media_info.now_playing_source media_info.a2dp_source_name"""
DRIVE = """active_route_latitude active_route_longitude active_route_traffic_minutes_delay gps_as_of heading
    latitude longitude native_latitude native_longitude native_location_supported native_type power shift_state
    speed timestamp"""
GUI = """gui_24_hour_time gui_charge_rate_units gui_distance_units gui_range_display gui_temperature_units
    gui_tirepressure_units show_range_units"""
CONFIG = """car_type car_special_type trim_badging exterior_color exterior_trim interior_trim_type roof_color
    wheel_type charge_port_type driver_assist efficiency_package performance_package rear_drive_unit eu_vehicle
    ece_restrictions rhd plg pws has_air_suspension has_ludicrous_mode has_seat_cooling rear_seat_heaters
    rear_seat_type third_row_seats spoiler_type headlamp_type sun_roof_installed can_accept_navigation_requests
    can_actuate_trunks motorized_charge_port dashcam_clip_save_supported default_charge_to_max webcam_supported
    webcam_selfie_supported sentry_preview_supported supports_qr_pairing use_range_badging badge_version
    key_version utc_offset"""
SESSION = """sessionId vin siteLocationName chargeStartDateTime chargeStopDateTime unlatchDateTime countryCode
    billingType vehicleMakeType fees"""
FEE = """sessionFeeId feeType currencyCode pricingType rateBase usageBase totalBase totalDue netDue uom isPaid
    status"""
WARRANTY = """warrantyType warrantyDisplayName expirationDate expirationOdometer odometerUnit warrantyExpiredOn
    coverageAgeInYears"""
SPECS = """vin batterySoH batteryCapacityKwh batterySoHTimestamp make model modelYear bodyType equipmentPrice
    trim typeOfDrive numberOfSeats numberOfDoors paintCode interiorCode thirdRowSeatsCode decorCode wheelsCode
    rearSeatsName seatsName towingCode totalPrice vehicleType fuelType transmissionType numberOfGears
    autopilotHardwareCode autopilotSoftwareCode countryOfOrigin productionDate maxPowerInKw batteryRangeInKm"""
NOTE = """title subtitle description customer_version icon show_in_history image_url light_image_url
    is_fallback"""
ORDER = """vehicleMapId referenceNumber vin orderStatus orderSubstatus modelCode countryCode locale mktOptions
    isB2b"""
BUSINESS = """id vin model start_date_time stop_date_time total_energy total_time total_cost.excl_vat
    total_cost.incl_vat total_cost.vat location.country location.name charging_periods tariffs.currency
    tariffs.elements"""
ALL_PARTS = (
    "charge_state;climate_state;closures_state;drive_state;gui_settings;location_data;charge_schedule_data;"
    "preconditioning_schedule_data;vehicle_config;vehicle_state"
)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(vehicles=5, business=True)) as running:
        yield running


@pytest.fixture
def owner(sim: Simulator) -> FleetClient:
    return FleetClient(sim.urls.eu, sim.grant(0, tuple(ALL_SCOPES.split())).access_token)


@pytest.fixture(params=range(5))
def vin(sim: Simulator, request: pytest.FixtureRequest) -> str:
    index: int = request.param
    return sim.accounts[0].vehicles[index].vin


def lacking(row: dict[str, Any], fields: str) -> set[str]:
    """Documented fields (dots reach inside) that the row has not."""
    return {name for name in fields.split() if not _has(row, name.split("."))}


def _has(value: Any, path: list[str]) -> bool:
    return not path or (isinstance(value, dict) and path[0] in value and _has(value[path[0]], path[1:]))


def response(client: FleetClient, path: str, **query: str | int) -> Any:
    answer = client.get(path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()["response"]


def test_vehicle_objects(owner: FleetClient, vin: str) -> None:
    rows = response(owner, "vehicles")
    assert len(rows) == 5
    assert [lacking(row, VEHICLE) for row in rows] == [set()] * 5
    one = response(owner, f"vehicles/{vin}")
    assert lacking(one, VEHICLE) == set()
    assert response(owner, f"vehicles/{one['id']}") == one


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("charge_state", CHARGE),
        ("climate_state", CLIMATE),
        ("vehicle_state", STATE),
        ("drive_state", DRIVE),
        ("gui_settings", GUI),
        ("vehicle_config", CONFIG),
        ("charge_schedule_data", "charge_schedules timestamp"),
        ("preconditioning_schedule_data", "precondition_schedules timestamp"),
    ],
)
def test_vehicle_data(owner: FleetClient, vin: str, part: str, fields: str) -> None:
    data = response(owner, f"vehicles/{vin}/vehicle_data", endpoints=ALL_PARTS)
    assert lacking(data[part], fields) == set()
    assert data["supercharger_payment_needed"] == "false"
    assert data["supercharging_enabled"] is True
    assert lacking(data, VEHICLE) == set()


def test_vehicle_data_is_consistent_in_itself(owner: FleetClient, vin: str) -> None:
    data = response(owner, f"vehicles/{vin}/vehicle_data")
    charge, state = data["charge_state"], data["vehicle_state"]
    assert 0 <= charge["usable_battery_level"] <= charge["battery_level"] <= 100
    assert 0 < charge["battery_range"] < 450
    for wheel in ("fl", "fr", "rl", "rr"):
        assert 2.0 < state[f"tpms_pressure_{wheel}"] < 3.3
        assert state[f"tpms_soft_warning_{wheel}"] == (state[f"tpms_pressure_{wheel}"] < 2.7)


def test_modules(owner: FleetClient, sim: Simulator, vin: str) -> None:
    alerts = response(owner, f"vehicles/{vin}/recent_alerts")["recent_alerts"]
    assert len(alerts) == 12
    assert not any(lacking(row, "name time audience user_text") for row in alerts)
    cover = response(owner, "dx/warranty/details", vin=vin)
    assert set(cover) == {"activeWarranty", "upcomingWarranty", "expiredWarranty"}
    rows = cover["activeWarranty"] + cover["expiredWarranty"]
    assert len(rows) == 3
    assert not any(lacking(row, WARRANTY) for row in rows)
    codes = response(owner, "dx/vehicles/options", vin=vin)["codes"]
    assert not any(lacking(row, "code displayName isActive") for row in codes)
    assert any("colorCode" in row for row in codes)
    notes = response(owner, f"vehicles/{vin}/release_notes")
    assert lacking(notes, "deployed_version staged_version release_notes_version") == set()
    assert not any(lacking(row, NOTE) for row in notes["release_notes"])
    partner = FleetClient(sim.urls.eu, Application(sim).partner_token())
    sheet = response(partner, f"vehicles/{vin}/specs")
    assert lacking(sheet, SPECS) == set()
    assert not any(lacking(row, "code name price") for row in sheet["equipmentPrice"])


def test_charging(owner: FleetClient, vin: str) -> None:
    data = response(owner, "dx/charging/history", vin=vin)["data"]
    assert len(data) == 12
    assert not any(lacking(row, SESSION) for row in data)
    assert not any(lacking(fee, FEE) for row in data for fee in row["fees"])
    invoices = [row for session in data for row in session.get("invoices", [])]
    assert len(invoices) == 8
    assert not any(lacking(row, "fileName contentId invoiceType") for row in invoices)
    assert {fee["feeType"] for row in data for fee in row["fees"]} == {"CHARGING", "PARKING", "CONGESTION"}
    assert any(fee.get("rateTier1") and fee["rateTier2"] is None for row in data for fee in row["fees"])
    business = response(owner, "dx/charging/sessions", vin=vin)["data"]
    assert not any(lacking(row, BUSINESS) for row in business)


def test_currencies_differ_within_an_account(owner: FleetClient) -> None:
    data = response(owner, "dx/charging/history", pageSize=100)["data"]
    assert {fee["currencyCode"] for row in data for fee in row["fees"]} == {"EUR", "SEK"}


def test_an_invoice_is_a_pdf(owner: FleetClient) -> None:
    data = response(owner, "dx/charging/history")["data"]
    row = next(row for session in data for row in session.get("invoices", []))
    answer = owner.get(f"dx/charging/invoice/{row['contentId']}")
    assert answer.headers["Content-Type"] == "application/pdf"
    with pikepdf.open(io.BytesIO(answer.content)) as pdf:
        assert len(pdf.pages) == 1
        assert pdf.check_pdf_syntax() == []


def test_users(owner: FleetClient, sim: Simulator) -> None:
    me = response(owner, "users/me")
    assert lacking(me, "email full_name profile_image_url vault_uuid") == set()
    assert response(owner, "users/region") == {"region": "eu", "fleet_api_base_url": sim.urls.eu}
    orders = owner.get("users/orders").json()
    assert orders["count"] == len(orders["response"]) == 5
    assert not any(lacking(row, ORDER) for row in orders["response"])
    signaling = response(owner, "users/feature_config")["signaling"]
    assert lacking(signaling, "enabled subscribe_connectivity use_auth_token") == set()


def test_fleet_status(owner: FleetClient, sim: Simulator, vin: str) -> None:
    one = owner.post("vehicles/fleet_status", {"vins": [vin]}).json()["response"]
    assert set(one["key_paired_vins"] + one["unpaired_vins"]) == {vin}
    fields = """firmware_version vehicle_command_protocol_required discounted_device_data
        fleet_telemetry_version total_number_of_keys"""
    assert lacking(one["vehicle_info"][vin], fields) == set()
    vins = [car.vin for car in sim.accounts[0].vehicles]
    all_of_them = owner.post("vehicles/fleet_status", {"vins": vins}).json()["response"]
    assert not any("discounted_device_data" in row for row in all_of_them["vehicle_info"].values())


def test_service_data_is_empty_until_the_car_is_in_service(owner: FleetClient, sim: Simulator) -> None:
    car = sim.accounts[0].vehicles[4]
    assert response(owner, f"vehicles/{car.vin}/service_data") == {}
    car.in_service = True
    row = response(owner, f"vehicles/{car.vin}/service_data")
    assert lacking(row, "service_status service_etc service_visit_number status_id") == set()
    assert owner.get(f"vehicles/{car.vin}/vehicle_data").status_code == 405
    car.in_service = False


def test_energy(owner: FleetClient, sim: Simulator) -> None:
    rows = response(owner, "products")
    assert [sum(key in row for row in rows) for key in ("vin", "energy_site_id", "resource_type")] == [5, 2, 1]
    site = f"energy_sites/{sim.accounts[0].sites[0].site_id}"
    info = response(owner, f"{site}/site_info")
    assert lacking(info, "backup_reserve_percent default_real_mode nameplate_power nameplate_energy") == set()
    live = response(owner, f"{site}/live_status")
    assert live["solar_power"] + live["battery_power"] + live["grid_power"] == live["load_power"]
    written = owner.post(f"{site}/operation", {"default_real_mode": "backup"})
    assert (written.status_code, written.json()) == (200, {"response": {"code": 201, "message": "Updated"}})
    owner.post(f"{site}/backup", {"backup_reserve_percent": 90})
    info = response(owner, f"{site}/site_info")
    assert (info["default_real_mode"], info["backup_reserve_percent"]) == ("backup", 80)
    before = response(owner, f"{site}/live_status")
    assert before["battery_power"] < 0
    sim.advance(900)
    after = response(owner, f"{site}/live_status")
    assert after["percentage_charged"] > before["percentage_charged"]
    assert owner.call("PUT", f"{site}/operation", json={"default_real_mode": "backup"}).status_code == 405


RECORDED = [
    ("vehicle_data.json", f"vehicles/{{vin}}/vehicle_data?endpoints={ALL_PARTS}"),
    ("live_status.json", "energy_sites/{site}/live_status"),
]


@pytest.mark.parametrize(("name", "path"), RECORDED)
def test_shapes_agree_with_recorded_answers(owner: FleetClient, sim: Simulator, name: str, path: str) -> None:
    recorded = FIXTURES / "home-assistant-core" / name
    if not recorded.exists():
        pytest.skip("no recorded answers here")
    account = sim.accounts[0]
    made = response(owner, path.format(vin=account.vehicles[0].vin, site=account.sites[0].site_id))
    assert _differences(made, json.loads(recorded.read_text())["response"]) == []


def _differences(made: Any, real: Any, path: str = "") -> list[str]:
    """Places where both have a value and the kinds disagree; int and float are one kind."""
    if made is None or real is None:
        return []
    if isinstance(real, dict) and isinstance(made, dict):
        shared = made.keys() & real.keys()
        return [line for key in sorted(shared) for line in _differences(made[key], real[key], f"{path}.{key}")]
    same = _kind(made) == _kind(real)
    return [] if same else [f"{path}: {made!r} against {real!r}"]


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def test_the_same_seed_makes_the_same_world() -> None:
    def world(seed: int) -> bytes:
        config = SimulatorConfig(seed=seed, accounts=2, epoch_s=1_790_000_000)
        with Simulator(config) as sim:
            cars = [car for account in sim.accounts for car in account.vehicles]
            modules = [(c.data(), c.warranty(), c.options(), c.specs(), c.alerts(3), c.sessions(5)) for c in cars]
            people = [account.me() for account in sim.accounts]
            return msgspec.json.encode([people, modules, [car.base() for car in cars]])

    assert world(7) == world(7)
    assert world(7) != world(8)


def test_cars_differ(sim: Simulator) -> None:
    cars = sim.accounts[0].vehicles
    assert len({car.vin for car in cars}) == 5
    assert all(len(car.vin) == 17 for car in cars)
    assert len({msgspec.json.encode(car.data()) for car in cars}) == 5
    assert {car.profile.display_name for car in cars} >= {None, ""}

"""Answers of Tesla's API as documented, every documented field with a value: data of the decoding tests.

Null examples are given where the documentation gives null. VINs and ids are made up.
"""

from __future__ import annotations

import json
from typing import Any


def _read(text: str) -> dict[str, Any]:
    tree = json.loads(text)
    assert isinstance(tree, dict)
    return tree


CHARGE_STATE = _read("""
{"battery_level": 74, "usable_battery_level": 73, "battery_range": 243.31, "ideal_battery_range": 243.31,
"est_battery_range": 242.74, "charging_state": "Disconnected", "charge_limit_soc": 83, "charge_limit_soc_max":
100, "charge_limit_soc_min": 50, "charge_limit_soc_std": 80, "charge_energy_added": 17.74,
"charge_miles_added_rated": 78.5, "charge_miles_added_ideal": 78.5, "charge_rate": 0.0, "charge_amps": 16,
"charge_current_request": 16, "charge_current_request_max": 16, "charger_actual_current": 0, "charger_voltage":
2, "charger_power": 0, "charger_pilot_current": 16, "charger_phases": null, "charge_port_door_open": false,
"charge_port_latch": "Engaged", "charge_port_color": "Off", "charge_port_cold_weather_mode": false,
"conn_charge_cable": "<invalid>", "fast_charger_present": false, "fast_charger_brand": "<invalid>",
"fast_charger_type": "<invalid>", "battery_heater_on": false, "charge_enable_request": true,
"minutes_to_full_charge": 0, "time_to_full_charge": 0.0, "max_range_charge_counter": 0,
"off_peak_charging_enabled": false, "off_peak_charging_times": "all_week", "preconditioning_enabled": true,
"preconditioning_times": "weekdays", "scheduled_charging_mode": "Off", "scheduled_charging_pending": false,
"scheduled_departure_time": 1770787800, "scheduled_departure_time_minutes": 450,
"supercharger_session_trip_planner": false, "trip_charging": false, "timestamp": 1700000000000}
""")

CLIMATE_STATE = _read("""
{"inside_temp": 4.5, "outside_temp": -6.5, "driver_temp_setting": 21.5, "passenger_temp_setting": 21.5,
"is_climate_on": false, "is_auto_conditioning_on": false, "is_preconditioning": false, "is_front_defroster_on":
false, "is_rear_defroster_on": false, "fan_status": 0, "hvac_auto_request": "On", "min_avail_temp": 15.0,
"max_avail_temp": 28.0, "cabin_overheat_protection": "On", "cabin_overheat_protection_actively_cooling": false,
"cop_activation_temperature": "High", "allow_cabin_overheat_protection": true, "climate_keeper_mode": "off",
"defrost_mode": 0, "battery_heater": false, "steering_wheel_heater": false, "steering_wheel_heat_level": 0,
"seat_heater_left": 0, "seat_heater_right": 0, "seat_heater_rear_left": 0, "seat_heater_rear_right": 0,
"seat_fan_front_left": 0, "seat_fan_front_right": 0, "side_mirror_heaters": false, "wiper_blade_heater": false,
"remote_heater_control_enabled": false, "auto_seat_climate_left": false, "auto_seat_climate_right": false,
"auto_steering_wheel_heat": false, "supports_fan_only_cabin_overheat_protection": true}
""")

VEHICLE_STATE = _read("""
{"odometer": 12345.678901, "car_version": "2026.2.3", "vehicle_name": "MyTesla", "locked": true, "sentry_mode":
true, "sentry_mode_available": true, "dashcam_state": "Recording", "dashcam_clip_save_available": true,
"is_user_present": false, "valet_mode": false, "valet_pin_needed": true, "center_display_state": 0, "df": 0,
"dr": 0, "pf": 0, "pr": 0, "ft": 0, "rt": 0, "fd_window": 0, "fp_window": 0, "rd_window": 0, "rp_window": 0,
"remote_start": false, "remote_start_enabled": true, "remote_start_supported": true, "api_version": 90,
"autopark_state_v2": "unavailable", "calendar_supported": true, "notifications_supported": true,
"parsed_calendar_supported": true, "service_mode": false, "service_mode_plus": false, "santa_mode": 0,
"webcam_available": true, "feature_bitmask": "fbdffbff,...", "vehicle_self_test_progress": 0,
"vehicle_self_test_requested": false, "tpms_pressure_fl": 2.75, "tpms_pressure_fr": 2.65, "tpms_pressure_rl":
2.725, "tpms_pressure_rr": 2.675, "tpms_rcp_front_value": 2.9, "tpms_rcp_rear_value": 2.9,
"tpms_soft_warning_fl": false, "tpms_soft_warning_fr": true, "tpms_soft_warning_rl": true,
"tpms_soft_warning_rr": true, "tpms_hard_warning_fl": false, "tpms_hard_warning_fr": false,
"tpms_hard_warning_rl": false, "tpms_hard_warning_rr": false, "tpms_last_seen_pressure_time_fl": 1700000000,
"tpms_last_seen_pressure_time_fr": 1700000000, "tpms_last_seen_pressure_time_rl": 1700000000,
"tpms_last_seen_pressure_time_rr": 1700000000, "software_update": {"download_perc": 0, "install_perc": 1,
"expected_duration_sec": 2700, "status": "", "version": " "}, "speed_limit_mode": {"active": false,
"current_limit_mph": 85.0, "max_limit_mph": 120.0, "min_limit_mph": 50.0, "pin_code_set": false}, "media_info":
{"audio_volume": 2.0, "audio_volume_max": 10.333, "media_playback_status": "Playing", "now_playing_artist": "",
"now_playing_title": "Hit Music Only!", "now_playing_station": "FM NRJ", "now_playing_source": "13",
"a2dp_source_name": "iPhone (User)"}}
""")

DRIVE_STATE = _read("""
{"active_route_latitude": 37.7765494, "active_route_longitude": -122.4195418,
"active_route_traffic_minutes_delay": 0, "gps_as_of": 1692137422, "heading": 289, "latitude": 37.7765494,
"longitude": -122.4195418, "native_latitude": 37.7765494, "native_longitude": -122.4195418,
"native_location_supported": 1, "native_type": "wgs", "power": 1, "shift_state": null, "speed": null,
"timestamp": 1692141038420}
""")

GUI_SETTINGS = _read("""
{"gui_24_hour_time": true, "gui_charge_rate_units": "kW", "gui_distance_units": "km/hr", "gui_range_display":
"Rated", "gui_temperature_units": "C", "gui_tirepressure_units": "Bar", "show_range_units": false}
""")

VEHICLE_CONFIG = _read("""
{"car_type": "model3", "car_special_type": "base", "trim_badging": "74d", "exterior_color": "DeepBlue",
"exterior_trim": "Black", "interior_trim_type": "Black2", "roof_color": "RoofColorGlass", "wheel_type":
"Glider18", "charge_port_type": "CCS", "driver_assist": "TeslaAP4", "efficiency_package": "M3POPPYSEED2024",
"performance_package": "Base", "rear_drive_unit": "PM216MOSFET", "eu_vehicle": true, "ece_restrictions": true,
"rhd": false, "plg": true, "pws": true, "has_air_suspension": false, "has_ludicrous_mode": false,
"has_seat_cooling": true, "rear_seat_heaters": 1, "rear_seat_type": 0, "third_row_seats": "None",
"spoiler_type": "None", "headlamp_type": "Global", "sun_roof_installed": null, "can_accept_navigation_requests":
true, "can_actuate_trunks": true, "motorized_charge_port": true, "dashcam_clip_save_supported": true,
"default_charge_to_max": false, "webcam_supported": true, "webcam_selfie_supported": true,
"sentry_preview_supported": false, "supports_qr_pairing": false, "use_range_badging": true, "badge_version": 1,
"key_version": 2, "utc_offset": 7200}
""")

VEHICLE = _read("""
{"id": 99999999999999, "vehicle_id": 88888888888888, "vin": "TEST00000000VIN01", "display_name": "Owned",
"state": "online", "access_type": "OWNER", "in_service": false, "color": null, "option_codes": "TEST0,COUS",
"granular_access": {"hide_private": false}, "calendar_enabled": true, "api_version": 90,
"ble_autopair_enrolled": false}
""")

PAGINATION = _read('{"previous": null, "next": null, "current": 1, "per_page": 2, "count": 2, "pages": 1}')

VEHICLE_DATA: dict[str, Any] = VEHICLE | {
    "charge_state": CHARGE_STATE,
    "climate_state": CLIMATE_STATE,
    "drive_state": DRIVE_STATE,
    "gui_settings": GUI_SETTINGS,
    "vehicle_config": VEHICLE_CONFIG,
    "vehicle_state": VEHICLE_STATE,
    "supercharger_payment_needed": "false",
    "supercharging_enabled": True,
}

SERVICE_DATA = _read("""
{"service_status": "car_in_repair", "service_etc": "2023-05-02T17:10:53-10:00", "service_visit_number": "SV1",
"status_id": 8}
""")

CHARGING_SESSION = _read("""
{"sessionId": 1234567, "vin": "TEST00000000VIN01", "siteLocationName": "Truckee, CA - Soaring Way",
"chargeStartDateTime": "2023-07-27T11:43:45-07:00", "chargeStopDateTime": "2023-07-27T12:08:35-07:00",
"unlatchDateTime": "2023-07-27T12:25:31-07:00", "countryCode": "US", "billingType": "IMMEDIATE",
"vehicleMakeType": "TSLA",
"fees": [
 {"sessionFeeId": 7654321, "feeType": "CHARGING", "currencyCode": "USD", "pricingType": "PAYMENT",
  "rateBase": 0.46, "rateTier1": null, "rateTier2": 0.5, "rateTier3": null, "rateTier4": null,
  "usageBase": 40, "usageTier1": null, "usageTier2": 24, "usageTier3": null, "usageTier4": null,
  "totalBase": 18.4, "totalTier1": 0, "totalTier2": 0, "totalTier3": 0, "totalTier4": 0,
  "totalDue": 18.4, "netDue": 18.4, "uom": "kwh", "isPaid": true, "status": "PAID"},
 {"sessionFeeId": 87654321, "feeType": "PARKING", "currencyCode": "USD", "pricingType": "NO_CHARGE",
  "rateBase": 0, "usageBase": 0, "totalBase": 0, "totalDue": 0, "netDue": 0, "uom": "min", "isPaid": true,
  "status": "PAID"}],
"invoices": [{"fileName": "ABC-123NN-US.pdf", "contentId": "abc-123-efg", "invoiceType": "IMMEDIATE"}]}
""")

BUSINESS_SESSION = _read("""
{"id": "s-1", "vin": "TEST00000000VIN01", "model": "m3", "start_date_time": "2024-01-01T10:00:00Z",
"stop_date_time": "2024-01-01T10:30:00Z", "total_energy": 20.5, "total_time": 0.5,
"total_cost": {"excl_vat": 10.0, "incl_vat": 12.4, "vat": 2.4}, "location": {"country": "FI", "name": "Helsinki"},
"charging_periods": [{"start_date_time": "2024-01-01T10:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 20.5}]}],
"tariffs": {"currency": "EUR", "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5}]}]}}
""")

RECENT_ALERTS = _read("""
{"recent_alerts": [{"name": "UI_a212_AEBSFaulted", "time": "2021-03-19T22:01:15.101+00:00",
"audience": ["service-fix", "customer"], "user_text": "Automatic Emergency Braking is unavailable"}]}
""")

WARRANTY = _read("""
{"activeWarranty": [{"warrantyType": "NEW_MFG_WARRANTY", "warrantyDisplayName": "Basic Vehicle Limited Warranty",
"expirationDate": "2025-10-21T00:00:00Z", "expirationOdometer": 50000, "odometerUnit": "MI",
"warrantyExpiredOn": null, "coverageAgeInYears": 4}], "upcomingWarranty": [], "expiredWarranty": []}
""")

SPECS = _read("""
{"vin": "TEST00000000VIN01", "batterySoH": "100%", "batteryCapacityKwh": "82.3kWh",
"batterySoHTimestamp": "2024-01-28T00:00:00Z", "make": "Tesla", "model": "m3", "modelYear": 2025,
"bodyType": "Sedan, Fastback", "equipmentPrice": [{"code": "$APBS", "name": "Autopilot", "price": 0}],
"trim": "Model 3 Performance Dual Motor All-Wheel Drive", "typeOfDrive": "AWD", "numberOfSeats": 5,
"numberOfDoors": 5, "paintCode": "Stealth Grey Paint", "interiorCode": "Black and White Premium Interior",
"thirdRowSeatsCode": null, "decorCode": null, "wheelsCode": "20\u2019\u2019 Warp Wheels", "rearSeatsName": null,
"seatsName": null, "towingCode": null, "totalPrice": 60990, "vehicleType": "Passenger", "fuelType": "Electric",
"transmissionType": "Automatic", "numberOfGears": 1, "autopilotHardwareCode": null,
"autopilotSoftwareCode": "Base Autopilot Package", "countryOfOrigin": "DE",
"productionDate": "2025-07-18T02:50:26Z", "maxPowerInKw": "158 kW (front); 303 kW (rear)",
"batteryRangeInKm": "571 km"}
""")

OPTIONS = _read("""
{"codes": [{"code": "$MT315", "displayName": "Long Range All-Wheel Drive", "isActive": true},
{"code": "$PPSW", "colorCode": "PPSW", "displayName": "Pearl White Multi-Coat", "isActive": true}]}
""")

RELEASE_NOTE = _read("""
{"title": "Minor Fixes", "subtitle": "Some more info", "description": "Fixes and improvements",
"customer_version": "2022.42.0", "icon": "release_notes_icon", "show_in_history": true,
"image_url": "https://files.example/a", "light_image_url": "https://files.example/b", "is_fallback": false}
""")

RELEASE_VERSIONS = _read("""
{"deployed_version": "2026.2.3", "staged_version": null, "release_notes_version": "2026.2.3"}
""")

FLEET_STATUS = _read("""
{"key_paired_vins": [], "unpaired_vins": ["TEST00000000VIN01"], "vehicle_info": {"TEST00000000VIN01":
{"firmware_version": "2024.14.30", "vehicle_command_protocol_required": true, "discounted_device_data": false,
"fleet_telemetry_version": "1.0.0", "total_number_of_keys": 5}}}
""")

USER_ME = _read("""
{"email": "owner@example.com", "full_name": "Testy McTesterson", "profile_image_url": "https://files.example/p.jpg",
"vault_uuid": "b5c443af-a286-49eb-a4ad-35a97963155d"}
""")

USER_REGION = _read("""
{"region": "eu", "fleet_api_base_url": "https://fleet-api.prd.eu.vn.cloud.tesla.com"}
""")

USER_ORDER = _read("""
{"vehicleMapId": 1234466, "referenceNumber": "RN00000001", "vin": "TEST00000000VIN01", "orderStatus": "BOOKED",
"orderSubstatus": "_Z", "modelCode": "m3", "countryCode": "US", "locale": "en_US", "mktOptions": "APBS,DV2W,IBB1",
"isB2b": false}
""")

FEATURE_CONFIG = _read("""
{"signaling": {"enabled": true, "subscribe_connectivity": false, "use_auth_token": false}}
""")

CAR_PRODUCT = _read("""
{"id": 100021, "vehicle_id": 99999, "vin": "TEST00000000VIN01", "display_name": "Owned", "access_type": "OWNER",
"state": null}
""")

ENERGY_PRODUCT = _read("""
{"energy_site_id": 429124, "resource_type": "battery", "site_name": "My Home", "id": "STE1", "gateway_id": "G1",
"energy_left": 35425, "total_pack_energy": 39362, "percentage_charged": 90, "battery_power": 1000}
""")

SITE_INFO = _read("""
{"id": "S1", "site_name": "Site", "backup_reserve_percent": 20, "default_real_mode": "self_consumption",
"installation_date": "2022-01-01T00:00:00+01:00", "user_settings": {"storm_mode_enabled": true},
"components": {"solar": true, "battery": true, "grid": true, "battery_type": "ac_powerwall",
"customer_preferred_export_rule": "pv_only", "disallow_charge_from_grid_with_solar_installed": true,
"batteries": [{"din": "B1", "nameplate_energy": 13500, "nameplate_max_charge_power": 5400,
"nameplate_max_discharge_power": 5400, "is_active": true}]},
"version": "23.44.0", "battery_count": 1, "nameplate_power": 5000, "nameplate_energy": 13500,
"installation_time_zone": "Europe/Helsinki", "vpp_backup_reserve_percent": 0,
"tariff_content_v2": {"version": 1, "energy_charges": {"Summer": {"rates": {"ON_PEAK": 0.4}}}}}
""")

LIVE_STATUS = _read("""
{"solar_power": 1185, "percentage_charged": 95.505, "battery_power": 5060, "load_power": 6245,
"grid_status": "Active", "grid_power": 0, "generator_power": 0, "island_status": "on_grid",
"storm_mode_active": false, "timestamp": "2024-01-01T00:00:00+00:00",
"wall_connectors": [{"din": "W1", "wall_connector_state": 2, "wall_connector_fault_state": 2,
"wall_connector_power": 0}]}
""")

PAYLOADS: dict[str, dict[str, Any]] = {
    "vehicles": {"response": [VEHICLE], "pagination": PAGINATION, "count": 1},
    "vehicle": VEHICLE,
    "vehicle_data": VEHICLE_DATA,
    "service_data": SERVICE_DATA,
    "charging_history": {"data": [CHARGING_SESSION], "totalResults": 1, "hasMoreData": False},
    "charging_sessions": {"data": [BUSINESS_SESSION]},
    "recent_alerts": RECENT_ALERTS,
    "warranty": WARRANTY,
    "options": OPTIONS,
    "specs": SPECS,
    "release_notes": {"release_notes": [RELEASE_NOTE]} | RELEASE_VERSIONS,
    "fleet_status": FLEET_STATUS,
    "user_me": USER_ME,
    "user_region": USER_REGION,
    "user_orders": {"response": [USER_ORDER], "count": 1},
    "feature_config": FEATURE_CONFIG,
    "products": {"response": [CAR_PRODUCT, ENERGY_PRODUCT], "count": 2},
    "site_info": SITE_INFO,
    "live_status": LIVE_STATUS,
}
"""The payload of each endpoint inside its wrapper; lists keep theirs, where counts stand beside them."""

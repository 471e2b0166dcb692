"""Small snapshots for the tests of the report, and the check that they are what they claim to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from shared.reports.readings import MODULES, read
from shared.reports.snapshot import InvoiceFile, ModuleResult, ModuleStatus, Snapshot

FONTS = Path(__file__).resolve().parents[2] / "functions" / "build_report" / "fonts"
VIN = "LRW3E7EK4KC700001"
OTHER_VIN = "XP7YGCEE9NB000002"
NOW = datetime(2026, 2, 11, 8, 42, tzinfo=UTC)
NOW_S = int(NOW.timestamp())

Json = dict[str, Any]


def charge_state() -> Json:
    """The documented example: 243.31 mi at 74 %."""
    return {
        "battery_level": 74,
        "usable_battery_level": 73,
        "battery_range": 243.31,
        "est_battery_range": 242.74,
        "charge_limit_soc": 83,
        "charging_state": "Disconnected",
        "conn_charge_cable": "<invalid>",
        "charge_energy_added": 17.74,
        "scheduled_departure_time": NOW_S + 3600,
        "timestamp": NOW_S * 1000,
    }


def vehicle_state() -> Json:
    """Tyres of 5, 9, 6 and 24 percent under, the last with an urgent warning."""
    pressures = {"fl": 2.75, "fr": 2.65, "rl": 2.725, "rr": 2.2}
    return {
        "odometer": 12345.678901,
        "car_version": "2026.2.3 0123456789ab",
        "vehicle_name": "MyTesla",
        "df": 0,
        "rt": 1,
        "tpms_rcp_front_value": 2.9,
        "tpms_rcp_rear_value": 2.9,
        **{f"tpms_pressure_{corner}": value for corner, value in pressures.items()},
        **{f"tpms_last_seen_pressure_time_{corner}": NOW_S - 3600 for corner in pressures},
        "tpms_soft_warning_rr": True,
        "tpms_hard_warning_rr": True,
        "software_update": {"status": "available", "version": "2026.8.1", "download_perc": 100, "install_perc": 1},
        "media_info": {"now_playing_title": "Secret Song", "a2dp_source_name": "Somebody's phone"},
        "timestamp": NOW_S * 1000,
    }


def vehicle_data() -> Json:
    """Live data with location, as a consent to it would bring."""
    return {
        "vin": VIN,
        "display_name": "MyTesla",
        "charge_state": charge_state(),
        "climate_state": {"inside_temp": 4.5, "outside_temp": -6.5, "is_climate_on": False},
        "vehicle_state": vehicle_state(),
        "drive_state": {"latitude": 60.123456, "longitude": 24.654321, "shift_state": None, "power": 1},
        "gui_settings": {
            "gui_distance_units": "mi/hr",
            "gui_temperature_units": "C",
            "gui_tirepressure_units": "Bar",
            "gui_24_hour_time": True,
        },
        "vehicle_config": {"car_type": "model3", "utc_offset": 7200, "rhd": False},
    }


def session(number: int, vin: str = VIN, currency: str = "EUR", due: float = 12.5) -> Json:
    """A session of 32.5 kWh, half an hour long, with one invoice."""
    return {
        "sessionId": 100 + number,
        "vin": vin,
        "siteLocationName": f"Site {number}",
        "chargeStartDateTime": f"2026-01-{number % 28 + 1:02d}T10:00:00+02:00",
        "chargeStopDateTime": f"2026-01-{number % 28 + 1:02d}T10:30:00+02:00",
        "unlatchDateTime": f"2026-01-{number % 28 + 1:02d}T10:35:00+02:00",
        "countryCode": "FI",
        "fees": [
            {
                "feeType": "CHARGING",
                "currencyCode": currency,
                "usageBase": 32.5,
                "usageTier2": 12.0,
                "totalDue": due,
                "uom": "kwh",
                "isPaid": True,
            }
        ],
        "invoices": [{"fileName": f"{number}_FI.pdf", "contentId": f"content-{number}"}],
    }


def warranty(name: str, date: str, odometer: int) -> Json:
    """One warranty of eight years."""
    return {
        "warrantyDisplayName": name,
        "expirationDate": date,
        "expirationOdometer": odometer,
        "odometerUnit": "MI",
        "coverageAgeInYears": 8,
    }


def spec_sheet() -> Json:
    """The data sheet of a car of two years."""
    return {
        "vin": VIN,
        "batterySoH": "93%",
        "batteryCapacityKwh": "82.3kWh",
        "batterySoHTimestamp": "2026-01-28T00:00:00Z",
        "productionDate": "2024-02-11T00:00:00Z",
        "equipmentPrice": [{"code": "$APBS", "name": "Autopilot", "price": 0}],
        "totalPrice": 60990,
    }


def notes_sheet() -> Json:
    """One note and the three versions."""
    return {
        "release_notes": [{"title": "Minor Fixes", "subtitle": " ", "description": "Fixes."}],
        "deployed_version": "2026.2.3",
        "staged_version": "2026.8.1",
        "release_notes_version": "2026.2.0",
    }


def bodies() -> dict[str, Json]:
    """A good answer of every module."""
    return {
        "vehicle": {"response": {"vin": VIN, "display_name": "MyTesla", "id": 987654321, "state": "online"}},
        "vehicle_data": {"response": vehicle_data()},
        "charging_history": {
            "data": [
                session(1),
                session(2, due=7.25),
                session(3, currency="SEK", due=150.0),
                session(4, vin=OTHER_VIN) | {"siteLocationName": "Foreign Site"},
            ]
        },
        "recent_alerts": {
            "response": {
                "recent_alerts": [
                    {
                        "name": "UI_a212_AEBSFaulted",
                        "time": "2026-02-10T22:01:15.101+00:00",
                        "audience": ["service-fix", "customer"],
                        "user_text": "Automatic Emergency Braking is unavailable",
                    }
                ]
            }
        },
        "service_data": {"response": {}},
        "warranty": {"activeWarranty": [warranty("Battery Warranty", "2030-02-11T00:00:00Z", 100_000)]},
        "options": {"codes": [{"code": "$MT352", "displayName": "Long Range All-Wheel Drive", "isActive": True}]},
        "specs": {"response": spec_sheet()},
        "release_notes": {"response": {"response": notes_sheet()}},
        "fleet_status": {
            "response": {
                "key_paired_vins": [VIN],
                "unpaired_vins": [OTHER_VIN],
                "vehicle_info": {VIN: {"total_number_of_keys": 5}, OTHER_VIN: {"total_number_of_keys": 77}},
            }
        },
    }


def good(module: str, body: Any) -> ModuleResult:
    """A module that was answered with `body`."""
    raw = msgspec.Raw(json.dumps(body).encode())
    return ModuleResult(module=module, status=ModuleStatus.OK, fetched_at=NOW, calls=1, body=raw)


def failed(module: str, reason: str, detail: str | None = None) -> ModuleResult:
    """A module without an answer."""
    return ModuleResult(module=module, status=ModuleStatus.FAILED, reason=reason, detail=detail)


def snapshot(*, replaced: dict[str, ModuleResult] | None = None, answers: dict[str, Any] | None = None) -> Snapshot:
    """A snapshot of every module, with some outcomes `replaced` and some bodies given by `answers`."""
    given = bodies() | (answers or {})
    modules = {name: good(name, body) for name, body in given.items()} | (replaced or {})
    return Snapshot(
        order_id="order-1",
        vehicle_id="v1",
        vin=VIN,
        package="complete",
        region="eu",
        taken_at=NOW,
        granted_scopes=("vehicle_device_data",),
        modules=tuple(modules.values()),
        invoices=(
            InvoiceFile(content_id="content-1", file_name="1_FI.pdf", status="ok", session_id=101, size_bytes=2048),
            InvoiceFile(content_id="content-2", file_name="2_FI.pdf", status="failed", reason="timed_out"),
        ),
    )


def test_every_sample_body_is_read_without_loss() -> None:
    readings = read(snapshot())
    assert set(readings.decoded) == set(MODULES)
    assert not readings.unreadable
    assert {name: found.lost for name, found in readings.decoded.items() if found.lost} == {}

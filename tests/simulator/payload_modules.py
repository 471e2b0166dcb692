"""Recent alerts, warranty, options, release notes and specs of one car."""

from __future__ import annotations

from random import Random

from .answers import Json
from .clock import iso_z
from .vehicle_profile import Profile

ALERTS = (
    ("UI_a212_AEBSFaulted", "Automatic Emergency Braking is unavailable"),
    ("APP_w222_isaFaulted", "Speed limit information unavailable\nFeature may be restored on next drive"),
    ("CP_a066_evseBadGround", "Charging equipment communication lost \u2013 check power source"),
    ("UMC_a007_gridVoltageSag", "Charge rate reduced: unexpected voltage drop"),
    ("VCSEC_w005_tirePressureLow", "Tyre pressure low \u2014 check tyres"),
    ("DI_a184_gradeEstLimited", "Hill hold temporarily unavailable"),
    ("VCFRONT_a182_washerFluidLow", "Washer fluid low"),
    ("BMS_a079_SW_CHG_Current_Low", None),
)

MAINTENANCE_S = 365.25 * 86_400
IMAGE = "https://vehicle-files.teslamotors.com/release_notes/"
NOTES = (
    ("Tesla Photobooth", "Turn your car into a photo booth", "tesla_icon"),
    ("Minor Fixes", "This release contains minor fixes and improvements", "release_notes_icon"),
    ("Säätiedot kartalla", "Regenfälle und Schnee auf der Karte • 天気", "weather_icon"),
)


def alert_rows(rng: Random, epoch_s: float, count: int) -> list[Json]:
    """`count` alerts, newest first, some twice as cars really send them."""
    alerts, at_s = [], epoch_s - 3600
    for _ in range(count):
        name, text = rng.choice(ALERTS)
        audience = ["service-fix", "customer"] if text and rng.random() < 0.7 else ["service-fix"]
        stamp = iso_z(at_s).replace("Z", f".{rng.randint(0, 999):03d}+00:00")
        alerts.append({"name": name, "time": stamp, "audience": audience, "user_text": text or ""})
        at_s -= rng.uniform(600, 4 * 86_400)
    return alerts


def warranty_sheet(profile: Profile, epoch_s: float) -> Json:
    """Three warranties counted from the car's build year; those run out are listed as expired."""
    built_s = epoch_s - (2026 - profile.year + 0.4) * MAINTENANCE_S
    rows = [
        _cover("NEW_MFG_WARRANTY", "Basic Vehicle Limited Warranty", 4, 50_000, built_s),
        _cover("BATTERY_AND_DRIVE_UNIT", "Battery & Drive Unit Limited Warranty", 8, 120_000, built_s),
        _cover("SRS_WARRANTY", "Supplemental Restraint System Limited Warranty", 5, 60_000, built_s),
    ]
    expired = [row for row in rows if built_s + row["coverageAgeInYears"] * MAINTENANCE_S < epoch_s]
    for row in expired:
        row["warrantyExpiredOn"] = row["expirationDate"]
    active = [row for row in rows if row not in expired]
    return {"activeWarranty": active, "upcomingWarranty": [], "expiredWarranty": expired}


def _cover(kind: str, name: str, years: int, limit_mi: int, built_s: float) -> Json:
    ends_s = (built_s + years * MAINTENANCE_S) // 86_400 * 86_400
    return {
        "warrantyType": kind,
        "warrantyDisplayName": name,
        "expirationDate": iso_z(ends_s),
        "expirationOdometer": limit_mi,
        "odometerUnit": "MI",
        "warrantyExpiredOn": None,
        "coverageAgeInYears": years,
    }


def option_rows(profile: Profile) -> list[Json]:
    """Option codes; `colorCode` only on the paint, as documented."""
    _, code, colour_code, colour = profile.colour
    rows = [
        ("$APBS", "Autopilot", True),
        ("$IPB3", "Black", True),
        ("$W38A", "18\u2019\u2019 Photon Wheels", True),
        (profile.model.option, profile.model.name, True),
        ("$SC04", "Supercharger Network Access + Pay-as-you-go", True),
        ("$APF2", "Full Self-Driving Capability", False),
    ]
    codes: list[Json] = [{"code": c, "displayName": name, "isActive": active} for c, name, active in rows]
    codes.insert(2, {"code": code, "colorCode": colour_code, "displayName": colour, "isActive": True})
    return codes


def notes_sheet(profile: Profile, rng: Random, *, staged: bool, language: str) -> Json:
    """Notes of the installed version, or of the one that waits when `staged`."""
    version = "2026.20.1" if staged else profile.firmware
    notes = [
        {
            "title": title,
            "subtitle": " ",
            "description": f"{text} [{language}]" if language != "en" else text,
            "customer_version": version,
            "icon": icon,
            "show_in_history": True,
            "image_url": f"{IMAGE}{rng.getrandbits(128):032x}",
            "light_image_url": f"{IMAGE}{rng.getrandbits(128):032x}",
            "is_fallback": False,
        }
        for title, text, icon in NOTES
    ]
    return {
        "release_notes": notes,
        "deployed_version": profile.firmware,
        "staged_version": "2026.20.1" if staged else None,
        "release_notes_version": version,
    }


def spec_sheet(profile: Profile, rng: Random, epoch_s: float) -> Json:
    """The specification sheet; figures come as text with their units."""
    model = profile.model
    price = rng.randint(40, 110) * 1000 - 10
    return {
        "vin": profile.vin,
        "batterySoH": f"{profile.health:.0%}",
        "batteryCapacityKwh": f"{model.capacity_kwh}kWh",
        "batterySoHTimestamp": iso_z(epoch_s - rng.randint(5, 60) * 86_400),
        "make": "Tesla",
        "model": model.code,
        "modelYear": profile.year,
        "bodyType": model.body,
        "equipmentPrice": [
            {"code": "$APBS", "name": "Autopilot", "price": 0},
            {"code": profile.colour[1], "name": profile.colour[3], "price": 1200},
        ],
        "trim": model.name,
        "typeOfDrive": "RWD" if "Rear" in model.name else "AWD",
        "numberOfSeats": model.seats,
        "numberOfDoors": 5,
        "paintCode": profile.colour[3],
        "totalPrice": price,
        "productionDate": f"{profile.year}-0{rng.randint(1, 9)}-18T02:50:26Z",
        "batteryRangeInKm": f"{model.range_mi * 1.609344:.0f} km",
    } | SPECS_COMMON


SPECS_COMMON: Json = {
    "interiorCode": "Black and White Premium Interior",
    "thirdRowSeatsCode": None,
    "decorCode": None,
    "wheelsCode": "20\u2019\u2019 Warp Wheels",
    "rearSeatsName": None,
    "seatsName": None,
    "towingCode": None,
    "vehicleType": "Passenger",
    "fuelType": "Electric",
    "transmissionType": "Automatic",
    "numberOfGears": 1,
    "autopilotHardwareCode": None,
    "autopilotSoftwareCode": "Base Autopilot Package",
    "countryOfOrigin": "DE",
    "maxPowerInKw": "158 kW (front); 303 kW (rear)",
}

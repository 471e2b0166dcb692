"""Tesla's field names and raw values in an owner's words, by rules on the field's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from shared.reports.units import NONE, Units, figure, instant, number, percent, words, yes_no

Show: TypeAlias = Callable[[Units, float], str]

TITLES: Mapping[str, str] = {
    "df": "Driver front door",
    "dr": "Driver rear door",
    "pf": "Passenger front door",
    "pr": "Passenger rear door",
    "ft": "Front trunk",
    "rt": "Rear trunk",
    "fd_window": "Driver front window",
    "fp_window": "Passenger front window",
    "rd_window": "Driver rear window",
    "rp_window": "Passenger rear window",
    "id_s": "ID as text",
    "plg": "Power liftgate",
    "pws": "Pedestrian warning system",
    "rhd": "Right-hand drive",
    "charge_limit_soc": "Charge limit",
    "charge_limit_soc_max": "Charge limit, highest",
    "charge_limit_soc_min": "Charge limit, lowest",
    "charge_limit_soc_std": "Charge limit, daily standard",
    "gui_settings": "Display settings",
    "vehicle_config": "Vehicle configuration",
    "charge_state": "Charge",
    "climate_state": "Climate",
    "vehicle_state": "Vehicle",
    "drive_state": "Drive",
    "vehicle_data": "Top level",
    "vehicle": "Vehicle record",
}
_WORDS: Mapping[str, str] = {
    "api": "API",
    "ble": "BLE",
    "conn": "connected",
    "cop": "COP",
    "ece": "ECE",
    "est": "estimated",
    "eu": "EU",
    "fl": "front left",
    "fr": "front right",
    "gps": "GPS",
    "gui": "display",
    "hvac": "HVAC",
    "id": "ID",
    "mph": "",
    "num": "number of",
    "perc": "percent",
    "pin": "PIN",
    "qr": "QR",
    "rcp": "recommended",
    "rl": "rear left",
    "rr": "rear right",
    "sec": "",
    "soc": "SoC",
    "temp": "temperature",
    "tpms": "TPMS",
    "utc": "UTC",
    "vin": "VIN",
}
"""Words of field names that are spelled out, or left out where the shown unit says them."""

_ABSURD = 1e15
"""No figure of a car reaches it; times in milliseconds stay far below."""

_MINUTES_PER_DAY = 24 * 60

RULES: tuple[tuple[str, Show], ...] = (
    (r"battery_range$|miles_added|^odometer$|miles_to_arrival", lambda units, value: units.miles(value, 1)),
    (r"^charge_rate$|^speed$|_mph$", lambda units, value: units.speed_mph(value)),
    (r"^(in|out)side_temp$|_temp_setting$|_avail_temp$|^module_temp", lambda units, value: units.celsius(value)),
    (r"^tpms_(pressure|rcp)_", lambda units, value: units.bar(value)),
    (r"battery_level$|^charge_limit_soc|_perc$|_percent", lambda _, value: percent(value)),
    (r"^charger_power$|^power$", lambda _, value: figure(value, "kW")),
    (r"_amps$|_current$|^charge_current_request", lambda _, value: figure(value, "A")),
    (r"^charger_voltage$", lambda _, value: figure(value, "V")),
    (r"^charge_energy_added$|^energy_remaining$|^lifetime_energy", lambda _, value: figure(value, "kWh", 2)),
    (r"^minutes_to|_minutes_delay$", lambda _, value: figure(value, "min")),
    (r"^time_to_full_charge$", lambda _, value: figure(value, "h", 1)),
    (r"_sec$|^utc_offset$", lambda _, value: figure(value, "s")),
    (r"^timestamp$|_as_of$|_seen_pressure_time_|^scheduled_\w+_time$|_updated_at$|_timestamp$",
     lambda units, value: units.moment(instant(value))),
    (r"_time_minutes$|_hours_end_time$|_start_time_app$", lambda _, value: _time_of_day(value)),
    (r"^[dp][fr]$|^[fr]t$|_window$", lambda _, value: "Closed" if value == 0 else "Open"),
)  # fmt: skip


@lru_cache(maxsize=4096)
def title_of(name: str) -> str:
    """A field's or group's name in words: ``tpms_pressure_fl`` is TPMS pressure front left."""
    last = name.rsplit(".", 1)
    if last[-1] in TITLES and len(last) == 1:
        return TITLES[last[-1]]
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace(".", ": ").replace("_", " ")).split()
    text = " ".join([_WORDS.get(word.lower(), word.lower() if word.istitle() else word) for word in spaced])
    text = text.strip()
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=4096)
def _rule(field: str) -> Show | None:
    """How to show numbers of a field."""
    return next((shown for pattern, shown in RULES if re.search(pattern, field)), None)


def show(name: str, value: Any, units: Units) -> str:
    """The raw JSON value of field `name` (dotted) in words."""
    if isinstance(value, bool) or value is None:
        return yes_no(value)
    if isinstance(value, int | float):
        if not -_ABSURD < value < _ABSURD:
            return NONE
        rule = _rule(name.rsplit(".", 1)[-1])
        return rule(units, value) if rule else _plain_number(value)
    if isinstance(value, list):
        return _list(value)
    return f"{len(value)} fields" if isinstance(value, dict) else words(value)


def _list(values: list[Any]) -> str:
    """Plain entries one after the other, else their number."""
    if not values:
        return NONE
    plain = [entry for entry in values[:20] if isinstance(entry, str | int | float)]
    if len(plain) < min(len(values), 20):
        return "1 entry" if len(values) == 1 else f"{len(values)} entries"
    return ", ".join(entry if isinstance(entry, str) else _plain_number(entry) for entry in plain) + (
        " …" if len(values) > len(plain) else ""
    )


def _plain_number(value: float) -> str:
    """A figure without unit; up to three decimals and no needless zero."""
    if isinstance(value, int):
        return number(value).replace(",", "") if abs(value) < 100_000 else number(value)  # noqa: PLR2004
    text = number(value, 3)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time_of_day(minutes: float) -> str:
    """Minutes since midnight as a time of day."""
    if not 0 <= minutes < _MINUTES_PER_DAY:
        return NONE
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}"

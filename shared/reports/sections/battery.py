"""Battery and range now."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis import battery
from shared.reports.layout.blocks import Block, Heading, Note, Paragraph, small_print
from shared.reports.layout.figures import Bar, Bars
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, grid, group_gap, source
from shared.reports.units import NONE, figure, instant, number, percent, words, yes_no
from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.product import VehicleSpecs

OPEN = {True: "Open", False: "Closed", None: NONE}


def blocks(readings: Readings) -> Sequence[Block]:
    """State of charge, range with its error, health, settings of charging."""
    found = group_gap(readings, "charge_state", present=readings.data.charge_state is not None)
    health = _health(readings)
    if found:
        return [*found, *health]
    at = readings.measured_at(readings.charge.timestamp_ms)
    return [
        *_level(readings),
        *_range(readings),
        *health,
        Heading("Charging now", 1),
        grid(_charging(readings)),
        Heading("Charging settings", 1),
        grid(_settings(readings)),
        source(readings, "vehicle_data.charge_state", at),
    ]


def _level(readings: Readings) -> list[Block]:
    """State of charge with the charge limit as a mark."""
    charge = readings.charge
    level, limit = charge.battery_level_percent, charge.charge_limit_soc_percent
    if level is None:
        return []
    value = f"{percent(level)}, limit {percent(limit)}"
    return [Bars([Bar("State of charge", level / 100, value, None if limit is None else limit / 100)])]


def _range(readings: Readings) -> list[Block]:
    """The range figures the car shows, and the estimate at 100 % with its method."""
    charge, units = readings.charge, readings.units
    shown = [
        ("Rated range now", units.miles(charge.battery_range_mi, 1)),
        ("Estimated from consumption", units.miles(charge.est_battery_range_mi, 1)),
        ("Ideal range now", units.miles(charge.ideal_battery_range_mi, 1)),
        ("Usable state of charge", percent(charge.usable_battery_level_percent)),
    ]
    estimate = battery.full_range(charge)
    if isinstance(estimate, str):
        return [grid(shown), Note(f"No range at 100 %: {estimate}")]
    level = "usable_battery_level" if estimate.cold else "battery_level"
    cold = " The pack is cold: the range belongs to the usable level, which was taken." if estimate.cold else ""
    full = f"{units.miles(estimate.range_mi, 1)} ± {units.miles(estimate.error_mi, 1)}"
    limit = charge.charge_limit_soc_percent
    at_limit = None if limit is None else estimate.range_mi * limit / 100
    return [
        grid([("Rated range at 100 %", full), ("Rated range at the charge limit", units.miles(at_limit, 1)), *shown]),
        small_print(
            f"Range at 100 % = battery_range / {level} * 100 = {charge.battery_range_mi:g} mi / "
            f"{estimate.level_percent} % * 100. The car reports its charge in whole percent; half a percent of "
            f"rounding is ± {number(estimate.error_mi, 1)} mi.{cold} Rated range follows the display, not the "
            "owner's driving."
        ),
    ]


def _health(readings: Readings) -> list[Block]:
    """Tesla's own state of health, where the specs carry it."""
    found = battery.health(readings.get("specs", VehicleSpecs), readings.now)
    if found is None:
        return [Paragraph("State of health: not known. It comes with Tesla's specifications, where ordered.")]
    units = readings.units
    usual = NONE if found.usual_percent is None else f"about {found.usual_percent:.0f} %"
    return [
        Heading("State of health", 1),
        grid(
            [
                ("State of health, by Tesla", percent(found.soh_percent, 1)),
                ("Measured", units.stamp(found.measured_at)),
                ("Usual at this age", usual),
                ("Age of the car", figure(found.age_years, "years", 1)),
            ]
        ),
        small_print(
            "Quoted from Tesla's specifications (batterySoH). “Usual” is 2.3 % loss a year, the average of "
            "22,700 electric cars (Geotab). Single cars of one model differ by more than ten points; one figure "
            "is no proof."
        ),
    ]


def _charging(readings: Readings) -> list[tuple[str, str]]:
    """What the charger does."""
    charge, units = readings.charge, readings.units
    return [
        ("Charging state", words(charge.charging_state)),
        ("Cable", words(charge.conn_charge_cable)),
        ("Added in the last charge", figure(charge.charge_energy_added_kwh, "kWh", 2)),
        ("Range added in the last charge", units.miles(charge.charge_miles_added_rated, 1)),
        ("Charging power", figure(charge.charger_power_kw, "kW")),
        ("Charging speed", units.speed_mph(charge.charge_rate_mi_per_h)),
        ("Time to full", figure(charge.minutes_to_full_charge, "min")),
        (
            "Current, actual and allowed",
            f"{number(charge.charger_actual_current_a)} / {figure(charge.charge_amps, 'A')}",
        ),
        ("Fast charger", _fast_charger(charge)),
        ("Charge port", OPEN[charge.charge_port_door_open]),
    ]


def _fast_charger(charge: ChargeState) -> str:
    """Brand of the fast charger the car hangs on."""
    if charge.fast_charger_present is None:
        return NONE
    return words(charge.fast_charger_brand) if charge.fast_charger_present else "Not connected"


def _settings(readings: Readings) -> list[tuple[str, str]]:
    """What the owner has set."""
    charge, units = readings.charge, readings.units
    departure = units.stamp(instant(charge.scheduled_departure_time_s))
    return [
        ("Charge limit", percent(charge.charge_limit_soc_percent)),
        ("Daily standard", percent(charge.charge_limit_soc_std_percent)),
        ("Scheduled charging", words(charge.scheduled_charging_mode)),
        ("Scheduled departure", departure),
        ("Off-peak charging", yes_no(charge.off_peak_charging_enabled)),
        ("Preconditioning", yes_no(charge.preconditioning_enabled)),
        ("Charges to maximum range", number(charge.max_range_charge_counter)),
        ("Battery heater on", yes_no(charge.battery_heater_on)),
    ]


SECTION = Section("Battery and range now", blocks)

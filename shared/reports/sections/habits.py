"""Charging habits: what is set in the car, and what suits its cells."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.habits import supercharged_share
from shared.reports.findings import cells, history_of, new_range_of
from shared.reports.layout.blocks import Block, Heading, Note, Paragraph
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, grid, group_gap, source
from shared.reports.units import NONE, figure, instant, number, percent, words, yes_no
from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.product import VehicleSpecs

OPEN = {True: "Open", False: "Closed", None: NONE}


def blocks(readings: Readings) -> Sequence[Block]:
    """Settings, advice for the cells, the share of Supercharging, the charger now."""
    found = group_gap(readings, "charge_state", present=readings.data.charge_state is not None)
    if found:
        return found
    advice = cells(readings)
    return [
        grid(_settings(readings)),
        Note(f"Cells: {advice.chemistry} ({advice.source}). {advice.advice}"),
        *_limit(readings.charge),
        *_share(readings),
        Heading("Charging now", 1),
        grid(_charging(readings)),
        source(readings, "vehicle_data.charge_state", readings.measured_at(readings.charge.timestamp_ms)),
    ]


def _settings(readings: Readings) -> list[tuple[str, str]]:
    """What the owner has set."""
    charge, units = readings.charge, readings.units
    return [
        ("Charge limit", percent(charge.charge_limit_soc_percent)),
        ("Daily standard", percent(charge.charge_limit_soc_std_percent)),
        ("Charges to maximum range", number(charge.max_range_charge_counter)),
        ("Scheduled charging", words(charge.scheduled_charging_mode)),
        ("Scheduled departure", units.stamp(instant(charge.scheduled_departure_time_s))),
        ("Off-peak charging", yes_no(charge.off_peak_charging_enabled)),
        ("Off-peak days", words((charge.off_peak_charging_times or "").replace("_", " "))),
        ("Preconditioning", yes_no(charge.preconditioning_enabled)),
        ("Preconditioning days", words((charge.preconditioning_times or "").replace("_", " "))),
        ("Battery heater on", yes_no(charge.battery_heater_on)),
    ]


def _limit(charge: ChargeState) -> list[Block]:
    """The charge limit against the car's daily standard."""
    limit, standard = charge.charge_limit_soc_percent, charge.charge_limit_soc_std_percent
    if limit is None or standard is None:
        return []
    if limit > standard:
        text = (
            f"The limit of {limit} % lies above the car's daily standard of {standard} %, fit for trips or LFP cells."
        )
    else:
        text = f"The limit of {limit} % keeps to the car's daily standard of {standard} %."
    return [Paragraph(f"{text} It is the setting of one moment, not the habit of a year.")]


def _share(readings: Readings) -> list[Block]:
    """How much of the energy driven came from Superchargers, as an estimate with its error."""
    history, specs = history_of(readings), readings.get("specs", VehicleSpecs)
    if history is None or readings.snapshot.history_from is not None:
        return []
    share = supercharged_share(history.energy_kwh, readings.state.odometer_mi, specs, new_range_of(readings))
    if share is None:
        return []
    return [
        Paragraph(
            f"Supercharging on record is about {100 * share.low:.0f} to {100 * share.high:.0f} % of the energy that "
            "the odometer stands for at rated consumption. Charging at home, elsewhere and with another account is "
            f"the rest; Tesla lists none of it. Sources: {share.source}."
        )
    ]


def _charging(readings: Readings) -> list[tuple[str, str]]:
    """What the charger does."""
    charge, units = readings.charge, readings.units
    current = f"{number(charge.charger_actual_current_a)} / {figure(charge.charge_amps, 'A')}"
    return [
        ("Charging state", words(charge.charging_state)),
        ("Cable", words(charge.conn_charge_cable)),
        ("Added in the last charge", figure(charge.charge_energy_added_kwh, "kWh", 2)),
        ("Range added in the last charge", units.miles(charge.charge_miles_added_rated, 1)),
        ("Charging power", figure(charge.charger_power_kw, "kW")),
        ("Charging speed", units.speed_mph(charge.charge_rate_mi_per_h)),
        ("Time to full", figure(charge.minutes_to_full_charge, "min")),
        ("Current, actual and allowed", current),
        ("Fast charger", _fast_charger(charge)),
        ("Charge port", OPEN[charge.charge_port_door_open]),
    ]


def _fast_charger(charge: ChargeState) -> str:
    """Brand of the fast charger the car hangs on."""
    if charge.fast_charger_present is None:
        return NONE
    return words(charge.fast_charger_brand) if charge.fast_charger_present else "Not connected"


SECTION = Section("Charging habits", blocks)

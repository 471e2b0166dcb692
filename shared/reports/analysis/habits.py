"""How much of what the car has driven was charged at Superchargers: a rough share, with its error."""

from __future__ import annotations

from dataclasses import dataclass

from shared.reports.analysis.parse import leading_figure
from shared.reports.analysis.rated_ranges import RatedRange
from shared.tesla.models.product import VehicleSpecs

CONSUMPTION_ERROR = 0.25
"""Real consumption lies about that much around the rated one, by speed and weather."""

_LEAST_MI = 500.0


@dataclass(frozen=True)
class Share:
    """Between `low` and `high` of all energy driven, 0 to 1."""

    low: float
    high: float
    source: str


def supercharged_share(
    energy_kwh: float, odometer_mi: float | None, specs: VehicleSpecs | None, new: RatedRange | str
) -> Share | None:
    """Recorded energy over odometer times rated consumption; None where capacity, range or distance is not known."""
    capacity_kwh = None if specs is None else leading_figure(specs.battery_capacity)
    if isinstance(new, str) or not capacity_kwh or capacity_kwh <= 0 or (odometer_mi or 0.0) < _LEAST_MI:
        return None
    driven_kwh = (odometer_mi or 0.0) * capacity_kwh / new.middle_mi
    share = energy_kwh / driven_kwh
    low, high = share * (1 - CONSUMPTION_ERROR), share * (1 + CONSUMPTION_ERROR)
    source = "fees.usageBase, vehicle_state.odometer, specs.batteryCapacityKwh, rated range when new"
    return Share(min(1.0, low), min(1.0, high), source) if energy_kwh >= 0 else None

"""The chemistry of the cells, as far as badge and year tell it, and how Tesla wants such a pack to be charged."""

from __future__ import annotations

from dataclasses import dataclass

from shared.reports.analysis.rated_ranges import CAR_TYPES, ModelYear
from shared.tesla.models.vehicle_config import VehicleConfig

_FIRST_LFP_YEAR = 2022
"""From then on the rear-wheel drive Model 3 and Y with the small pack have iron phosphate cells in every market."""

_NICKEL_BADGES = ("62", "74", "75", "85", "90", "100")


@dataclass(frozen=True)
class Cells:
    """The likely chemistry, what tells it, and the advice."""

    chemistry: str
    source: str
    advice: str


def cells_of(config: VehicleConfig, year: ModelYear | None) -> Cells:
    """Iron phosphate (LFP), nickel (NCA, NMC) or unknown."""
    badge = (config.trim_badging or "").lower()
    small = CAR_TYPES.get((config.car_type or "").lower()) in {"model3", "modely"} and badge == "50"
    if small and year is not None and year.year >= _FIRST_LFP_YEAR:
        return Cells(
            "LFP (iron phosphate), likely",
            f"vehicle_config.trim_badging {badge}, {year.source}",
            "Charge to 100 % once a week: the voltage of such cells is so flat that the car finds its state of "
            "charge only when full. Without it, range and state of health drift without meaning.",
        )
    if badge.removeprefix("p").rstrip("d") in _NICKEL_BADGES:
        return Cells(
            "Nickel (NCA or NMC), likely",
            f"vehicle_config.trim_badging {badge}",
            "Stay at or below about 80 % day by day and go to 100 % for trips only. A car kept between 50 and 80 % "
            "for months may underrate itself; one full charge and one low discharge let it find its range again.",
        )
    return Cells(
        "Unknown",
        "vehicle_config.trim_badging",
        "Follow the recommendation on the car's charging screen: LFP packs want 100 % once a week, nickel packs "
        "about 80 %.",
    )

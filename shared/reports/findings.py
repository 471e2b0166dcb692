"""What the analysis makes of one vehicle's readings; each section and the cover take it from here."""

from __future__ import annotations

from shared.reports.analysis import alerts, battery, charging, warranty
from shared.reports.analysis.age import Age, age_of
from shared.reports.analysis.alerts import AlertsFound
from shared.reports.analysis.battery import Health
from shared.reports.analysis.cells import Cells, cells_of
from shared.reports.analysis.charging import History
from shared.reports.analysis.rated_ranges import ModelYear, RatedRange, model_year, rated_range
from shared.reports.analysis.warranty import Cover
from shared.reports.readings import Readings
from shared.tesla.models.care import RecentAlerts, WarrantyDetails
from shared.tesla.models.charging import ChargingHistory
from shared.tesla.models.product import VehicleSpecs


def year_of(readings: Readings) -> ModelYear | None:
    """The model year and its source."""
    return model_year(readings.config, readings.get("specs", VehicleSpecs), readings.snapshot.vin)


def new_range_of(readings: Readings) -> RatedRange | str:
    """The rated range when new, or why it is unknown."""
    return rated_range(readings.config, year_of(readings))


def car_age(readings: Readings) -> Age | None:
    """The car's age and its source."""
    specs, details = readings.get("specs", VehicleSpecs), readings.get("warranty", WarrantyDetails)
    return age_of(specs, details, year_of(readings), readings.now)


def cells(readings: Readings) -> Cells:
    """The likely chemistry of the pack."""
    return cells_of(readings.config, year_of(readings))


def battery_health(readings: Readings) -> Health:
    """Every method that gives a state of health."""
    charge, specs = readings.charge, readings.get("specs", VehicleSpecs)
    full, at = battery.full_range(charge), readings.measured_at(charge.timestamp_ms)
    methods = (
        (battery.QUOTED, battery.quoted(specs)),
        (battery.BY_RANGE, battery.by_range(full, new_range_of(readings), at)),
    )
    return battery.health(methods, car_age(readings), battery.by_energy(charge, full, specs, at))


def distance_per_year_mi(readings: Readings) -> float | None:
    """Miles a year since the car was built."""
    age = car_age(readings)
    return None if age is None else age.distance_per_year_mi(readings.state.odometer_mi)


def covers_of(readings: Readings) -> tuple[Cover, ...] | None:
    """The warranties, if they were read."""
    answer = readings.get("warranty", WarrantyDetails)
    if answer is None:
        return None
    return warranty.covers(answer, readings.state.odometer_mi, readings.now, distance_per_year_mi(readings))


def alerts_of(readings: Readings) -> AlertsFound | None:
    """The alerts, if they were read."""
    answer = readings.get("recent_alerts", RecentAlerts)
    return alerts.alerts_found(answer) if answer else None


def history_of(readings: Readings) -> History | None:
    """This car's recorded charging, if it was read."""
    answer = readings.get("charging_history", ChargingHistory)
    return charging.history_of(answer, readings.snapshot.vin) if answer else None

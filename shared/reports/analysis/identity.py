"""Who the car is: its names and its model."""

from __future__ import annotations

from collections.abc import Mapping

from shared.reports.readings import Readings
from shared.tesla.models.product import VehicleOptions, VehicleSpecs
from shared.tesla.models.vehicle import Vehicle

CAR_TYPES: Mapping[str, str] = {
    "model3": "Model 3",
    "modely": "Model Y",
    "models": "Model S",
    "models2": "Model S",
    "modelx": "Model X",
    "cybertruck": "Cybertruck",
}
_MODEL_OPTION = "$MT"
"""Options whose code begins so name model and drive."""


def vehicle_name(readings: Readings) -> str | None:
    """The owner's name for the car."""
    base = readings.get("vehicle", Vehicle) or Vehicle()
    names = (readings.state.vehicle_name, readings.data.display_name, base.display_name)
    return next((name.strip() for name in names if name and name.strip()), None)


def model_name(readings: Readings) -> str | None:
    """The model: from the specs, the model option, or the car's own type."""
    specs = readings.get("specs", VehicleSpecs)
    if specs is not None and specs.trim:
        return specs.trim
    option = _model_option(readings.get("options", VehicleOptions))
    car = CAR_TYPES.get((readings.config.car_type or "").lower(), readings.config.car_type)
    if option and car and car.lower() not in option.lower():
        return f"{car} {option}"
    return option or car


def _model_option(options: VehicleOptions | None) -> str | None:
    """Display name of the option that names the model."""
    codes = (options.codes if options else None) or ()
    return next((code.display_name for code in codes if (code.code or "").startswith(_MODEL_OPTION)), None)


def software_version(readings: Readings) -> str | None:
    """Installed version, without the build's hash that follows it in ``car_version``."""
    version = (readings.state.car_version or "").split()
    return version[0] if version else None

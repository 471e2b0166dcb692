"""How much may be asked of Tesla, as one value: named presets, each limit overridable by a setting.

Tesla's published prices come without limits of a whole fleet (preset `none`). The plans that Tesla retired in 2024
had them (Tesla, subscription plans: `retired_plan`); whether they are still enforced anywhere is not known, and
keeping them is a calm way to live with 429s that name a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from shared.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """Limits of the application and of each device; 0 means none. Days and months are those of UTC.

    Attributes:
        requests_per_s: Requests of the application a second.
        requests_per_day: Requests of the application a day.
        site_read_s: Seconds between two reads of an energy site; whoever plans reads keeps it.
        site_writes_per_day: Setting writes of an energy site a day, tariffs included.
        site_tariffs_per_month: Tariff changes of an energy site a month.
        vehicle_data_per_day: Data requests of a vehicle a day, specs included.
        vehicle_commands_per_day: Commands of a vehicle a day.
        vehicle_wakes_per_day: Wake-ups of a vehicle a day.
    """

    requests_per_s: int = 0
    requests_per_day: int = 0
    site_read_s: int = 0
    site_writes_per_day: int = 0
    site_tariffs_per_month: int = 0
    vehicle_data_per_day: int = 0
    vehicle_commands_per_day: int = 0
    vehicle_wakes_per_day: int = 0

    @property
    def on_requests(self) -> bool:
        """Whether anything limits the calls of the Fleet API client."""
        of_vehicles = self.vehicle_data_per_day, self.vehicle_commands_per_day, self.vehicle_wakes_per_day
        return any((self.requests_per_s, self.requests_per_day, *of_vehicles))


NO_LIMITS = PlanLimits()
RETIRED_PLAN = PlanLimits(
    requests_per_s=5,
    requests_per_day=50_000,
    site_read_s=300,
    site_writes_per_day=5,
    site_tariffs_per_month=1,
    vehicle_data_per_day=200,
    vehicle_commands_per_day=50,
    vehicle_wakes_per_day=15,
)
PRESETS: Mapping[str, PlanLimits] = MappingProxyType({"none": NO_LIMITS, "retired_plan": RETIRED_PLAN})
"""By the values of the setting `tesla_limits`."""


def plan_limits(settings: Settings) -> PlanLimits:
    """The chosen preset, with every limit that has a setting of its own instead."""
    preset = PRESETS[settings.tesla_limits]
    own = {item.name: getattr(settings, f"tesla_limit_{item.name}") for item in fields(PlanLimits)}
    return PlanLimits(**{name: getattr(preset, name) if limit < 0 else limit for name, limit in own.items()})

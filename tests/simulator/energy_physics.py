"""How a home's power flows follow from its devices, its settings and the charge of its battery.

All flows are whole W, so that solar + battery + grid + generator is the load to the last digit. Signs as the API
has them: battery > 0 discharges, grid > 0 imports. Flows are held for a step of a minute at most; the steps lie on
a fixed grid of time, so that what a battery does does not depend on when it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .energy_plant import Plant
from .energy_tariff import FLAT, Phase, Tariff, Window

STEP_S = 60
BACKUP_SHARE = 0.66
"""Part of the rated power with which `backup` charges from the grid (owners see 3.3 of 5 kW)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What owner, application and weather have decided about a site."""

    mode: str = "self_consumption"
    reserve_percent: float = 20
    export_rule: str = "battery_ok"
    grid_charging: bool = True
    storm_enabled: bool = True
    storm_active: bool = False
    island_status: str = "on_grid"
    off_grid_vehicle_reserve_percent: float = 50
    tariff: Tariff | None = None

    @property
    def on_grid(self) -> bool:
        """Whether the house is connected."""
        return self.island_status == "on_grid"

    @property
    def storming(self) -> bool:
        """Whether a storm is on and the owner lets the site prepare for it."""
        return self.storm_active and self.storm_enabled


class Flows(NamedTuple):
    """Power in whole W; solar + battery + grid + generator == load."""

    solar_w: int
    battery_w: int
    grid_w: int
    generator_w: int
    load_w: int


class Step(NamedTuple):
    """Flows held from `at_s` for `span_s`, and the energy (Wh) at both ends."""

    at_s: float
    span_s: float
    flows: Flows
    before_wh: float
    after_wh: float


WindowAt = Callable[[float], Window]
"""The tariff's window at a Unix time."""


def flows(plant: Plant, settings: Settings, energy_wh: float, at_s: float, span_s: float, window: Window) -> Flows:
    """The flows that can be held for `span_s` without overdrawing, overfilling or overloading the battery."""
    sun_w, load_w = plant.sun_and_load_w(at_s + span_s / 2)
    floor_wh = plant.capacity_wh * settings.reserve_percent / 100 if settings.on_grid else 0.0
    scale = 3600 / span_s
    give_w = max(0, int(min(plant.power_w, (energy_wh - floor_wh) * plant.efficiency * scale)))
    take_w = max(0, int(min(plant.power_w, (plant.capacity_wh - energy_wh) / plant.efficiency * scale)))
    if not settings.on_grid:
        return _island(plant, sun_w, load_w, take_w, give_w)
    limit_w = max(0, load_w - sun_w + plant.export_limit_w)
    wanted_w = min(_wanted_w(plant, settings, load_w - sun_w, window), limit_w)
    return _connected(settings, sun_w, load_w, max(-take_w, min(give_w, wanted_w)))


def _connected(settings: Settings, sun_w: int, load_w: int, battery_w: int) -> Flows:
    """With the grid taking up the rest; who may never export throttles the panels."""
    if settings.export_rule == "never":
        sun_w = min(sun_w, max(0, load_w - battery_w))
    return Flows(sun_w, battery_w, load_w - sun_w - battery_w, 0, load_w)


def _island(plant: Plant, sun_w: int, load_w: int, take_w: int, give_w: int) -> Flows:
    """Without a grid: the battery carries the rest, a generator helps out, panels are throttled, load is shed."""
    battery_w = max(-take_w, min(give_w, load_w - sun_w))
    sun_w = min(sun_w, max(0, load_w - battery_w))
    generator_w = min(plant.generator_w, load_w - sun_w - battery_w)
    return Flows(sun_w, battery_w, 0, generator_w, sun_w + battery_w + generator_w)


def _wanted_w(plant: Plant, settings: Settings, net_w: int, window: Window) -> int:
    """What the controller asks of the battery, before its limits; `net_w` is load less sun."""
    surplus_w = max(0, -net_w)
    if settings.storming:
        return -max(surplus_w, plant.power_w if settings.grid_charging else 0)
    if settings.mode == "backup":
        return -max(surplus_w, int(plant.power_w * BACKUP_SHARE) if settings.grid_charging else 0)
    if settings.mode == "self_consumption" or window.phase is Phase.FLAT:
        return net_w
    if window.phase is Phase.PEAK:
        exports = settings.export_rule == "battery_ok" and window.pays_export
        return plant.power_w if exports else max(0, net_w)
    cheap = window.phase is Phase.CHEAP and settings.grid_charging
    return -max(surplus_w, plant.power_w if cheap else 0)


def charged_wh(plant: Plant, energy_wh: float, battery_w: int, span_s: float) -> float:
    """The energy after `span_s` of a flow, one way's losses taken off."""
    moved_wh = battery_w * span_s / 3600
    after_wh = energy_wh - (moved_wh / plant.efficiency if battery_w > 0 else moved_wh * plant.efficiency)
    return min(plant.capacity_wh, max(0.0, after_wh))


def window_of(plant: Plant, settings: Settings) -> WindowAt:
    """How a site finds its tariff's windows; where none matters there is one for all times."""
    schedule = settings.tariff
    if schedule is None or settings.mode != "autonomous":
        return lambda _: FLAT
    return lambda at_s: schedule.at(plant.local(at_s))


def steps(
    plant: Plant,
    settings: Settings,
    energy_wh: float,
    span: tuple[float, float],
    *,
    window_at: WindowAt | None = None,
    step_s: int = STEP_S,
) -> Iterator[Step]:
    """The battery's life between two Unix times under unchanging settings, step by step."""
    at_s, until_s = span
    find = window_at or window_of(plant, settings)
    while at_s < until_s:
        full_s = (at_s // step_s + 1) * step_s - at_s
        span_s = min(full_s, until_s - at_s)
        held = flows(plant, settings, energy_wh, at_s, full_s, find(at_s))
        after_wh = charged_wh(plant, energy_wh, held.battery_w, span_s)
        yield Step(at_s, span_s, held, energy_wh, after_wh)
        at_s, energy_wh = at_s + span_s, after_wh

"""One energy site drawn from the seed: its devices, its habits, its papers and what it is set to at first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from .answers import Json
from .clock import iso
from .config import SimulatorConfig
from .energy_physics import Settings
from .energy_plant import LOAD_SHAPES, Climate, Plant
from .energy_tariff import Tariff, tariff


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of Powerwall; `power_w` and `energy_wh` of one unit's nameplate."""

    name: str
    battery_type: str
    power_w: int
    energy_wh: int


MODELS = (
    Model("Powerwall 2", "ac_powerwall", 5_000, 13_500),
    Model("Powerwall 2", "ac_powerwall", 5_000, 13_500),
    Model("Powerwall 3", "solar_powerwall", 11_500, 13_500),
)
"""Sites are drawn from here: two of three have the older unit."""

NAMES = ("My Home", "Kesämökki", "Energy Site", "Villa Åsa", "Haus am See")
ZONES = {
    "eu": ("Europe/Helsinki", "Europe/Berlin", "Europe/Lisbon"),
    "na": ("America/Los_Angeles", "America/New_York"),
    "cn": ("Asia/Shanghai",),
}
PROGRAMS = {"eu": "Virtual Power Plant", "na": "PG&E Emergency Load Reduction", "cn": "Virtual Power Plant"}
PRICES = {"eu": ("EUR", 0.31, 0.19, 0.07), "na": ("USD", 0.62, 0.31, 0.11), "cn": ("CNY", 0.98, 0.41, 0.2)}
"""Currency, price in the peak and outside of it, and what export earns, by region."""
PEAK_H = (16, 21)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a site is; everything that time and commands change is kept elsewhere."""

    name: str
    model: Model
    units: int
    gateway: str
    installed_at: str
    plant: Plant
    first_settings: Settings
    first_share: float
    programs: tuple[Json, ...]

    @property
    def nameplate_power_w(self) -> int:
        """Power of all units together."""
        return self.model.power_w * self.units

    @property
    def nameplate_energy_wh(self) -> int:
        """Energy of all units together."""
        return self.model.energy_wh * self.units


def draw(site_id: int, region: str, config: SimulatorConfig) -> Profile:
    """The profile of a site; the same seed and id give the same one."""
    rng = Random(f"site:{config.seed}:{site_id}")
    model, units, solar_peak_w = rng.choice(MODELS), rng.randint(1, 3), rng.choice((0.0, 4_200.0, 7_600.0, 11_000.0))
    nameplate_wh = model.energy_wh * units
    plant = Plant(
        power_w=model.power_w * units,
        capacity_wh=round(nameplate_wh * rng.uniform(0.95, 1.0)),
        nameplate_wh=nameplate_wh,
        solar_peak_w=solar_peak_w,
        load_base_w=rng.uniform(300, 1_400),
        zone=rng.choice(ZONES[region]),
        shape=rng.randrange(len(LOAD_SHAPES)),
        phase=rng.uniform(0, math.tau),
        climate=Climate(config.variety, config.seed) if config.variety else None,
    )
    return Profile(
        name=rng.choice(NAMES),
        model=model,
        units=units,
        gateway=f"1232100-00-E--TG{rng.randrange(10**11):011d}G",
        installed_at=iso(rng.uniform(1.55e9, 1.75e9), 2),
        plant=plant,
        first_share=rng.uniform(0.3, 0.95),
        programs=_programs(rng, region, config.enrolled_share),
        first_settings=_settings(rng, region, solar_peak_w > 0, config),
    )


def _programs(rng: Random, region: str, share: float) -> tuple[Json, ...]:
    """One active programme, or one that is not active, or none."""
    enrolled, other = rng.random() < share, rng.choice(("pending", "withdrawn", ""))
    status = "active" if enrolled else other
    name = PROGRAMS[region]
    return ({"program_id": f"vpp-{region}-1", "name": name, "status": status},) if status else ()


def _settings(rng: Random, region: str, solar: bool, config: SimulatorConfig) -> Settings:
    """Self-consumption above 20 %, or a variety as owners leave their homes."""
    grid_charging = not (solar and region == "na")
    if not config.mixed_settings:
        return Settings(grid_charging=grid_charging, tariff=first_tariff(region))
    weights = (70, 25, 5) if solar else (15, 75, 10)
    return Settings(
        mode=rng.choices(("self_consumption", "autonomous", "backup"), weights)[0],
        reserve_percent=rng.choice((5, 10, 20, 20, 30, 50)),
        export_rule=rng.choices(("battery_ok", "pv_only", "never"), (70, 25, 5))[0],
        grid_charging=grid_charging,
        tariff=first_tariff(region),
    )


@lru_cache(maxsize=8)
def first_tariff(region: str) -> Tariff:
    """The tariff that sites of a region come with: one peak in the late afternoon, all year."""
    currency, peak, off_peak, sell = PRICES[region]
    periods = {
        "ON_PEAK": {"periods": [_period(*PEAK_H)]},
        "OFF_PEAK": {"periods": [_period(0, PEAK_H[0]), _period(PEAK_H[1], 24)]},
    }
    seasons = {
        "Summer": {"fromMonth": 4, "fromDay": 1, "toMonth": 9, "toDay": 30, "tou_periods": periods},
        "Winter": {"fromMonth": 10, "fromDay": 1, "toMonth": 3, "toDay": 31, "tou_periods": periods},
    }
    common: Json = {
        "daily_charges": [{"name": "Charge", "amount": 0}],
        "demand_charges": _charges(0, 0),
        "energy_charges": _charges(peak, off_peak),
        "seasons": seasons,
    }
    head: Json = {"version": 1, "code": f"{region.upper()}-TOU", "name": "Time of use", "utility": "Local Utility"}
    return tariff(head | {"currency": currency} | common | {"sell_tariff": common | _selling(head, sell)})


def _selling(head: Json, sell: float) -> Json:
    return {"name": head["name"], "utility": head["utility"], "energy_charges": _charges(sell, sell / 2)}


def _charges(peak: float, off_peak: float) -> Json:
    rates = {"rates": {"ON_PEAK": peak, "OFF_PEAK": off_peak}}
    return {"ALL": {"rates": {"ALL": 0}}, "Summer": rates, "Winter": rates}


def _period(from_hour: int, to_hour: int) -> Json:
    return {
        "fromDayOfWeek": 0,
        "toDayOfWeek": 6,
        "fromHour": from_hour,
        "fromMinute": 0,
        "toHour": to_hour,
        "toMinute": 0,
    }

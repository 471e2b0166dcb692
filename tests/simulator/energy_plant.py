"""What a home is made of: its devices, and how its sun and its consumption go through the day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import NamedTuple

from .energy_zone import DAY_S, LocalTime, local_time

NO_LIMIT_W = 1_000_000_000
"""How Tesla writes a site meter without a limit."""

_WAVE_S = 4_300.0
_DAY_MIN = DAY_S // 60


def _bump(hour: float, centre: float, width_h: float) -> float:
    return math.exp(-(((hour - centre) / width_h) ** 2))


def _shape(morning: float, noon: float, evening: float) -> tuple[float, ...]:
    """Consumption by minute of the day, 1.0 at night, with three bumps of these heights."""
    hours = [minute / 60 for minute in range(_DAY_MIN)]
    return tuple(
        1 + morning * _bump(h, 7.3, 1.2) + noon * _bump(h, 13, 2.5) + evening * _bump(h, 19.2, 2.1) for h in hours
    )


LOAD_SHAPES = (_shape(0.9, 0.3, 1.8), _shape(0.3, 0.9, 1.1), _shape(1.4, 0.1, 2.6), _shape(0.4, 0.4, 0.6))
"""Kinds of households."""

SOLAR_SHAPE = tuple(max(0.0, math.sin(math.pi * (minute / 60 - 6.25) / 12.5)) ** 1.3 for minute in range(_DAY_MIN))
"""Share of the peak by minute of the day: sunrise at 6:15, sunset at 18:45."""


class Season(NamedTuple):
    """What all homes of a zone have in common on a day that is not like the one before.

    `sky`: share of the sun that gets through. `level`: factor of what is consumed. `early_min`: by how many minutes
    people are ahead of their usual day.
    """

    sky: float = 1.0
    level: float = 1.0
    early_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Climate:
    """How much days differ: 0 not at all, 1 by 60 % of the sun, 20 % of the load, half an hour. `seed` draws them."""

    variety: float
    seed: int = 0

    def at(self, zone: str, day: int, minute: int) -> Season:
        """The season at a minute of a local day; it changes evenly from one midnight to the next."""
        one, two, share = self._midnight(zone, day), self._midnight(zone, day + 1), minute / _DAY_MIN
        return Season(*(first + (second - first) * share for first, second in zip(one, two, strict=True)))

    def _midnight(self, zone: str, day: int) -> Season:
        return _drawn(self.variety, f"climate:{self.seed}:{zone}:{day}")


_USUAL = Season()


@lru_cache(maxsize=4_096)
def _drawn(variety: float, text: str) -> Season:
    rng = Random(text)
    return Season(
        1 - 0.6 * variety * rng.random(), 1 + 0.2 * variety * rng.uniform(-1, 1), 30 * variety * rng.uniform(-1, 1)
    )


@dataclass(frozen=True, slots=True)
class Plant:
    """Devices and habits of one home; power in W, energy in Wh, what never changes.

    Attributes:
        power_w: Nameplate power of all batteries, for charging and for discharging.
        capacity_wh: What the batteries hold when full; a little less than their nameplate.
        nameplate_wh: What is printed on them.
        efficiency: Share that survives one way through the inverter.
        export_limit_w: What the grid connection may export.
        generator_w: A generator that helps out off grid.
        zone: IANA name of the site's time zone.
        shape: Which household of `LOAD_SHAPES`.
        phase: What sets this home's weather and whims apart, 0..2 pi.
        climate: How its days differ, in common with its neighbours; None: not at all.
    """

    power_w: int
    capacity_wh: float
    nameplate_wh: float
    solar_peak_w: float
    load_base_w: float
    zone: str
    efficiency: float = 0.95
    export_limit_w: int = NO_LIMIT_W
    generator_w: int = 0
    shape: int = 0
    phase: float = 0.0
    climate: Climate | None = None

    def local(self, at_s: float) -> LocalTime:
        """The site's wall clock at a Unix time."""
        return local_time(self.zone, at_s)

    def sun_and_load_w(self, at_s: float) -> tuple[int, int]:
        """What the panels could give and the house wants at a Unix time, in whole W."""
        day, minute = local_time(self.zone, at_s)
        season = self.climate.at(self.zone, day, minute) if self.climate else _USUAL
        load_w = self.load_base_w * LOAD_SHAPES[self.shape][(minute + round(season.early_min)) % _DAY_MIN]
        load_w *= season.level * (1 + 0.2 * math.sin(at_s / _WAVE_S + self.phase))
        sun_w = self.solar_peak_w * SOLAR_SHAPE[minute]
        if sun_w:
            sun_w *= season.sky * (0.65 + 0.35 * math.sin(day * 2.399 + self.phase))
        return int(sun_w), int(load_w)

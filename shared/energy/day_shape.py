"""How load and sun go through a day in a time zone, learnt from what polls read anyway.

A shard keeps two courses of half hours for each time zone in it: the mean load of a site, by the clock on its wall,
and the sun as a share of what the sites' panels gave at their best of late, by UTC, which no summer time moves. Every
tick adds the sites that it has just read, so that a half hour is a mean over its ticks and over the last days: the
last three make two thirds of it. Each site counts alike, and one beyond `MOST_W` not at all, so that a broken meter
does not bend the course of its neighbours.

A few homes are no course: nothing is learnt from a tick with less than `FEWEST_SITES` in the zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from shared.energy.model import RosterSite
from shared.energy.readings import UNBALANCED
from shared.energy.samples import FRESH_S, Reading, Sample
from shared.typed import from_msgpack

DAY_S = 86_400
SLOT_S = 1_800
SLOTS = DAY_S // SLOT_S
FEWEST_SITES = 10
MOST_W = 20_000.0
"""More than a home's connection carries in most places."""
_SHARE_OF_A_TICK = 0.06
"""Six ticks make 31 % of a half hour new each day."""


class Course(msgspec.Struct, array_like=True):
    """A mean by half hour of the day, and how many ticks are in each (0: not learnt)."""

    means: list[float] = msgspec.field(default_factory=lambda: [0.0] * SLOTS)
    ticks: list[int] = msgspec.field(default_factory=lambda: [0] * SLOTS)

    def take(self, at_s: float, value: float) -> None:
        """Take a value at a second of the day (any day's) into its half hour."""
        slot = int(at_s % DAY_S // SLOT_S)
        share = max(_SHARE_OF_A_TICK, 1 / (self.ticks[slot] + 1))
        self.means[slot] += share * (value - self.means[slot])
        self.ticks[slot] = min(self.ticks[slot] + 1, SLOTS)

    def at(self, at_s: float) -> float | None:
        """The course at a second of the day, even between the middles of half hours; None where not learnt."""
        slot, share = divmod(at_s / SLOT_S - 0.5, 1)
        one, two = int(slot) % SLOTS, (int(slot) + 1) % SLOTS
        if not (self.ticks[one] and self.ticks[two]):
            return None
        return self.means[one] * (1 - share) + self.means[two] * share


class DayShape(msgspec.Struct, array_like=True):
    """The day of a zone: `load_w`, the mean of its sites; `sun`, the share of their panels' best, from 0 to 1."""

    load_w: Course = msgspec.field(default_factory=Course)
    sun: Course = msgspec.field(default_factory=Course)


Shapes = dict[str, DayShape]
"""By zone, as `zone_of` names it."""


@dataclass(slots=True)
class _Sums:
    """One tick of a zone: how many sites told their load, the load, the sun, and the panels' best."""

    sites: int = 0
    load_w: float = 0.0
    solar_w: float = 0.0
    peak_w: float = 0.0


def zone_of(site: RosterSite) -> str:
    """The site's time zone as ``site_info`` names it (``installation_time_zone``), else its region."""
    return (site.equipment.time_zone if site.equipment else "") or site.region


def wall_s(zone: str, at: datetime) -> float:
    """Seconds since 1970 as a clock on the wall shows them; UTC where the zone has no name that is known."""
    ahead = at.astimezone(_clock(zone)).utcoffset() or timedelta()
    return at.timestamp() + ahead.total_seconds()


@lru_cache(maxsize=512)
def _clock(zone: str) -> tzinfo:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def learn_day(shapes: Shapes, sites: Iterable[tuple[RosterSite, Sample | None]], tick: int, now: datetime) -> Shapes:
    """The shapes with what one tick has read; those of zones that no site is in any more are left out.

    Args:
        shapes: Those before; they change in place.
        sites: The shard's sites with their samples; a sample counts when this tick made it and it is fresh.
        tick: The number of the tick.
        now: By our clock; aware.
    """
    sums = defaultdict[str, _Sums](_Sums)
    oldest = now - timedelta(seconds=FRESH_S)
    for site, sample in sites:
        zone = sums[zone_of(site)]
        if sample is not None and sample.asked_tick == tick and not sample.failures and sample.reading is not None:
            _add(zone, sample.reading, sample.solar_peak_w, oldest)
    for name, found in sums.items():
        if found.sites >= FEWEST_SITES:
            shape = shapes.setdefault(name, DayShape())
            shape.load_w.take(wall_s(name, now), found.load_w / found.sites)
            shape.sun.take(now.timestamp(), found.solar_w / found.peak_w if found.peak_w else 0.0)
    return {name: shape for name, shape in shapes.items() if name in sums}


def _add(zone: _Sums, seen: Reading, peak_w: float, oldest: datetime) -> None:
    load_w, solar_w = seen.load_power_w, seen.solar_power_w
    if load_w is None or not 0 <= load_w <= MOST_W:
        return
    if seen.at is None or seen.at < oldest or (seen.flags and UNBALANCED in seen.flags):
        return
    zone.sites += 1
    zone.load_w += load_w
    if solar_w is not None and 0 < peak_w <= MOST_W:
        zone.peak_w += peak_w
        if 0 < solar_w <= peak_w:
            zone.solar_w += solar_w


def pack_shapes(shapes: Shapes) -> bytes:
    """Shapes as they are stored and sent along: about 1 kB a zone."""
    return msgspec.msgpack.encode(shapes) if shapes else b""


def unpack_shapes(packed: bytes) -> Shapes:
    """Shapes as they were stored; none from nothing. One with other slots than today's is learnt anew."""
    found = from_msgpack(packed, dict[str, DayShape]) if packed else {}
    return {name: shape for name, shape in found.items() if _fits(shape.load_w) and _fits(shape.sun)}


def _fits(course: Course) -> bool:
    return len(course.means) == len(course.ticks) == SLOTS

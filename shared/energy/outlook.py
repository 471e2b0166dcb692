"""What a house will draw beyond its solar power in the hours to come: the present, moved along the day's shape.

The load goes as the zone's does, from where the site's own stands now. The sun goes as the zone's does too: from the
site's own present as far as there is enough of it to tell cloud from clear sky, and else (before dawn) from what its
panels gave at their best of late. Neither goes beyond bounds: the load is between a quarter and four times the
present one, the sun at most the panels' best. Clocks that change within the hours to come are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain

import msgspec

from shared.energy.day_shape import SLOT_S, Course, DayShape, Shapes, wall_s, zone_of
from shared.energy.model import RosterSite
from shared.energy.samples import FRESH_S

STEP_H = SLOT_S / 3_600
HOURS_AHEAD = 3.0
ByHours = tuple[float, float, float]
"""A power for 1, 2 and 3 hours."""
_MOST_CHANGE = 4.0
_LEAST_LOAD_W = 1.0
_LEAST_SUN = 0.001
"""Share of the panels' best below which it is night."""
_CLEAR_SUN = 0.1
"""Share of the panels' best from which on the present sun says all about the sky; below it, in proportion."""


class Outlook(msgspec.Struct, frozen=True):
    """A zone's shape seen from a moment.

    Attributes:
        load_w: Mean load at the moment; `load_slope` W more for every second before it.
        load_slope: See `load_w`.
        sun: Share of the panels' best, 0 to 1; `sun_slope` more for every second before the moment.
        sun_slope: See `sun`.
        best_sun: The highest of the shares, now and ahead; 0 at night.
        most_load_w: The highest of the loads ahead.
        mean_load_w: The mean load over 1, 2 and 3 hours.
        ahead: Load (W) and sun (share) in the middle of each half hour to come.
    """

    load_w: float
    load_slope: float
    sun: float
    sun_slope: float
    best_sun: float
    most_load_w: float
    mean_load_w: ByHours
    ahead: tuple[tuple[float, float], ...]

    def of_load(self, load_w: float, age_s: float) -> Ahead:
        """The hours to come of a house without sun that drew so many W so many seconds ago."""
        return Ahead(self, self._load(load_w, age_s), 0.0)

    def of_site(self, load_w: float, solar_w: tuple[float, float], age_s: float, *, throttled: bool = False) -> Ahead:
        """The hours to come of a house with panels.

        Args:
            load_w: Of the site.
            solar_w: What its panels give, and what they gave at their best of late; not negative.
            age_s: How old the figures are; the slopes are known for `FRESH_S`.
            throttled: Whether its panels could give more than they do, because nothing may be fed in.
        """
        load = self._load(load_w, age_s)
        if not self.best_sun:
            return Ahead(self, load, 0.0)
        given_w, full_w = solar_w
        most_w = max(solar_w) / self.best_sun
        sun = self.sun + self.sun_slope * (age_s if age_s < FRESH_S else float(FRESH_S))
        if sun >= _CLEAR_SUN:
            full_w = given_w / sun
        elif sun > _LEAST_SUN:
            full_w += sun / _CLEAR_SUN * (given_w / sun - full_w)
        if throttled:
            full_w = max(full_w, solar_w[1])
        return Ahead(self, load, min(most_w, full_w))

    def _load(self, load_w: float, age_s: float) -> float:
        """A house's load in parts of the zone's."""
        if load_w <= 0:
            return 0.0
        return load_w / (self.load_w + self.load_slope * (age_s if age_s < FRESH_S else float(FRESH_S)))


class Ahead(msgspec.Struct, frozen=True):
    """A site's hours to come: its load in parts of the zone's, and what its panels would give at a share of 1."""

    outlook: Outlook
    load: float
    sun_w: float

    def limits_w(self, room_w: float, most_w: float) -> list[float]:
        """What the battery may give in each half hour.

        Args:
            room_w: What may be fed in.
            most_w: The battery's rating.
        """
        load, sun_w = self.load, self.sun_w
        found = [
            free_w if (free_w := load * usual_w - sun_w * sun + room_w) > 0 else 0.0
            for usual_w, sun in self.outlook.ahead
        ]
        within = load * self.outlook.most_load_w + room_w <= most_w
        return found if within else [min(most_w, free_w) for free_w in found]

    def by_hours(self, room_w: float, most_w: float) -> ByHours:
        """The mean of `limits_w` over 1, 2 and 3 hours."""
        if not (self.sun_w or room_w) and self.load * self.outlook.most_load_w <= most_w:
            one_w, two_w, three_w = self.outlook.mean_load_w
            return self.load * one_w, self.load * two_w, self.load * three_w
        return _means(self.limits_w(room_w, most_w))

    def mean_w(self, room_w: float, most_w: float, from_h: float, until_h: float) -> float:
        """The mean of `limits_w` between two times in hours from now; after the last half hour it stays so."""
        limits_w = self.limits_w(room_w, most_w)
        total, at_h = 0.0, from_h
        while at_h < until_h:
            index = int(at_h / STEP_H)
            last = index >= len(limits_w) - 1
            end_h = until_h if last else min(until_h, (index + 1) * STEP_H)
            total += limits_w[-1 if last else index] * (end_h - at_h)
            at_h = end_h
        return total / (until_h - from_h)


def _means(each_w: Sequence[float]) -> ByHours:
    """The means of the first 2, 4 and 6 half hours."""
    first, second, third, fourth, fifth, sixth = each_w[:6]
    one, two = first + second, third + fourth
    return one / 2, (one + two) / 4, (one + two + fifth + sixth) / 6


class Outlooks:
    """The outlooks from one moment, by zone. `hours`: how far ahead, 3 at least."""

    def __init__(self, shapes: Shapes, now: datetime, hours: float = HOURS_AHEAD) -> None:
        self._known = {zone: outlook(shape, zone, now, hours) for zone, shape in shapes.items()}

    def of(self, site: RosterSite) -> Outlook | None:
        """That of the site's zone; None while the hours are not all learnt."""
        return self._known.get(zone_of(site)) if self._known else None


def outlook(shape: DayShape, zone: str, now: datetime, hours: float = HOURS_AHEAD) -> Outlook | None:
    """The shape from a moment (aware) on; None while one of the half hours is not learnt, or hardly any load is."""
    steps = round(max(hours, HOURS_AHEAD) / STEP_H)
    loads = _known(_levels(shape.load_w, wall_s(zone, now), steps))
    suns = _known(_levels(shape.sun, now.timestamp(), steps))
    if loads is None or suns is None or min(loads[:2]) < _LEAST_LOAD_W:
        return None
    before_w, now_w, *later_w = loads
    sun_before, sun, *suns_later = suns
    least_w, most_w = max(before_w, now_w) / _MOST_CHANGE, min(before_w, now_w) * _MOST_CHANGE
    best_sun = max(sun_before, sun, *suns_later)
    later_w = [min(most_w, max(least_w, each)) for each in later_w]
    return Outlook(
        load_w=now_w,
        load_slope=(before_w - now_w) / FRESH_S,
        sun=sun,
        sun_slope=(sun_before - sun) / FRESH_S,
        best_sun=best_sun if best_sun > _LEAST_SUN else 0.0,
        most_load_w=max(later_w),
        mean_load_w=_means(later_w),
        ahead=tuple(zip(later_w, suns_later, strict=True)),
    )


def _levels(course: Course, at_s: float, steps: int) -> Iterator[float | None]:
    """The course a fresh reading's longest age ago, now, and in the middle of each half hour to come."""
    ahead = (at_s + SLOT_S * (step + 0.5) for step in range(steps))
    return (course.at(each) for each in chain((at_s - FRESH_S, at_s), ahead))


def _known(levels: Iterator[float | None]) -> list[float] | None:
    """All of them, or None where one is missing."""
    found = list(levels)
    known = [level for level in found if level is not None]
    return known if len(known) == len(found) else None

"""What was delivered: energy by 5-minute interval as the integral of the battery's power, checked against its energy.

Gross figures: what the batteries gave. Programmes that pay for the increment over a baseline need the utility's own
baseline, which is not computed here; `notes` of the report says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from shared.energy.dispatch.goals import Course
from shared.energy.dispatch.records import Meter, SiteRecord

INTERVAL_S = 300
LONGEST_GAP_S = 1_200.0
"""Two measurements further apart say nothing of the time between them."""
_PARTICIPATES = 0.5
_IDLE_W = 100.0
"""A battery that is to hold gives no more than this on average."""
_HOUR_S = 3_600.0
_LEAST_CHECK_WH = 250.0
_AGREE_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Point:
    """A measurement by the device's own time: W (positive: discharging) and Wh left (None: not told)."""

    at: datetime
    power_w: float
    energy_wh: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """The time in which a site's energy counts. `since`: when the site was known to have its command."""

    start: datetime
    end: datetime
    since: datetime | None = None


def measure(meter: Meter, point: Point, span: Span, by_interval: list[float]) -> Meter:
    """The meter after one more measurement; adds the energy since the last one to its intervals.

    Between two points the power is taken to run straight. Before the first one it is taken to have held since the
    site had its command, for one interval at most. A point after the span shows what the site does without the event,
    so up to the span's end the power is taken to have held since the last point within it. Time outside the span does
    not count. An older or repeated point changes nothing.
    """
    if meter.at is not None and point.at <= meter.at:
        return meter
    last = _last(meter)
    if last is None:
        begun = _taken(meter, point, point.energy_wh)
        return _held(begun, _begins(point, span), point.at, span, by_interval)
    if point.at <= span.start:
        return _taken(meter, point, point.energy_wh)
    if (point.at - last.at).total_seconds() > LONGEST_GAP_S:
        return _taken(meter, point, meter.energy_start_wh)
    ends = last.at < span.end <= point.at
    parts = _split(last, dataclasses.replace(point, power_w=last.power_w) if ends else point, span.start, span.end)
    return Meter(
        point.at,
        point.power_w,
        meter.delivered_wh + _add(parts, by_interval),
        meter.covered_s + sum(seconds for _, seconds, _ in parts),
        _energy_at(last, point, span.start) if last.at < span.start else meter.energy_start_wh,
        meter.energy_end_wh if last.at >= span.end else _energy_at(last, point, min(point.at, span.end)),
        meter.estimated_wh,
        meter.fell_wh,
    )


def _last(meter: Meter) -> Point | None:
    """The measurement before, if there was one."""
    if meter.at is None or meter.power_w is None:
        return None
    return Point(meter.at, meter.power_w, meter.energy_end_wh)


def _taken(meter: Meter, point: Point, first_wh: float | None) -> Meter:
    """The meter at the point, with nothing delivered since the last one."""
    return replace(meter, at=point.at, power_w=point.power_w, energy_start_wh=first_wh, energy_end_wh=point.energy_wh)


def close(meter: Meter, at: datetime, span: Span, by_interval: list[float]) -> Meter:
    """The meter when the site is let go: its power is taken to have held since the last reading.

    Nothing is added where that reading is older than two polls.
    """
    until = min(at, span.end)
    if meter.at is None or not timedelta() < until - meter.at <= timedelta(seconds=2 * INTERVAL_S):
        return meter
    return replace(_held(meter, meter.at, until, span, by_interval), at=until)


def _begins(point: Point, span: Span) -> datetime:
    since = point.at if span.since is None else span.since
    return max(span.start, since, point.at - timedelta(seconds=INTERVAL_S))


def _held(meter: Meter, begins: datetime, ends: datetime, span: Span, by_interval: list[float]) -> Meter:
    """The meter with its present power over that time, as an estimate."""
    if meter.power_w is None or ends <= begins:
        return meter
    parts = _split(Point(begins, meter.power_w, None), Point(ends, meter.power_w, None), span.start, span.end)
    more_wh = _add(parts, by_interval)
    return replace(meter, delivered_wh=meter.delivered_wh + more_wh, estimated_wh=meter.estimated_wh + more_wh)


def _add(parts: list[tuple[int, float, float]], by_interval: list[float]) -> float:
    """Put the Wh of the parts into their intervals; gives their sum."""
    for index, _, part_wh in parts:
        by_interval.extend([0.0] * (index + 1 - len(by_interval)))
        by_interval[index] += part_wh
    return sum(part_wh for _, _, part_wh in parts)


def _energy_at(one: Point, other: Point, at: datetime) -> float | None:
    """The energy between two measurements, taken to run straight; None where either did not tell."""
    if one.energy_wh is None or other.energy_wh is None:
        return other.energy_wh if at >= other.at else one.energy_wh
    return one.energy_wh + (other.energy_wh - one.energy_wh) * ((at - one.at) / (other.at - one.at))


def _split(one: Point, other: Point, start: datetime, end: datetime) -> list[tuple[int, float, float]]:
    """The time between two points by interval of the event: its number, seconds, and Wh."""
    parts = []
    at, last = max(one.at, start), min(other.at, end)
    while at < last:
        index = int((at - start).total_seconds() // INTERVAL_S)
        edge = min(last, start + timedelta(seconds=(index + 1) * INTERVAL_S))
        seconds = (edge - at).total_seconds()
        mean_w = (_between(one, other, at) + _between(one, other, edge)) / 2
        parts.append((index, seconds, mean_w * seconds / _HOUR_S))
        at = edge
    return parts


def _between(one: Point, other: Point, at: datetime) -> float:
    share = (at - one.at) / (other.at - one.at)
    return one.power_w + (other.power_w - one.power_w) * share


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """One interval of an event: the mean kW and the kWh delivered in it.

    `goal_kw`: what was to be delivered, which is what was committed, or the part of it that the ramp had come to. In
    an interval in which a modification came these are means over its time, as `target_kw` and `committed_kw` are.
    """

    start: datetime
    end: datetime
    kw: float
    kwh: float
    goal_kw: float = 0.0
    target_kw: float = 0.0
    committed_kw: float = 0.0


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """An event in figures. `participation`: share of the sites that ran that delivered half of their part, or held.

    `energy_agrees`: sites whose energy fell by about what their power adds up to; `energy_checked`: those where that
    can be told. `goal_kw`: the mean of the intervals' goals, which `mean_kw` is to be compared with; `target_kw` and
    `committed_kw` are such means too, where modifications changed them.
    """

    target_kw: float
    committed_kw: float
    goal_kw: float
    mean_kw: float
    delivered_kwh: float
    participation: float | None
    energy_checked: int
    energy_agrees: int
    intervals: tuple[Interval, ...]


def settle(
    records: Sequence[SiteRecord],
    by_interval: Sequence[float],
    start: datetime,
    end: datetime,
    course: Course,
) -> Settlement:
    """The event's figures from its sites' meters and the fleet's Wh by interval, against the course of its goals."""
    took_part = [record for record in records if record.took_part]
    hours = (end - start).total_seconds() / _HOUR_S
    ran = [record for record in took_part if asked_s(record, start, end) > 0]
    checks = [check for check in map(energy_agrees, took_part) if check is not None]
    delivered_wh = sum(by_interval)
    shares = [participates(record, start, end) for record in ran]
    mean = course.mean(list(_spans(start, end)))
    return Settlement(
        target_kw=mean.target_kw,
        committed_kw=mean.committed_kw,
        goal_kw=mean.goal_kw,
        mean_kw=delivered_wh / hours / 1000 if hours > 0 else 0.0,
        delivered_kwh=delivered_wh / 1000,
        participation=sum(shares) / len(shares) if shares else None,
        energy_checked=len(checks),
        energy_agrees=sum(checks),
        intervals=intervals(by_interval, start, end, course),
    )


def asked_s(record: SiteRecord, start: datetime, end: datetime) -> float:
    """How long the site was to deliver: from its command, to its release or the end, in both of its calls.

    Of a site that still runs nothing is known after its last reading, so it is judged up to there.
    """
    begins = max(start, record.times.commanded_at or end)
    ends = record.times.let_go_at or record.meter.at or begins
    return max(0.0, (min(end, ends) - begins).total_seconds()) + _first_s(record, start, end)


def _first_s(record: SiteRecord, start: datetime, end: datetime) -> float:
    """How long the first call of a site lasted that was called twice."""
    times = record.before.times if record.before else None
    begins, ends = (times.commanded_at, times.let_go_at) if times else (None, None)
    if begins is None or ends is None:
        return 0.0
    return max(0.0, (min(end, ends) - max(start, begins)).total_seconds())


def participates(record: SiteRecord, start: datetime, end: datetime) -> bool:
    """Whether the site delivered at least half of what was expected of it, while it was to deliver.

    A site of which nothing is expected has to hold: it takes part while its battery gives nothing, charging or not.
    """
    seconds = asked_s(record, start, end)
    if seconds <= 0:
        return False
    if record.expected_w <= 0:
        return record.meter.delivered_wh <= _IDLE_W * seconds / _HOUR_S
    more_w = record.before.expected_w - record.expected_w if record.before else 0.0
    expected_wh = (record.expected_w * seconds + more_w * _first_s(record, start, end)) / _HOUR_S
    return record.meter.delivered_wh >= _PARTICIPATES * expected_wh


def energy_agrees(record: SiteRecord) -> bool | None:
    """Whether the battery's energy fell by about what its power adds up to; None where that cannot be told.

    What leaves the cells is more than what is delivered by the losses, and solar power may have charged them.
    """
    meter = record.meter
    if meter.energy_start_wh is None or meter.energy_end_wh is None or meter.fell_wh is None or meter.covered_s <= 0:
        return None
    fell_wh = meter.energy_start_wh - meter.energy_end_wh + meter.fell_wh
    measured_wh = meter.delivered_wh - meter.estimated_wh
    allowed_wh = max(_LEAST_CHECK_WH, _AGREE_SHARE * abs(measured_wh))
    return abs(fell_wh - measured_wh) <= allowed_wh


def intervals(by_interval: Sequence[float], start: datetime, end: datetime, course: Course) -> tuple[Interval, ...]:
    """All intervals of the event, those without any energy too."""
    found = []
    for index, (begins, ends) in enumerate(_spans(start, end)):
        wh = by_interval[index] if index < len(by_interval) else 0.0
        kw = wh / ((ends - begins).total_seconds() / _HOUR_S) / 1000
        mean = course.mean([(begins, ends)])
        found.append(
            Interval(
                start=begins,
                end=ends,
                kw=kw,
                kwh=wh / 1000,
                goal_kw=mean.goal_kw,
                target_kw=mean.target_kw,
                committed_kw=mean.committed_kw,
            )
        )
    return tuple(found)


def _spans(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Beginning and end of each interval; the last one may be shorter."""
    while start < end:
        yield start, min(end, start + timedelta(seconds=INTERVAL_S))
        start += timedelta(seconds=INTERVAL_S)

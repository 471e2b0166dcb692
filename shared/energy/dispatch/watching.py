"""What the fleet's polling tells of the sites of an event: that they deliver, how much, and when one must stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from shared.energy.dispatch.model import Signal
from shared.energy.dispatch.records import SiteRecord, Stage, Wanted
from shared.energy.dispatch.settlement import Point, Span, close, measure
from shared.energy.dispatch.steering import Running, must_end
from shared.energy.dispatch.strategies import delivering
from shared.energy.dispatch.touching import with_times
from shared.energy.samples import FRESH_S, Reading

NEAR_RESERVE = "near_reserve"
_WATCHED = frozenset((Stage.COMMANDING, Stage.ACTIVE, Stage.RESTORING))


@dataclass(frozen=True, slots=True)
class WatchRules:
    """`interval_s`: between polls; `settle_s`: after it a commanded site has to show; `guard_wh`: kept besides.

    `tries`: after so many failures in a row a site that could not be commanded is not counted on. `undo_s`: how long
    a site may go on after the event's end, until it is put back.
    """

    interval_s: float = 300.0
    settle_s: float = 600.0
    efficiency: float = 0.95
    guard_wh: float = 50.0
    tries: int = 4
    undo_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A site's last reading, with what it has left and must keep (None: not known), in Wh."""

    reading: Reading
    energy_left_wh: float | None
    reserve_wh: float | None


def observe(
    record: SiteRecord, seen: Seen, signal: Signal, rules: WatchRules, by_interval: list[float], now: datetime
) -> SiteRecord:
    """The record after a look at the site's last reading: its meter, whether it delivers, whether it must stop.

    Only readings count that the device made after the site was commanded. Adds to `by_interval`.
    """
    point = _point(seen)
    if point is None or record.stage not in _WATCHED or record.times.commanded_at is None:
        return record
    if point.at >= (record.times.confirmed_at or point.at):
        # An older reading shows what the site did before it had its command.
        meter = measure(record.meter, point, span_of(record, signal), by_interval)
    else:
        meter = record.meter
    record = record if meter is record.meter else replace(record, meter=meter)
    confirmed = record.times.confirmed_at
    if record.stage is not Stage.ACTIVE or confirmed is None or point.at < confirmed:
        return record
    if delivering(signal.strategy, record.expected_w, point.power_w):
        record = with_times(record, delivering_at=now)
    return _stopped(record, seen, point, signal, rules)


def span_of(record: SiteRecord, signal: Signal) -> Span:
    """When the site's energy counts: within the event, until the site is let go."""
    end = min(signal.ends_at, record.times.let_go_at or signal.ends_at)
    return Span(signal.start, end, record.times.confirmed_at)


def closed(record: SiteRecord, signal: Signal, by_interval: list[float]) -> SiteRecord:
    """The record of a site that is let go now; adds to `by_interval` what it gave since its last reading."""
    at = record.times.let_go_at
    return (
        record if at is None else replace(record, meter=close(record.meter, at, span_of(record, signal), by_interval))
    )


def _point(seen: Seen) -> Point | None:
    at, power_w = seen.reading.at, seen.reading.battery_power_w
    return None if at is None or power_w is None else Point(at, power_w, seen.energy_left_wh)


def _stopped(record: SiteRecord, seen: Seen, point: Point, signal: Signal, rules: WatchRules) -> SiteRecord:
    """Let the site go before its next poll, or the event's end, could find it below its reserve."""
    if seen.energy_left_wh is None or seen.reserve_wh is None or point.power_w <= 0:
        return record
    ends_within = partial(
        must_end,
        seen.energy_left_wh,
        seen.reserve_wh,
        point.power_w,
        efficiency=rules.efficiency,
        guard_wh=rules.guard_wh,
    )
    left_s = (signal.ends_at - point.at).total_seconds() + rules.undo_s
    if ends_within(interval_s=min(rules.interval_s, left_s)):
        return replace(record, wanted=Wanted.RELEASE, reason=NEAR_RESERVE)
    ending = ends_within(interval_s=min(2 * rules.interval_s, left_s))
    return record if ending is record.ending else replace(record, ending=ending)


def running(record: SiteRecord, rules: WatchRules, now: datetime) -> Running | None:
    """The site as steering sees it; None if it is not one that should deliver."""
    if record.stage not in {Stage.PLANNED, Stage.COMMANDING, Stage.ACTIVE} or record.wanted is not Wanted.RUN:
        return None
    confirmed, meter = record.times.confirmed_at, record.meter
    settled = confirmed is not None and now - confirmed >= timedelta(seconds=rules.settle_s)
    measured = confirmed is not None and meter.at is not None and meter.at >= confirmed
    fresh = measured and meter.at is not None and now - meter.at <= timedelta(seconds=FRESH_S)
    flow_w = meter.power_w if fresh else None
    # A site that does not answer is replaced; should it still come, another one is let go.
    silent = confirmed is None and record.failures >= rules.tries
    return Running(record.energy_site_id, record.expected_w, flow_w, settled or fresh or silent, record.ending)

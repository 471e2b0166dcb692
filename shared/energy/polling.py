"""What a poll decides without any I/O: which sites are asked now, what an answer means, whether to ask again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from zlib import crc32

import msgspec

from shared.energy.model import RosterSite
from shared.energy.readings import reading
from shared.energy.samples import Outcome, Reading, Sample
from shared.tesla import errors
from shared.tesla.answers import refusal
from shared.tesla.decode import Undecodable, decode
from shared.tesla.many import Told
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.regions import Regions
from shared.tesla.transport import WireReply

TICK_S = 300
_LONGEST_PAUSE_S = 10.0
_FIRST_PAUSE_S = 0.4
_LONGEST_SILENCE_S = 3_600.0
_PEAK_KEPT = 0.9 ** (TICK_S / 86_400)
"""Of a panel's best a tick later: the sun sinks towards winter, and a meter's single mistake is forgotten."""

_BY_FAILURE: Mapping[str, Outcome] = {
    "timed_out": Outcome.TIMED_OUT,
    "connection_lost": Outcome.CONNECTION_LOST,
    "too_large": Outcome.UNREADABLE,
    "unreadable": Outcome.UNREADABLE,
    "not_sent": Outcome.NOT_REACHED,
}
_BY_ERROR: tuple[tuple[type[errors.Refused], Outcome], ...] = (
    (errors.Unauthorized, Outcome.UNAUTHORIZED),
    (errors.LimitExceeded, Outcome.LIMIT_EXCEEDED),
    (errors.Forbidden, Outcome.FORBIDDEN),
    (errors.Missing, Outcome.NOT_FOUND),
    (errors.Asleep, Outcome.UNREACHABLE),
    (errors.RegionUnregistered, Outcome.REGION_UNREGISTERED),
    (errors.WrongRegion, Outcome.WRONG_REGION),
    (errors.RateLimited, Outcome.RATE_LIMITED),
    (errors.ServerError, Outcome.SERVER_ERROR),
)
_AGAIN = frozenset((Outcome.SERVER_ERROR, Outcome.TIMED_OUT, Outcome.CONNECTION_LOST, Outcome.RATE_LIMITED))


class Agenda(msgspec.Struct, frozen=True):
    """What one tick does in one shard: sites to ask, and why the others are left out."""

    ask: tuple[RosterSite, ...]
    skip: tuple[RosterSite, ...]


def tick_of(moment: datetime) -> int:
    """The number of the 5-minute tick that the moment lies in, counted from the epoch."""
    return int(moment.timestamp()) // TICK_S


def agenda(
    roster: Iterable[RosterSite],
    before: Mapping[str, Sample],
    tick: int,
    *,
    every: int,
    most: int | None,
    calls: Callable[[RosterSite], int] = lambda _site: 1,
) -> Agenda:
    """Whom to ask at this tick.

    Sites that opted out or are not authorised at Tesla are never asked, those that Tesla wants to be left alone not
    yet. `every`: the others are asked at every so
    many ticks, spread evenly; those without a reading at every one. `most`: a limit of calls per tick, of which each
    site takes `calls`; those that were not asked for longest go first, whether or not they answered: sites that never
    answer would keep all others from their turn.
    """
    due, skip = list[RosterSite](), list[RosterSite]()
    for site in roster:
        (due if _is_due(site, before, tick, every) else skip).append(site)
    if most is not None:
        due.sort(key=lambda site: _last_asked(before.get(site.energy_site_id)))
        count = _fitting(map(calls, due), most)
        due, skip = due[:count], skip + due[count:]
    return Agenda(tuple(due), tuple(skip))


def _fitting(costs: Iterable[int], most: int) -> int:
    """How many of the costs fit into the limit; the first one does, unless nothing is allowed."""
    count = spent = 0
    for cost in costs:
        if spent >= most or (count and spent + cost > most):
            break
        count, spent = count + 1, spent + cost
    return count


def may_be_asked(site: RosterSite) -> bool:
    """Whether Tesla is asked about the site at all."""
    return site.opted_out is None and site.authorised.holds


def _is_due(site: RosterSite, before: Mapping[str, Sample], tick: int, every: int) -> bool:
    if not may_be_asked(site):
        return False
    last = before.get(site.energy_site_id)
    if last is not None and last.again_tick > tick:
        return False
    return (
        every <= 1
        or last is None
        or last.reading is None
        or (tick + crc32(site.energy_site_id.encode())) % every == 0
    )


def _last_asked(sample: Sample | None) -> int:
    return sample.asked_tick if sample else 0


def outcome_of(told: Told, regions: Regions) -> Outcome:
    """What the end of a request stands for; OK for a good status, whatever its body."""
    if told.failure:
        return _BY_FAILURE[told.failure]
    if told.status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome.OK
    error = refusal(WireReply(told.status, {}, told.body), regions)
    return next((outcome for kind, outcome in _BY_ERROR if isinstance(error, kind)), Outcome.REJECTED)


def status_of(body: bytes, received_at: datetime) -> tuple[Outcome, Reading | None]:
    """The reading of a good answer. An answer without any status (null, an empty object) is an outcome of its own."""
    try:
        return Outcome.OK, reading(decode(body, LiveStatus).value, received_at)
    except Undecodable as error:
        empty = error.reason.startswith("expected an object, found null") or body.strip() in _EMPTY
        return (Outcome.EMPTY if empty else Outcome.UNREADABLE), None


_EMPTY = (b"", b'{"response":null}', b'{"response":""}', b'{"response":{}}')


def pause_s(outcome: Outcome, told: Told, tries: int) -> float | None:
    """How long to wait before asking again; None: asking again is of no use, or not soon enough."""
    if outcome not in _AGAIN:
        return None
    waited = outcome is Outcome.TIMED_OUT  # long enough: the next try goes out at once
    wait_s = max(0.0 if waited else _FIRST_PAUSE_S * tries, told.retry_after_s or 0.0)
    return wait_s if wait_s <= _LONGEST_PAUSE_S else None


def sample_after(
    before: Sample | None, outcome: Outcome, found: Reading | None, tick: int = 0, wait_s: float = 0.0
) -> Sample:
    """The site's sample after the tick's poll: a failed or a skipped one keeps the reading before it.

    `wait_s`: how long Tesla wants to be left alone; an hour of it is kept, so that no mistake silences a site.
    """
    if found is not None:
        return Sample(outcome, found, 0, tick, 0, _solar_peak_w(before, found, tick))
    known = before or Sample(outcome)
    if outcome in (Outcome.SKIPPED, Outcome.NOT_REACHED):
        return msgspec.structs.replace(known, outcome=outcome)
    again_tick = tick + math.ceil(min(wait_s, _LONGEST_SILENCE_S) / TICK_S)
    return msgspec.structs.replace(
        known, outcome=outcome, failures=known.failures + 1, asked_tick=tick, again_tick=again_tick
    )


def _solar_peak_w(before: Sample | None, found: Reading, tick: int) -> float:
    """The panels' best, which fades with the ticks since the poll before, or what they give now."""
    solar_w = found.solar_power_w or 0.0
    peak_w = before.solar_peak_w if before else 0.0
    if before is None or peak_w <= solar_w:
        return max(0.0, solar_w)
    since = tick - (before.asked_tick or tick)
    kept = _PEAK_KEPT if since == 1 else math.pow(_PEAK_KEPT, max(0, since))
    return max(0.0, solar_w, peak_w * kept)


def fresh_for(every: int) -> timedelta:
    """How old a reading may be and still count: two polls."""
    return timedelta(seconds=2 * TICK_S * max(1, every))

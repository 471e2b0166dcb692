"""Setting writes and tariff changes that events which are not over will still need at their sites.

Where Tesla limits them, a site is promised to an event only if enough is left of its day and month besides what
stronger events will set, what every event will put back, and what has to be there for later ones. Restoring is never
refused, but it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from shared.energy.dispatch.model import Dispatch, Strategy
from shared.energy.dispatch.records import SiteRecord, Stage, Touch, TouchState, Wanted
from shared.energy.dispatch.standing import Standing, standing
from shared.energy.dispatch.strategies import TABLE
from shared.tesla.catalogue.energy import EnergyAction
from shared.tesla.setting_writes import Left


class Writes(NamedTuple):
    """Settings to be written, tariffs included, and how many of them are tariffs."""

    settings: int = 0
    tariffs: int = 0


NO_WRITES = Writes()


class Claim(NamedTuple):
    """What an event has to do with a site: whether it has it, and what it will still set there and put back.

    `begun`: its settings may be there already.
    """

    has: bool
    begun: bool = False
    forth: Writes = NO_WRITES
    back: Writes = NO_WRITES


class Span(NamedTuple):
    """When an event sets its sites, and when it puts them back."""

    start: datetime
    end: datetime


class Reserved(NamedTuple):
    """What an event will still write at a site, and when."""

    span: Span
    forth: Writes
    back: Writes


def most_writes(strategy: Strategy) -> Writes:
    """What a site needs at most, in one direction."""
    row = TABLE[strategy]
    return Writes(row.most_writes, int(row.event_tariff))


def planned_claim(strategy: Strategy, wanted: Wanted) -> Claim:
    """The claim of a plan to a site that nothing was done at yet; a benched one is free for others."""
    most = most_writes(strategy)
    return Claim(has=True, forth=most, back=most) if wanted is Wanted.RUN else Claim(has=False)


def claim_of(record: SiteRecord, strategy: Strategy) -> Claim:
    """The claim of an event by what it did at the site so far."""
    if record.stage in {Stage.DONE, Stage.BENCH}:
        return Claim(has=False)
    if record.snapshot is None:
        return planned_claim(strategy, record.wanted)._replace(has=True)
    unsent = [one for one in record.touches if one.state is TouchState.PENDING and one.sent_at is None]
    rest = [one for one in record.touches if not one.settled]
    to_set = unsent if record.stage is not Stage.RESTORING else []
    return Claim(has=True, begun=True, forth=_counted(to_set), back=_counted(rest))


def reserved(dispatch: Dispatch, claim: Claim, asked: Standing, now: datetime) -> Reserved | None:
    """What the event will write at the site that one with that standing has to leave to it; None: nothing."""
    if not claim.has or not (claim.begun or standing(dispatch) < asked):
        return None
    signal = dispatch.signal
    span = Span(signal.start, now if dispatch.over(now) else signal.ends_at)
    return Reserved(span, claim.forth, claim.back)


def left_besides(left: Left, asked: Span, strategy: Strategy, others: Sequence[Reserved]) -> Left:
    """What a site may still be set for the asked event.

    Args:
        left: What the event's day and month allow, without those that are not over.
        asked: The event's time.
        strategy: What it needs.
        others: What the others need at the site.
    """
    if not others:
        return left
    own = most_writes(strategy)
    settings = [(one.span, one.forth.settings, one.back.settings) for one in others]
    tariffs = [(one.span, one.forth.tariffs, one.back.tariffs) for one in others]
    return Left(
        _rest(left.writes, (asked, own.settings), settings, _day),
        _rest(left.tariffs, (asked, own.tariffs), tariffs, _month),
    )


def _rest(
    most: int | None,
    asked: tuple[Span, int],
    others: Sequence[tuple[Span, int, int]],
    period: Callable[[datetime], tuple[int, ...]],
) -> int | None:
    """What is left of a limit after what the others write before, so that those that follow have theirs as well."""
    if most is None:
        return most
    (span, own), this = asked, period(asked[0].start)
    back = own if period(span.end) == this else 0
    rest = used = most
    for other, forth, undone in sorted(others):
        counts, returns = period(other.start) == this, undone if period(other.end) == this else 0
        if other.start > span.start and counts:
            rest = min(rest, used - forth - back)
        used -= (forth if counts else 0) + returns
        if other.start <= span.start:
            rest = used
    return max(0, rest)


def _counted(touches: Sequence[Touch]) -> Writes:
    return Writes(len(touches), sum(one.action is EnergyAction.TARIFF for one in touches))


def _day(at: datetime) -> tuple[int, ...]:
    day = at.astimezone(UTC)
    return day.year, day.month, day.day


def _month(at: datetime) -> tuple[int, ...]:
    return _day(at)[:2]

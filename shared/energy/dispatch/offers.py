"""The answer to an availability request: kW for each hour of the asked window, the sites, and who is left out why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from shared.energy.dispatch.answers import HourOffer, Offer
from shared.energy.dispatch.candidate import Candidate, sustained_w
from shared.energy.dispatch.planning import PlanRules, Request, exclusion, fade
from shared.energy.dispatch.strategies import TABLE

_HOUR = timedelta(hours=1)
_WATTS = 1_000.0


def offer(candidates: Sequence[Candidate], request: Request, rules: PlanRules, now: datetime) -> Offer:
    """The offer for the window; the target does not matter. The margin is held back, as a plan would."""
    found = [exclusion(candidate, request) for candidate in candidates]
    eligible = [candidate for candidate, reason in zip(candidates, found, strict=True) if not reason]
    expect = TABLE[request.strategy].expect

    def kw(end: datetime, hour: int) -> float:
        hours, left = (end - request.start) / _HOUR, fade(rules, end, now)
        total_w = sum(sustained_w(one, expect, hours, left, hour=hour) * one.reliability for one in eligible)
        return total_w / (1 + rules.margin) / _WATTS

    whole = kw(request.end, -1)
    rows = tuple(
        HourOffer(start=start, end=end, kw=whole, kw_if_last=kw(end, hour))
        for hour, (start, end) in enumerate(_hours(request.start, request.end))
    )
    return Offer(kw=whole, sites=len(eligible), hours=rows, excluded=dict(Counter(filter(None, found))))


def _hours(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The window hour by hour from its start; the last one may be shorter."""
    while start < end:
        yield start, min(start + _HOUR, end)
        start += _HOUR

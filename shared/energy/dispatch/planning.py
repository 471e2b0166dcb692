"""Who is committed to an event: pure, from what each site could give to a plan that the fleet can carry to its end.

A commitment counts what a site can give without a break from its first command to the event's end, above every
reserve (the energy that `Candidate` carries is already what is left above them, after losses). A site that has to be
commanded early, because calls are limited, is counted for that longer time.

A site that runs gives all it can, not its average over the event: there is no set-point. So only as many sites run at
first as meet the target with their full power; the others that the target needs in energy wait on the bench and are
called when the first ones are down to their reserve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from shared.energy.dispatch.candidate import Candidate, running_w, sustained_w
from shared.energy.dispatch.model import HOLDS, PlanSummary, Strategy
from shared.energy.dispatch.ramping import STEP
from shared.energy.dispatch.standing import Standing
from shared.energy.dispatch.strategies import TABLE, Expect
from shared.energy.model import Fact
from shared.tesla.plan_limits import PlanLimits

READS_PER_SITE = 2
"""The snapshot before and the reading back after."""
TOO_LATE = "too_late_for_all"
CALLS_USED_UP = "calls_used_up"
_ANY_NUMBER = 10**9
_ROUNDS = 6
_SHORTEST_H = 1 / 12
_WATTS = 1_000.0
_HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class PlanRules:
    """How careful plans are.

    Attributes:
        margin: Share of the target that runs in excess, because some sites will not deliver.
        bench: Share of the target that is held in reserve beyond what its energy needs.
        offset_fade: What is left, after an hour, of what a house draws now, to be counted on where its zone's day is
            not learnt yet; a house's load falls late in the evening, when events end.
        fade_hours: After so many hours nothing more is taken off.
        lead_s: Time from due to the battery moving, without any limit on calls.
        grace_s: How much later than the start the last command may go out.
        price_usd: Price of one call.
        calls_left: Requests that may still be made today; None: any number.
    """

    margin: float = 0.03
    bench: float = 1.0
    offset_fade: float = 0.86
    fade_hours: float = 6.0
    lead_s: float = 120.0
    grace_s: float = 60.0
    price_usd: float = 0.0
    calls_left: int | None = None

    def with_calls_left(self, calls: int | None) -> PlanRules:
        """The same rules on a day that still allows so many calls."""
        return replace(self, calls_left=calls)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: W from `start` to `end`, and how it stands against other events.

    `ramp_steps`: of so many equal steps the first one is to be there at the start.
    """

    strategy: Strategy
    start: datetime
    end: datetime
    target_w: float
    standing: Standing
    ramp_steps: int = 1

    def with_target(self, target_w: float) -> Request:
        """The same request for so many W."""
        return replace(self, target_w=target_w)


class Commitment(msgspec.Struct, frozen=True, array_like=True):
    """One site of a plan with the facts it counts by.

    `expected_w`: what it should deliver while it runs; `sustained_w`: what it is counted with over the event.
    `waits_for`: the event that it leaves.
    """

    energy_site_id: str
    account: str
    region: str
    shard: str
    authorised: Fact
    programme: Fact
    utility: Fact
    expected_w: float
    sustained_w: float = 0.0
    waits_for: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan. `reasons` says why it is less than asked; `earliest_start`: when the calls would be through.

    `made_at`: when. `excluded`: sites left out by reason; `hours`: what every site is counted for. `bench`: sites
    that the target needs later, and beyond these a reserve.
    """

    target_kw: float
    committed_kw: float
    hours: float
    command_from: datetime
    earliest_start: datetime
    run: tuple[Commitment, ...]
    bench: tuple[Commitment, ...]
    excluded: dict[str, int]
    reasons: tuple[str, ...] = ()
    calls: int = 0
    cost_usd: float = 0.0
    made_at: datetime | None = None

    @property
    def refused(self) -> bool:
        """Whether there is nothing to commit."""
        return not self.run

    @property
    def holds(self) -> bool:
        """Whether it is one that delivers nothing by intention."""
        return HOLDS in self.reasons

    def summary(self) -> PlanSummary:
        """The plan in figures."""
        return PlanSummary(
            committed_kw=self.committed_kw,
            sites=len(self.run),
            bench=len(self.bench),
            command_from=self.command_from,
            calls=self.calls,
            cost_usd=self.cost_usd,
            reasons=self.reasons,
            made_at=self.made_at,
        )


def fade(rules: PlanRules, end: datetime, now: datetime) -> float:
    """The part of houses' present load that is counted on until the event's end."""
    ahead_h = max(0.0, (end - now).total_seconds() / _HOUR_S)
    return float(rules.offset_fade ** min(ahead_h, rules.fade_hours))


def exclusion(candidate: Candidate, request: Request) -> str:
    """Why a site is not for this event, "" if it is."""
    row, limit = TABLE[request.strategy], candidate.site.limits.events_per_month
    equipment = candidate.site.equipment
    causes = (
        (bool(candidate.excluded), candidate.excluded),
        (limit is not None and candidate.events_this_month >= limit, "owner_limit"),
        (candidate.held_by is not None and candidate.held_by <= request.standing, "in_another_event"),
        (candidate.writes_left is not None and candidate.writes_left < row.most_writes, "writes_used_up"),
        (row.event_tariff and candidate.tariffs_left == 0, "tariff_changes_used_up"),
        (row.event_tariff and (equipment is None or not equipment.has_tariff), "no_tariff_to_restore"),
    )
    return next((reason for holds, reason in causes if holds), "")


def plan(
    candidates: Sequence[Candidate], request: Request, rules: PlanRules, limits: PlanLimits, now: datetime
) -> Plan:
    """The plan that the fleet can carry to the end, as much of the target as there is."""
    found = [exclusion(candidate, request) for candidate in candidates]
    excluded = Counter(reason for reason in found if reason)
    eligible = [candidate for candidate, reason in zip(candidates, found, strict=True) if not reason]
    eligible.sort(key=lambda one: (not one.running, -one.deliverable_wh * one.reliability, one.site.energy_site_id))
    wave = _Wave(request, rules, limits, now)
    wanted = _choose(eligible, request, rules, wave, _ANY_NUMBER)
    fits = wanted.new <= wave.most and len(wanted.needed) <= wave.most_by_steps
    chosen = wanted if fits else _choose(eligible, request, rules, wave, wave.most)
    return _plan(chosen, wanted, request, rules, wave, excluded)


class _Wave:
    """How long it takes to command sites where calls are limited."""

    def __init__(self, request: Request, rules: PlanRules, limits: PlanLimits, now: datetime) -> None:
        self._start, self.now, self._rules = request.start, now, rules
        self._writes = TABLE[request.strategy].most_writes
        self._per_s, self._steps = float(limits.requests_per_s), request.ramp_steps
        self.calls_per_site = READS_PER_SITE + self._writes

    def seconds(self, sites: int) -> float:
        """Snapshot and commands of so many sites; reading back may follow after the start."""
        return sites * (1 + self._writes) / self._per_s if self._per_s else 0.0

    @property
    def most(self) -> int:
        """How many sites can be commanded in time, within the day's calls."""
        return min(self._in_time, self._within_calls)

    @property
    def short_of(self) -> str:
        """Why it cannot be more."""
        return TOO_LATE if self._in_time <= self._within_calls else CALLS_USED_UP

    @property
    def _in_time(self) -> int:
        if not self._per_s:
            return _ANY_NUMBER
        in_time_s = max(0.0, (self._start - self.now).total_seconds()) + self._rules.grace_s
        return int(in_time_s * self._per_s / (1 + self._writes))

    @property
    def most_by_steps(self) -> int:
        """How many sites a ramp can have, because each of its steps has to be commanded within it."""
        if not self._per_s or self._steps == 1:
            return _ANY_NUMBER
        return self._steps * int(STEP.total_seconds() * self._per_s / (1 + self._writes))

    @property
    def _within_calls(self) -> int:
        if self._rules.calls_left is None:
            return _ANY_NUMBER
        return self._rules.calls_left // (self.calls_per_site + self._writes + READS_PER_SITE)

    def first(self, sites: int) -> datetime:
        """When commanding begins, so that all are there at the start."""
        return max(self.now, self._start - timedelta(seconds=self.seconds(sites) + self._rules.lead_s))

    def earliest(self, sites: int) -> datetime:
        """The earliest start for so many sites."""
        return self.now + timedelta(seconds=max(0.0, self.seconds(sites) - self._rules.grace_s))


class _Pick(NamedTuple):
    """A site with what it gives when it runs, and what it is counted with."""

    candidate: Candidate
    running_w: float
    sustained_w: float


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Sites that the target needs, in order, how many of them run at first, and the reserve."""

    needed: list[_Pick]
    first: int
    reserve: list[_Pick]
    hours: float
    sum_w: float

    @property
    def new(self) -> int:
        """Sites that have to be commanded before the start."""
        return sum(not pick.candidate.running for pick in self.needed[: self.first])


def _choose(eligible: list[Candidate], request: Request, rules: PlanRules, wave: _Wave, most: int) -> _Chosen:
    """Sites until the target is met. How long they run depends on how many they are: until both agree."""
    expected = 0
    for _ in range(_ROUNDS):
        chosen = _greedy(eligible, request, rules, wave, (_hours(request, wave, expected), most))
        if chosen.new <= expected:
            return chosen
        expected = chosen.new
    # It went on growing: count everybody for the longest time there can be.
    return _greedy(eligible, request, rules, wave, (_hours(request, wave, min(most, len(eligible))), most))


def _hours(request: Request, wave: _Wave, sites: int) -> float:
    first = min(request.start, wave.first(sites))
    return max(_SHORTEST_H, (request.end - first).total_seconds() / _HOUR_S)


def _greedy(
    eligible: list[Candidate], request: Request, rules: PlanRules, wave: _Wave, size: tuple[float, int]
) -> _Chosen:
    """Sites in their order, until the target's power and energy are met; `size`: hours, and most sites to command."""
    hours, most = size
    expect, left = TABLE[request.strategy].expect, fade(rules, request.end, wave.now)
    picks = [_Pick(one, running_w(one, expect), sustained_w(one, expect, hours, left)) for one in eligible]
    if expect is Expect.NOTHING:
        taken = _first(picks, most, float("inf"), holds=True)
        return _Chosen(picks[:taken], taken, [], hours, 0.0)
    goal_w = request.target_w * (1 + rules.margin)
    useful = [pick for pick in picks if pick.sustained_w > 0]
    needed = _reaching(useful, goal_w)
    if most < _ANY_NUMBER:
        needed = min(needed, wave.most_by_steps)
    first_w = goal_w / request.ramp_steps
    useful[:needed] = sorted(useful[:needed], key=_runs_late)
    first = _first(useful[:needed], most, first_w)
    if first < needed and sum(pick.running_w for pick in useful[:first]) < first_w:
        needed = first  # no more can be commanded in time: nothing is promised that others would have to deliver
    reserve = [pick for pick in useful[needed:] if pick.candidate.held_by is None]
    kept = reserve[: _reaching(reserve, rules.bench * request.target_w)]
    sum_w = sum(pick.sustained_w * pick.candidate.reliability for pick in useful[:needed])
    return _Chosen(useful[:needed], first, kept, hours, sum_w)


def _runs_late(pick: _Pick) -> tuple[bool, float]:
    """Who runs already stays, and who lasts longest begins: it could not give all it counts with later."""
    return not pick.candidate.running, -pick.candidate.deliverable_wh / pick.running_w if pick.running_w else 0.0


def _reaching(picks: list[_Pick], goal_w: float) -> int:
    """How many of them it takes to sustain so much; all if they cannot."""
    sum_w = 0.0
    for number, pick in enumerate(picks):
        if sum_w >= goal_w:
            return number
        sum_w += pick.sustained_w * pick.candidate.reliability
    return len(picks)


def _first(picks: list[_Pick], most: int, goal_w: float, *, holds: bool = False) -> int:
    """How many run at first: until the goal is met with full power, and at most so many new ones. A site that was in
    another event runs at once, because it has been taken from there.
    """
    sum_w, new = 0.0, 0
    for number, pick in enumerate(picks):
        enough = sum_w >= goal_w and not holds and not any(one.candidate.held_by for one in picks[number:])
        new += not pick.candidate.running
        if enough or new > most:
            return number
        sum_w += pick.running_w * pick.candidate.reliability
    return len(picks)


def _plan(
    chosen: _Chosen, wanted: _Chosen, request: Request, rules: PlanRules, wave: _Wave, excluded: Counter[str]
) -> Plan:
    committed_w = min(request.target_w, chosen.sum_w / (1 + rules.margin))
    reasons = []
    if TABLE[request.strategy].expect is Expect.NOTHING:
        reasons.append(HOLDS)
    elif wanted.sum_w < request.target_w * (1 + rules.margin):
        reasons.append("not_enough_power")
    if len(chosen.needed) < len(wanted.needed):
        reasons.append(wave.short_of)
    run, later = chosen.needed[: chosen.first], chosen.needed[chosen.first :]
    calls = len(chosen.needed) * (wave.calls_per_site + READS_PER_SITE + TABLE[request.strategy].most_writes)
    return Plan(
        target_kw=request.target_w / _WATTS,
        committed_kw=committed_w / _WATTS,
        hours=chosen.hours,
        command_from=wave.first(chosen.new),
        earliest_start=max(request.start, wave.earliest(wanted.new)),
        run=tuple(map(_commitment, run)),
        bench=tuple(map(_commitment, (*later, *chosen.reserve))),
        excluded=dict(excluded),
        reasons=tuple(reasons),
        calls=calls,
        cost_usd=calls * rules.price_usd,
        made_at=wave.now,
    )


def _commitment(pick: _Pick) -> Commitment:
    candidate, site = pick.candidate, pick.candidate.site
    return Commitment(
        site.energy_site_id,
        site.account,
        site.region,
        candidate.shard,
        site.authorised,
        site.programme,
        site.utility,
        pick.running_w,
        pick.sustained_w,
        candidate.held_by.dispatch if candidate.held_by else "",
    )

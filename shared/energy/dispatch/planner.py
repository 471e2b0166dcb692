"""Plans from the latest state of the fleet: what they may use, and one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from shared.energy.dispatch.candidate import Candidate
from shared.energy.dispatch.gathering import Gathering
from shared.energy.dispatch.model import Signal
from shared.energy.dispatch.planning import Plan, PlanRules, Request, plan
from shared.energy.dispatch.ramping import steps_of
from shared.energy.dispatch.standing import Standing
from shared.platform.errors import WorkBusy
from shared.platform.once import Claim, Once
from shared.tesla.plan_limits import PlanLimits

AskedOn = Callable[[date], int]
"""Calls to Tesla on a UTC day so far."""
_LEASE_S = 120.0


class Planner:
    """Makes plans; keeps none. `rules`, `limits`: what plans have to keep to."""

    def __init__(
        self, gathering: Gathering, once: Once, rules: PlanRules, limits: PlanLimits, *, asked_on: AskedOn
    ) -> None:
        self._gathering, self._once = gathering, once
        self.rules, self._limits, self._asked_on = rules, limits, asked_on

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else plans, so that no two plans commit a site. Raises WorkBusy."""
        claim = self._once.claim("dispatch-planning", lease_s=_LEASE_S)
        if not isinstance(claim, Claim):
            raise WorkBusy("another plan is being made")
        try:
            yield
        finally:
            self._once.release(claim)

    def candidates(self, signal: Signal) -> list[Candidate]:
        """Every enrolled site, as it stands for the signal's event."""
        return self._gathering.candidates(signal)

    def plan(self, candidates: list[Candidate], request: Request, now: datetime) -> Plan:
        """The plan for the request. One that ended already runs nobody any more."""
        rules = self.rules.with_calls_left(self._calls_left(max(now, request.start)))
        return plan(candidates, request.with_target(0.0) if request.end <= now else request, rules, self._limits, now)

    def _calls_left(self, at: datetime) -> int | None:
        """Calls that are left of that day's; without a limit nothing is read."""
        most = self._limits.requests_per_day
        return max(0, most - self._asked_on(at.astimezone(UTC).date())) if most else None


def request_of(signal: Signal, received_at: datetime) -> Request:
    """What the signal asks for. `received_at`: when its event's first modification came."""
    standing = Standing(signal.priority, received_at, signal.id)
    steps = steps_of(signal.ramp_minutes)
    return Request(signal.strategy, signal.start, signal.ends_at, signal.target_kw * 1000, standing, steps)

"""Values that the tests of dispatch share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from shared.energy.dispatch.goals import Course, Goal
from shared.energy.dispatch.model import Dispatch, PlanSummary, Signal, State
from shared.energy.dispatch.records import SiteRecord
from shared.energy.model import Evidence, Fact

START = datetime(2030, 7, 1, 18, tzinfo=UTC)
END = START + timedelta(hours=1)
FACT = Fact(holds=True, at=START - timedelta(days=9), evidence=Evidence.OPERATOR)


def dispatch(name: str = "d", *, priority: int = 0, **changes: object) -> Dispatch:
    """A dispatch of an hour."""
    signal = Signal(id=name, start=START, end=END, target_kw=10.0, priority=priority)
    summary = PlanSummary(committed_kw=10.0, sites=2, bench=1, command_from=START - timedelta(minutes=2))
    made = Dispatch(signal=signal, state=State.SCHEDULED, actor="operator", received_at=START, plan=summary)
    return replace(made, **changes)


def course(target_kw: float = 10.0, committed_kw: float = 10.0, ramp_minutes: float = 0.0) -> Course:
    """One goal for the whole event."""
    goal = Goal(since=START, target_kw=target_kw, committed_kw=committed_kw, ramp_minutes=ramp_minutes)
    return Course(START, (goal,))


def record(number: int = 101, **changes: object) -> SiteRecord:
    """A planned site of 3 kW."""
    return replace(SiteRecord(f"{number}", "account", "eu", FACT, FACT, FACT, expected_w=3_000.0), **changes)

"""The rows of the trail that a dispatch as a whole is worth, worked out from its document alone.

They can be filed at any time and again: whoever died between storing a change and filing its row left nothing out.
"""

from __future__ import annotations

from datetime import datetime

from shared.energy.dispatch.answers import Verdict, kept_verdict
from shared.energy.dispatch.audit import Row
from shared.energy.dispatch.journal import SERVICE
from shared.energy.dispatch.model import Dispatch, Kind, PlanSummary, Signal, State


def received(signal: Signal, actor: str, at: datetime, verdict: Verdict, committed_kw: float) -> Row:
    """The row of a signal and what became of it."""
    reason = f"modification {signal.modification}, {signal.target_kw:g} kW asked, {committed_kw:.1f} kW committed"
    return Row(at, actor, f"signal_{verdict}", "", reason)


def milestones(dispatch: Dispatch, now: datetime) -> dict[str, Row]:
    """By writer: the signal, the stop, and every state that was entered. A cancel without an event has none.

    When a later modification came is not kept: its row, if nobody filed it, says when it was found missing.
    """
    signal, stop = dispatch.signal, dispatch.stop
    if signal.kind is not Kind.DISPATCH:
        return {}
    came_at = now if signal.modification else dispatch.received_at
    committed_kw = dispatch.plan.committed_kw
    verdict = kept_verdict(signal.target_kw, dispatch.plan)
    rows = {f"signal.{signal.modification}": received(signal, dispatch.actor, came_at, verdict, committed_kw)}
    if stop is not None:
        rows["stop"] = Row(stop.at, stop.actor, "stop", "", stop.reason)
    if dispatch.plan.renewed:
        rows[f"planned.{signal.modification}"] = _renewed(dispatch.plan)
    return rows | {f"state.{state}": _entered(dispatch, state, at) for state, at in _times(dispatch).items()}


def _renewed(plan: PlanSummary) -> Row:
    """The plan that was made anew, and whether it carries what was committed."""
    carries = f"{plan.carried_kw:.1f} kW of {plan.committed_kw:.1f} kW, {plan.sites} sites, {plan.bench} in reserve"
    what = "falls_short" if plan.shortfall_kw else "planned_anew"
    return Row(plan.made_at or plan.command_from, SERVICE, what, "", carries)


def _times(dispatch: Dispatch) -> dict[State, datetime]:
    """When the dispatch entered its states, of those that it entered."""
    times = dispatch.times
    entered = (
        (State.COMMANDING, times.commanding_at),
        (State.ACTIVE, times.active_at),
        (State.RESTORING, times.restoring_at),
        (dispatch.state, times.ended_at),
    )
    return {state: at for state, at in entered if at is not None}


def _entered(dispatch: Dispatch, state: State, at: datetime) -> Row:
    """What a stop led to is in the name of whoever stopped."""
    stop = dispatch.stop
    if stop is None or at < stop.at:
        return Row(at, SERVICE, str(state))
    return Row(at, stop.actor, str(state), "", stop.reason)

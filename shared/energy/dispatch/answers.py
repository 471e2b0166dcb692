"""What whoever sent a signal is told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared.energy.dispatch.model import HOLDS, PlanSummary, Signal

if TYPE_CHECKING:
    from shared.energy.dispatch.planning import Plan


class Verdict(StrEnum):
    """What became of a signal."""

    ACCEPTED = "accepted"
    LESS = "less"
    """Accepted with less than was asked for."""
    REFUSED = "refused"
    """Nothing can be committed."""
    DISABLED = "disabled"
    """Dispatch is switched off."""
    EXPIRED = "expired"
    """It came after its own end."""
    SUPERSEDED = "superseded"
    """A newer modification is known already."""
    OVER = "over"
    """The event has ended; its id is not used again."""
    CANCELLED = "cancelled"
    OFFERED = "offered"


class HourOffer(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of the window.

    `kw`: what the fleet can give in this hour and in every other of the window. `kw_if_last`: what it could give from
    the window's start if it ended with this hour.
    """

    start: datetime
    end: datetime
    kw: float
    kw_if_last: float


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What could be committed, as things stand now. Nothing is reserved by it."""

    kw: float
    sites: int
    hours: tuple[HourOffer, ...]
    excluded: dict[str, int]


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """A plan for people: kW, counts, reasons, cost in US dollars."""

    target_kw: float
    committed_kw: float
    hours: float
    sites: int
    bench: int
    command_from: datetime
    earliest_start: datetime
    excluded: dict[str, int]
    reasons: tuple[str, ...]
    calls: int
    cost_usd: float


class SignalAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a signal; the same signal again gets the same one.

    `words`: every code of the plan or the offer (why sites are left out, why it is less) as a sentence.
    """

    verdict: Verdict
    dispatch: str
    modification: int
    dry_run: bool = False
    plan: PlanView | None = None
    offer: Offer | None = None
    words: dict[str, str] = {}


class KeptAnswer(SignalAnswer, frozen=True, kw_only=True, omit_defaults=True):
    """The answer as it is kept for the same signal again. `signal`: what was answered (None: by an older release)."""

    signal: Signal | None = None

    @classmethod
    def of(cls, answer: SignalAnswer, signal: Signal) -> KeptAnswer:
        """The answer with its signal."""
        return cls(**{name: getattr(answer, name) for name in SignalAnswer.__struct_fields__}, signal=signal)


def view(plan: Plan) -> PlanView:
    """The plan without its sites."""
    return PlanView(
        target_kw=plan.target_kw,
        committed_kw=plan.committed_kw,
        hours=plan.hours,
        sites=len(plan.run),
        bench=len(plan.bench),
        command_from=plan.command_from,
        earliest_start=plan.earliest_start,
        excluded=plan.excluded,
        reasons=plan.reasons,
        calls=plan.calls,
        cost_usd=plan.cost_usd,
    )


def verdict_of(plan: Plan) -> Verdict:
    """What a plan says to who asked for it."""
    if plan.refused:
        return Verdict.REFUSED
    return kept_verdict(plan.target_kw, plan.summary())


def kept_verdict(target_kw: float, kept: PlanSummary) -> Verdict:
    """What a plan that was kept says, with what was asked for."""
    enough = kept.committed_kw >= target_kw * (1 - 1e-9) or HOLDS in kept.reasons
    return Verdict.ACCEPTED if enough else Verdict.LESS

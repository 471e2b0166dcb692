"""A second call of a site that steering let go because there was too much, when kW are missing later in the event.

A site is called twice at most, and the second time only if nothing stands against it: what the first call changed is
put back and proven to be, nobody else has changed anything, and its settings may still be written today. Both calls
are kept: the first one in `SiteRecord.before`, and either in the trail.
"""

from __future__ import annotations

from msgspec.structs import replace

from shared.energy.dispatch.records import Call, Meter, Outcome, Restoration, SiteRecord, Stage, StageTimes, Wanted

STEERED = "steered"
"""Why a site was let go that could have gone on."""
_AS_IT_WAS = frozenset((Restoration.RESTORED, Restoration.NOTHING_CHANGED))


def may_return(record: SiteRecord) -> bool:
    """Whether steering let the site go, and left it as it was found."""
    steered = record.stage is Stage.DONE and record.wanted is Wanted.RELEASE and record.reason == STEERED
    clean = record.restoration in _AS_IT_WAS and record.outcome is Outcome.CONFIRMED and not record.owner_changed
    return steered and clean and record.before is None


def called_again(record: SiteRecord) -> SiteRecord:
    """The record at the beginning of the second call; its settings are read anew before they are changed."""
    first = Call(record.expected_w, record.times, record.touches, record.restoration)
    return replace(
        record,
        stage=Stage.PLANNED,
        wanted=Wanted.RUN,
        outcome=Outcome.NONE,
        restoration=Restoration.NONE,
        reason="",
        expected_w=record.again_w,
        touches=(),
        times=StageTimes(),
        meter=_resumed(record.meter),
        ending=False,
        again_w=0.0,
        before=first,
    )


def withdrawn(record: SiteRecord, first: Call) -> SiteRecord:
    """The record where the second call ended before anything was done: as the first one left it."""
    return replace(
        record,
        stage=Stage.DONE,
        wanted=Wanted.RELEASE,
        outcome=Outcome.CONFIRMED,
        restoration=first.restoration,
        reason=record.reason or STEERED,
        expected_w=first.expected_w,
        touches=first.touches,
        times=first.times,
        not_before=None,
        before=None,
    )


def _resumed(meter: Meter) -> Meter:
    """The meter for another call: what was delivered stays, the time in between does not count."""
    fell_wh = meter.fell_wh if meter.at is None else _fell_wh(meter)
    return replace(meter, at=None, power_w=None, energy_start_wh=None, energy_end_wh=None, fell_wh=fell_wh)


def _fell_wh(meter: Meter) -> float | None:
    """By how much the energy fell in the calls so far; None where either end was not told."""
    if meter.energy_start_wh is None or meter.energy_end_wh is None or meter.fell_wh is None:
        return None
    return meter.fell_wh + meter.energy_start_wh - meter.energy_end_wh

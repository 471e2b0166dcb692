"""A site as planning sees it, and what it gives when it runs and through the whole of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from shared.energy.dispatch.standing import Standing
from shared.energy.dispatch.strategies import Expect
from shared.energy.model import RosterSite


class Held(NamedTuple):
    """What a site can give in an event by the learnt day of its zone, W.

    `at_start_w`: when the event begins, as far as is known. `least_w`: in every half hour from the event's start to
    the end of its first, second, ... hour, counted with caution; the last one is for the whole event.
    """

    at_start_w: float
    least_w: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A site as planning sees it.

    `excluded`: why it does not count ("": it does). `full_w` and `offset_w`: what it gives at once when it runs, with
    export as far as it may, and without. `held`: what it can give in the very event and under the strategy that it
    was looked at for; None where its zone's day is not learnt, and then the present counts. `deliverable_wh`: energy
    above every reserve, after losses. `reliability`: share of past events it delivered in. `running`: the same event
    runs it already, and goes on with it first. `held_by`: the event that has it now. `writes_left`, `tariffs_left`:
    settings that may be written on the event's day, tariffs in its month, besides what other events will need (None:
    any number).
    """

    site: RosterSite
    shard: str
    full_w: float = 0.0
    offset_w: float = 0.0
    deliverable_wh: float = 0.0
    excluded: str = ""
    reliability: float = 1.0
    running: bool = False
    events_this_month: int = 0
    held_by: Standing | None = None
    writes_left: int | None = None
    tariffs_left: int | None = None
    held: Held | None = None


def running_w(candidate: Candidate, expect: Expect) -> float:
    """What the site gives when it runs: at the event's start where its day is learnt, else as things stand now."""
    if expect is Expect.NOTHING:
        return 0.0
    if candidate.held is not None:
        return candidate.held.at_start_w
    return max(0.0, candidate.full_w if expect is Expect.EXPORT else candidate.offset_w)


def sustained_w(candidate: Candidate, expect: Expect, hours: float, fade: float = 1.0, *, hour: int = -1) -> float:
    """What the site can hold over so many hours (> 0).

    Args:
        candidate: The site.
        expect: What is asked of it.
        hours: From its first command on: what its energy has to last for.
        fade: The part of the house's present load that is counted on where its day is not learnt; export does not
            depend on it.
        hour: Up to the end of which hour of the event, from 0; -1: of the last one.
    """
    if candidate.held is not None and expect is not Expect.NOTHING:
        power_w = candidate.held.least_w[hour]
    else:
        power_w = running_w(candidate, expect) * (fade if expect is Expect.LOAD_OFFSET else 1.0)
    return max(0.0, min(power_w, candidate.deliverable_wh / hours))

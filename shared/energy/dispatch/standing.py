"""Which of two events has a site: a total order, so that everybody finds the same winner."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from shared.energy.dispatch.model import Dispatch


class Standing(NamedTuple):
    """An event's claim to a site; the smaller one wins: priority (0 first), then who came first, then the id."""

    priority: int
    received_at: datetime
    dispatch: str


def standing(dispatch: Dispatch) -> Standing:
    """The claim of a stored dispatch. A later modification keeps the time of the first."""
    return Standing(dispatch.signal.priority, dispatch.received_at, dispatch.signal.id)


def overlap(one: Dispatch, start: datetime, end: datetime) -> bool:
    """Whether the event needs its sites in that time. One that is being restored still has them."""
    return (
        one.live
        and one.plan.command_from < end
        and (start < one.signal.ends_at or one.times.restoring_at is not None)
    )


def holders(sites: Mapping[str, Mapping[str, bool]], live: Mapping[str, Dispatch]) -> dict[str, Standing]:
    """The best claim to each site, from the sites of each live dispatch (site -> whether it takes part)."""
    best: dict[str, Standing] = {}
    for name, taken in sites.items():
        claim = standing(live[name])
        for site, takes_part in taken.items():
            if takes_part and (site not in best or claim < best[site]):
                best[site] = claim
    return best

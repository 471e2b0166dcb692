"""What operators set by hand at the sites of an event that runs: so that its trail can tell their changes apart from
those that come from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from shared.tesla.catalogue.energy import EnergyAction

MOST_BY_HAND = 500
"""So many are kept of an event, the latest ones."""


class ByHand(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that Tesla took from an operator, of one site."""

    site: str
    action: EnergyAction
    actor: str
    at: datetime


def noted(known: tuple[ByHand, ...], new: ByHand) -> tuple[ByHand, ...]:
    """The settings with a new one, in the place of an earlier one of the same setting."""
    others = (one for one in known if (one.site, one.action) != (new.site, new.action))
    return (*others, new)[-MOST_BY_HAND:]


def who(known: Iterable[ByHand]) -> Mapping[tuple[str, EnergyAction], str]:
    """The operator by site and setting."""
    return {(one.site, one.action): one.actor for one in known}

"""Correction of a running event: which whole sites to add or to let go, so that the fleet delivers the target.

There is no set-point: the fleet's kW change only with the number of sites. Two bands keep it from hunting: below the
lower one sites are added, above the upper one they are let go, and a site that was just commanded counts with what is
expected of it until there was time to measure it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SteerRules:
    """`under`, `over`: shares of the target between which nothing is done; `aim`: what is filled up to, above it."""

    under: float = 0.01
    over: float = 0.05
    aim: float = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """A committed site. `flow_w`: measured since its command (None: not known); `settled`: it had the time to act.

    `ending`: it will be down to its reserve at the next tick, so that its replacement is called at this one.
    """

    energy_site_id: str
    expected_w: float
    flow_w: float | None
    settled: bool
    ending: bool = False

    @property
    def counted_w(self) -> float:
        """What it is taken to deliver: as measured, before that as expected. Unknown counts nothing."""
        if self.ending:
            return 0.0
        if self.settled:
            return max(0.0, self.flow_w or 0.0)
        return self.expected_w


@dataclass(frozen=True, slots=True)
class Benched:
    """A site in reserve, with what it can still give to the end."""

    energy_site_id: str
    expected_w: float


@dataclass(frozen=True, slots=True)
class Correction:
    """What to change. `predicted_w`: what the fleet should deliver then."""

    add: tuple[str, ...]
    release: tuple[str, ...]
    predicted_w: float


def steer(target_w: float, running: Sequence[Running], bench: Sequence[Benched], rules: SteerRules) -> Correction:
    """The correction for this tick; at most one of `add` and `release` is not empty."""
    now_w = sum(site.counted_w for site in running)
    if now_w < target_w * (1 - rules.under):
        return _fill(target_w * (1 + rules.aim), now_w, bench)
    if now_w > target_w * (1 + rules.over):
        return _thin(target_w, now_w, running)
    return Correction((), (), now_w)


def _fill(target_w: float, now_w: float, bench: Sequence[Benched]) -> Correction:
    """The smallest site that closes the gap, or the largest one while none does: little too much is added."""
    add = []
    left = sorted(
        (site for site in bench if site.expected_w > 0), key=lambda one: (one.expected_w, one.energy_site_id)
    )
    while left and now_w < target_w:
        missing_w = target_w - now_w
        place = bisect_left(left, missing_w, key=lambda one: one.expected_w)
        site = left.pop(min(place, len(left) - 1))
        add.append(site.energy_site_id)
        now_w += site.expected_w
    return Correction(tuple(add), (), now_w)


def _thin(target_w: float, now_w: float, running: Sequence[Running]) -> Correction:
    """The largest sites first, each only if the target is still met without it. A site without power is kept: it
    would not help to let it go, and it may yet deliver.
    """
    release = []
    for site in sorted(running, key=lambda one: (-one.counted_w, one.energy_site_id)):
        if site.counted_w > 0 and now_w - site.counted_w >= target_w:
            release.append(site.energy_site_id)
            now_w -= site.counted_w
    return Correction((), tuple(release), now_w)


def must_end(
    energy_left_wh: float, reserve_wh: float, power_w: float, *, efficiency: float, interval_s: float, guard_wh: float
) -> bool:
    """Whether a site's event ends now: another interval at this power could take it below its reserve.

    `power_w` is what the battery gives (positive: discharging); what leaves the cells is more by the losses.
    """
    drawn_wh = max(0.0, power_w) / efficiency * interval_s / 3600
    return energy_left_wh - reserve_wh <= drawn_wh + guard_wh

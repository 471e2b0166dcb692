"""Correction of a running event: which whole sites to add or to let go, so that the fleet delivers the target.

There is no set-point: the fleet's kW change only with the number of sites. Two bands keep it from hunting: below the
lower one sites are added, above the upper one they are let go, and a site that was just commanded counts with what is
expected of it until there was time to measure it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


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
    """A site in reserve, with what it would give now.

    `again`: it has been called in this event before. `lasts_h`: for how many hours its energy suffices.
    """

    energy_site_id: str
    expected_w: float
    again: bool = False
    lasts_h: float = 0.0


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
        fresh = _fill(target_w * (1 + rules.aim), now_w, [one for one in bench if not one.again])
        # No home is disturbed twice while there is one that was not disturbed yet.
        back = _fill(target_w * (1 + rules.aim), fresh.predicted_w, [one for one in bench if one.again])
        return replace(back, add=(*fresh.add, *back.add))
    if now_w > target_w * (1 + rules.over):
        return _thin(target_w, now_w, running)
    return Correction((), (), now_w)


def _fill(target_w: float, now_w: float, bench: Sequence[Benched]) -> Correction:
    """Whoever lasts longest comes first, among sites that fit into the gap; the smallest of the others closes it.

    A battery gives no more than its power, so energy that is left for the end may not come out in time: calling the
    longest-lasting first is what lets a fleet hold its power for as long as its energy allows (Evans, Tindemans and
    Angeli, "Minimizing unserved energy using heterogeneous storage units", 2019). What the last site makes needless
    is not called.
    """
    add, too_large = list[Benched](), list[Benched]()
    for site in sorted(bench, key=lambda one: (-one.lasts_h, -one.expected_w, one.energy_site_id)):
        if site.expected_w <= 0 or now_w >= target_w:
            continue
        if site.expected_w > target_w - now_w:
            too_large.append(site)
            continue
        add.append(site)
        now_w += site.expected_w
    if too_large and now_w < target_w:
        last = min(too_large, key=lambda one: (one.expected_w, -one.lasts_h, one.energy_site_id))
        now_w += last.expected_w
        needless = _needless(add, now_w - target_w)
        add = [*(site for site in add if site not in needless), last]
        now_w -= sum(site.expected_w for site in needless)
    return Correction(tuple(site.energy_site_id for site in add), (), now_w)


def _needless(added: Sequence[Benched], spare_w: float) -> list[Benched]:
    """Sites, the shortest-lasting first, that can be left out of what was added."""
    found = []
    for site in reversed(added):
        if site.expected_w <= spare_w:
            found.append(site)
            spare_w -= site.expected_w
    return found


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

"""What the sites add up to: counts, flows and what could be delivered, in sums that add up again.

`flow_w` is the sum of battery power over enrolled sites with a fresh reading. `naive_w` is the same sum over every
site with any reading, fresh or not, enrolled or not: it is published to show what the checks are worth.
`available_w` and `load_offset_w` are by the lengths of `availability.HOURS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.energy.availability import DEFAULT_RULES, HOURS, Rules, SiteAvailability, availability
from shared.energy.day_shape import Shapes
from shared.energy.model import RosterSite
from shared.energy.outlook import Outlooks
from shared.energy.samples import Sample

COUNTED = "counted"
"""Key in `by_reason` of the sites that nothing excludes."""
NO_PROGRAMME = "none"
NEVER_POLLED = "never_polled"
MOST_GROUPS = 50
OTHERS = "others"
"""Where sites go once there are so many groups: operators' notes name programmes too, and may all differ."""


def _zeros() -> list[float]:
    return [0.0] * len(HOURS)


class Group(msgspec.Struct, kw_only=True):
    """Some of the sites: how many there are, how many of them count, and their powers in W."""

    sites: int = 0
    counted: int = 0
    flow_w: float = 0.0
    available_w: list[float] = msgspec.field(default_factory=_zeros)


class Totals(msgspec.Struct, kw_only=True):
    """Sums over sites. They change in place by `add`; those of parts of the fleet go together by `merge`.

    Attributes:
        sites: All of them.
        enrolled: Those whose three facts hold and who did not opt out.
        counted: Those that nothing excludes; they include the ones at their reserve.
        fresh: Sites by the age of their reading, with `stale`, `dead` and `unread` (no reading, or one without
            device time) making up all sites, enrolled or not.
        stale: See `fresh`.
        dead: See `fresh`.
        unread: See `fresh`.
        flow_w: Battery power over enrolled, fresh sites, positive while discharging.
        naive_w: Battery power over all sites that ever reported any.
        available_w: What the counted sites could deliver, by length.
        load_offset_w: The part of it that needs no export.
        surplus_wh: Energy above the reserves of the counted sites.
        by_reason: Sites by `Reason`, or `COUNTED`.
        by_outcome: Sites by the outcome of their latest poll, or `NEVER_POLLED`.
        by_region: Tesla's regions.
        by_programme: The programmes' names in the sites' facts, or `NO_PROGRAMME`; at most `MOST_GROUPS`, the rest
            under `OTHERS`.
    """

    sites: int = 0
    enrolled: int = 0
    counted: int = 0
    fresh: int = 0
    stale: int = 0
    dead: int = 0
    unread: int = 0
    flow_w: float = 0.0
    naive_w: float = 0.0
    available_w: list[float] = msgspec.field(default_factory=_zeros)
    load_offset_w: list[float] = msgspec.field(default_factory=_zeros)
    surplus_wh: float = 0.0
    by_reason: dict[str, int] = msgspec.field(default_factory=dict)
    by_outcome: dict[str, int] = msgspec.field(default_factory=dict)
    by_region: dict[str, Group] = msgspec.field(default_factory=dict)
    by_programme: dict[str, Group] = msgspec.field(default_factory=dict)


def add(totals: Totals, site: RosterSite, sample: Sample | None, found: SiteAvailability) -> None:
    """Take one site into the totals, which change in place.

    Args:
        totals: The sums so far.
        site: For its region and its programme.
        sample: The latest poll; None if there was none.
        found: What `availability` said of the two.
    """
    totals.sites += 1
    totals.enrolled += found.enrolled
    totals.counted += found.counts
    totals.flow_w += found.flow_w
    totals.surplus_wh += found.surplus_wh if found.counts else 0.0
    _add_age(totals, found)
    if sample is not None and sample.reading is not None:
        totals.naive_w += sample.reading.battery_power_w or 0.0
    if found.counts:
        _add_each(totals.available_w, found.available_w)
        _add_each(totals.load_offset_w, found.load_offset_w)
    _count(totals.by_reason, COUNTED if found.reason is None else found.reason.value)
    _count(totals.by_outcome, NEVER_POLLED if sample is None else sample.outcome.value)
    _add_to_group(totals.by_region, site.region, found)
    _add_to_group(totals.by_programme, site.programme.detail if site.programme.holds else "", found)


def total(
    sites: Iterable[tuple[RosterSite, Sample | None]],
    now: datetime,
    rules: Rules = DEFAULT_RULES,
    shapes: Shapes | None = None,
) -> Totals:
    """The totals of all these sites in one pass.

    Args:
        sites: Each with its latest poll.
        now: By our clock; aware.
        rules: The operator's.
        shapes: How the days of their time zones go, as far as that is learnt.
    """
    totals, outlooks = Totals(), Outlooks(shapes or {}, now)
    for site, sample in sites:
        add(totals, site, sample, availability(site, sample, now, rules, outlooks.of(site)))
    return totals


def merge(parts: Iterable[Totals]) -> Totals:
    """The totals of the whole out of those of its parts, which stay as they are."""
    whole = Totals()
    for part in parts:
        for name in _NUMBERS:
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        _add_each(whole.available_w, part.available_w)
        _add_each(whole.load_offset_w, part.load_offset_w)
        for counts, more in ((whole.by_reason, part.by_reason), (whole.by_outcome, part.by_outcome)):
            for key, number in more.items():
                counts[key] = counts.get(key, 0) + number
        _merge_groups(whole.by_region, part.by_region)
        _merge_groups(whole.by_programme, part.by_programme)
    return whole


_NUMBERS = (
    "sites", "enrolled", "counted", "fresh", "stale", "dead", "unread", "flow_w", "naive_w", "surplus_wh",
)  # fmt: skip


def _add_age(totals: Totals, found: SiteAvailability) -> None:
    if found.freshness == "fresh":
        totals.fresh += 1
    elif found.freshness == "stale":
        totals.stale += 1
    elif found.freshness == "dead":
        totals.dead += 1
    else:
        totals.unread += 1


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _add_each(sums: list[float], more: Iterable[float]) -> None:
    for index, value in enumerate(more):
        sums[index] += value


def _add_to_group(groups: dict[str, Group], key: str, found: SiteAvailability) -> None:
    group = _group(groups, key or NO_PROGRAMME)
    group.sites += 1
    group.flow_w += found.flow_w
    if found.counts:
        group.counted += 1
        _add_each(group.available_w, found.available_w)


def _group(groups: dict[str, Group], key: str) -> Group:
    """The group of that name, made if there is room for it."""
    group = groups.get(key)
    if group is None:
        name = key if len(groups) < MOST_GROUPS else OTHERS
        group = groups.setdefault(name, Group())
    return group


def _merge_groups(groups: dict[str, Group], more: dict[str, Group]) -> None:
    for key, part in more.items():
        group = _group(groups, key)
        group.sites += part.sites
        group.counted += part.counted
        group.flow_w += part.flow_w
        _add_each(group.available_w, part.available_w)

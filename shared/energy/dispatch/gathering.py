"""The fleet as planning sees it: every site with its availability now, its past events, and the event that has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.energy.availability import Rules, SiteAvailability, availability
from shared.energy.dispatch.book import Book, Took, side_by_side
from shared.energy.dispatch.model import Dispatch
from shared.energy.dispatch.planning import Candidate
from shared.energy.dispatch.records import Stage
from shared.energy.dispatch.standing import Standing, holders, overlap
from shared.energy.dispatch.strategies import as_exporting
from shared.energy.model import RosterSite
from shared.energy.reasons import Reason
from shared.energy.samples import Sample
from shared.energy.shards import Roster, Shards, unpack_samples
from shared.platform.ports import Clock
from shared.tesla.setting_writes import Left, SettingWrites

_ANY_NUMBER = Left(None, None)
_FEW_EVENTS = 3
"""Before so many events nothing is made of how a site did in them."""
RELEASED_BEFORE = "released_before"
_OVER = frozenset((Stage.RESTORING, Stage.DONE))


@dataclass(frozen=True, slots=True)
class _Shard:
    """What is read of one shard. `ahead`: events of the month that are not over yet, of all sites."""

    roster: Roster
    samples: Mapping[str, Sample]
    this_month: Mapping[str, Took]
    before: Mapping[str, Took]
    ahead: Mapping[str, int]


class Gathering:
    """Reads candidates. `rules` are those of availability; `guard_s`: between two polls."""

    def __init__(
        self, shards: Shards, book: Book, writes: SettingWrites, clock: Clock, rules: Rules, *, guard_s: float
    ) -> None:
        self._shards, self._book, self._clock, self._rules = shards, book, clock, rules
        self._writes, self._guard_s = writes, guard_s

    def candidates(self, dispatch: str, start: datetime, end: datetime) -> list[Candidate]:
        """Every enrolled site, for an event of that id and time."""
        live = self._book.live()
        rivals = {name: one for name, one in live.items() if name != dispatch and overlap(one, start, end)}
        taken = {name: self._sites(one) for name, one in live.items() if name != dispatch}
        held = holders({name: taken[name] for name in rivals}, rivals)
        ahead = _ahead(taken, live, start)
        own = self._own(live[dispatch]) if dispatch in live else {}
        left = self._writes.left(max(start, self._clock.now()).astimezone(UTC).date())
        names = list(self._shards.index().sites)
        found = side_by_side(lambda name: self._read(name, start, ahead), names)
        pairs = zip(names, found, strict=True)
        return [one for name, shard in pairs for one in self._of_shard(name, shard, held, own, left)]

    def _read(self, name: str, start: datetime, ahead: Mapping[str, int]) -> _Shard:
        state = self._shards.state(name)
        return _Shard(
            self._shards.roster(name),
            unpack_samples(state.value.samples) if state else {},
            self._book.events(start, name),
            self._book.events(start.replace(day=1) - timedelta(days=1), name),
            ahead,
        )

    def _of_shard(
        self,
        name: str,
        shard: _Shard,
        held: Mapping[str, Standing],
        own: Mapping[str, Stage],
        left: Callable[[str], Left],
    ) -> Iterable[Candidate]:
        now = self._clock.now()
        for site_id, site in shard.roster.items():
            can = availability(site, shard.samples.get(site_id), now, self._rules)
            reason = "" if can.counts and can.reason is not Reason.AT_RESERVE else str(can.reason)
            took = shard.this_month.get(site_id, Took())
            # What the event itself wrote must not end it: its sites need no writes but restoring ones any more.
            may = _ANY_NUMBER if site_id in own else left(site_id)
            yield Candidate(
                site,
                name,
                full_w=self._full_w(site, shard.samples.get(site_id), can, now),
                offset_w=min(can.power_limit_w, can.offset_limit_w),
                deliverable_wh=max(0.0, can.surplus_wh * can.efficiency - self._guard_wh(can)),
                excluded=RELEASED_BEFORE if own.get(site_id) in _OVER else reason,
                reliability=_reliability(took, shard.before.get(site_id, Took())),
                running=site_id in own,
                events_this_month=took.events + shard.ahead.get(site_id, 0),
                held_by=held.get(site_id),
                writes_left=may.writes,
                tariffs_left=may.tariffs,
            )

    def _full_w(self, site: RosterSite, sample: Sample | None, can: SiteAvailability, now: datetime) -> float:
        """What the site gives with export, under the export rule that an export event sets."""
        exporting = as_exporting(site)
        if exporting is not site:
            can = availability(exporting, sample, now, self._rules)
        return min(can.power_limit_w, can.offset_limit_w + can.export_limit_w)

    def _guard_wh(self, can: SiteAvailability) -> float:
        """What stays in the battery because the site is let go before it could pass its reserve between two polls."""
        return can.power_limit_w * max(0.0, self._guard_s - self._rules.guard_s) / 3600

    def _sites(self, dispatch: Dispatch) -> dict[str, bool]:
        """The dispatch's sites, and whether it still has each; a benched one is free for others."""
        found = self._book.all_records(dispatch.signal.id, dispatch.shards)
        stages = {record.energy_site_id: record.stage for one in found.values() for record in one.records()}
        taken = {site: stage not in {Stage.DONE, Stage.BENCH} for site, stage in stages.items()}
        for shard in dispatch.shards:
            plan = self._book.plan(dispatch.signal.id, shard)
            for site, (_, wanted, _) in (plan.sites() if plan else {}).items():
                taken.setdefault(site, wanted.value == "run")
        return taken

    def _own(self, dispatch: Dispatch) -> dict[str, Stage]:
        """How far the same event's sites are that it began with; those whose owners left it are done with it."""
        found = self._book.all_records(dispatch.signal.id, dispatch.shards)
        records = (record for one in found.values() for record in one.records())
        begun = {record.energy_site_id: record.stage for record in records if record.took_part}
        return {**dict.fromkeys(dispatch.opted_out, Stage.DONE), **begun}


def _ahead(taken: Mapping[str, Mapping[str, bool]], live: Mapping[str, Dispatch], at: datetime) -> Mapping[str, int]:
    """How many other events of that month have each site: they count for its owner's limit before they are over."""
    month = [sites for name, sites in taken.items() if f"{live[name].signal.start:%Y-%m}" == f"{at:%Y-%m}"]
    return Counter(site for sites in month for site, has in sites.items() if has)


def _reliability(*months: Took) -> float:
    """Share of its events in which the site delivered, 1 while there were few. Never 0: it keeps a chance."""
    events, delivered = sum(took.events for took in months), sum(took.delivered for took in months)
    return max(0.1, delivered / events) if events >= _FEW_EVENTS else 1.0

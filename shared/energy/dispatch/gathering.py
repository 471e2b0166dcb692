"""The fleet as planning sees it: every site with its availability now, its past events, and the event that has it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.energy.availability import Rules, SiteAvailability, availability
from shared.energy.day_shape import unpack_shapes
from shared.energy.dispatch.book import Book, Took, side_by_side
from shared.energy.dispatch.candidate import Candidate
from shared.energy.dispatch.holding import Window, held, window_of
from shared.energy.dispatch.model import Dispatch, Signal
from shared.energy.dispatch.records import Stage
from shared.energy.dispatch.reserving import (
    Claim,
    Reserved,
    Span,
    claim_of,
    left_besides,
    planned_claim,
    reserved,
)
from shared.energy.dispatch.standing import Standing, holders, overlap
from shared.energy.dispatch.strategies import TABLE, Expect, as_exporting
from shared.energy.model import RosterSite
from shared.energy.outlook import Outlook, Outlooks
from shared.energy.reasons import Reason
from shared.energy.samples import Sample
from shared.energy.shards import Roster, Shards, unpack_samples
from shared.platform.ports import Clock
from shared.tesla.setting_writes import Left, SettingWrites

_ANY_NUMBER = Left(None, None)
_FEW_EVENTS = 3
"""Before so many events nothing is made of how a site did in them."""
_AROUND = timedelta(minutes=30)
"""Events so close to each other overlap: the sites of one have to be restored before the other begins."""
RELEASED_BEFORE = "released_before"
_OVER = frozenset((Stage.RESTORING, Stage.DONE))


@dataclass(frozen=True, slots=True)
class _Shard:
    """What is read of one shard."""

    roster: Roster
    samples: Mapping[str, Sample]
    outlooks: Outlooks
    this_month: Mapping[str, Took]
    before: Mapping[str, Took]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The event that sites are looked at for, and what other events mean for them.

    `to_come`: how many other events of its month have each site that are not over yet. `own`: how far the event is at
    the sites that it began with. `left`: what a site may still be set.
    """

    signal: Signal
    now: datetime
    window: Window
    own: Mapping[str, Stage]
    holders: Mapping[str, Standing]
    to_come: Mapping[str, int]
    left: Callable[[str], Left]

    @property
    def expect(self) -> Expect:
        """What its sites deliver."""
        return TABLE[self.signal.strategy].expect


class Gathering:
    """Reads candidates. `rules` are those of availability; `guard_s`: between two polls."""

    def __init__(
        self, shards: Shards, book: Book, writes: SettingWrites, clock: Clock, rules: Rules, *, guard_s: float
    ) -> None:
        self._shards, self._book, self._clock, self._rules = shards, book, clock, rules
        self._writes, self._guard_s = writes, guard_s

    def candidates(self, signal: Signal) -> list[Candidate]:
        """Every enrolled site, as it stands for the signal's event."""
        asked = self._asked(signal, self._clock.now())
        names = list(self._shards.index().sites)
        found = side_by_side(lambda name: self._read(name, asked), names)
        pairs = zip(names, found, strict=True)
        return [one for name, shard in pairs for one in self._of_shard(name, shard, asked)]

    def _asked(self, signal: Signal, now: datetime) -> _Asked:
        live = self._book.live()
        own = live.pop(signal.id, None)
        claims = {name: self._claims(one) for name, one in live.items()}
        taken = {name: {site: one.has for site, one in found.items()} for name, found in claims.items()}
        near = signal.start - _AROUND, signal.ends_at + _AROUND
        rivals = {name: one for name, one in live.items() if overlap(one, *near)}
        received_at = own.received_at if own else now
        asked = Standing(signal.priority, received_at, signal.id)
        return _Asked(
            signal,
            now,
            window_of(signal.start, signal.ends_at, now),
            self._own(own) if own else {},
            holders({name: taken[name] for name in rivals}, rivals),
            _to_come(taken, live, signal.start),
            self._left(signal, _all_reserved(claims, live, asked, now), now),
        )

    def _left(self, signal: Signal, others: Mapping[str, Sequence[Reserved]], now: datetime) -> Callable[[str], Left]:
        """What each site may still be set for the signal's event, besides what others will need."""
        span = Span(max(signal.start, now), signal.ends_at)
        left = self._writes.left(span.start.astimezone(UTC).date())
        return lambda site: left_besides(left(site), span, signal.strategy, others.get(site, ()))

    def _read(self, name: str, asked: _Asked) -> _Shard:
        state, start = self._shards.state(name), asked.signal.start
        return _Shard(
            self._shards.roster(name),
            unpack_samples(state.value.samples) if state else {},
            Outlooks(unpack_shapes(state.value.shapes) if state else {}, asked.now, asked.window.hours),
            self._book.events(start, name),
            self._book.events(start.replace(day=1) - timedelta(days=1), name),
        )

    def _of_shard(self, name: str, shard: _Shard, asked: _Asked) -> Iterable[Candidate]:
        for site_id, site in shard.roster.items():
            sample, outlook = shard.samples.get(site_id), shard.outlooks.of(site)
            can = availability(site, sample, asked.now, self._rules, outlook)
            exporting = self._exporting(site, sample, can, asked.now, outlook)
            reason = "" if can.counts and can.reason is not Reason.AT_RESERVE else str(can.reason)
            took = shard.this_month.get(site_id, Took())
            # What the event itself wrote must not end it: its sites need no writes but restoring ones any more.
            may = _ANY_NUMBER if site_id in asked.own else asked.left(site_id)
            exports = asked.expect is Expect.EXPORT
            yield Candidate(
                site,
                name,
                full_w=min(exporting.power_limit_w, exporting.offset_limit_w + exporting.export_limit_w),
                offset_w=min(can.power_limit_w, can.offset_limit_w),
                deliverable_wh=max(0.0, can.surplus_wh * can.efficiency - self._guard_wh(can)),
                excluded=RELEASED_BEFORE if asked.own.get(site_id) in _OVER else reason,
                reliability=_reliability(took, shard.before.get(site_id, Took())),
                running=site_id in asked.own,
                events_this_month=took.events + asked.to_come.get(site_id, 0),
                held_by=asked.holders.get(site_id),
                writes_left=may.writes,
                tariffs_left=may.tariffs,
                held=held(exporting if exports else can, asked.window, export=exports),
            )

    def _exporting(
        self, site: RosterSite, sample: Sample | None, can: SiteAvailability, now: datetime, outlook: Outlook | None
    ) -> SiteAvailability:
        """The site under the export rule that an export event sets."""
        changed = as_exporting(site)
        return can if changed is site else availability(changed, sample, now, self._rules, outlook)

    def _guard_wh(self, can: SiteAvailability) -> float:
        """What stays in the battery because the site is let go before it could pass its reserve between two polls."""
        return can.power_limit_w * max(0.0, self._guard_s - self._rules.guard_s) / 3600

    def _claims(self, dispatch: Dispatch) -> dict[str, Claim]:
        """What the dispatch has to do with each of its sites; a benched one is free for others."""
        strategy = dispatch.signal.strategy
        found = self._book.all_records(dispatch.signal.id, dispatch.shards)
        records = (record for one in found.values() for record in one.records())
        claims = {record.energy_site_id: claim_of(record, strategy) for record in records}
        for shard in dispatch.shards:
            plan = self._book.plan(dispatch.signal.id, shard)
            for site, (_, wanted, _) in (plan.sites(renewed=dispatch.plan.renewed) if plan else {}).items():
                claims.setdefault(site, planned_claim(strategy, wanted))
        return claims

    def _own(self, dispatch: Dispatch) -> dict[str, Stage]:
        """How far the same event's sites are that it began with; those whose owners left it are done with it.

        A site that steering let go is as good as one that was never called.
        """
        found = self._book.all_records(dispatch.signal.id, dispatch.shards)
        records = (record for one in found.values() for record in one.records())
        begun = {one.energy_site_id: one.stage for one in records if one.took_part and one.again_w <= 0}
        return {**dict.fromkeys(dispatch.opted_out, Stage.DONE), **begun}


def _all_reserved(
    claims: Mapping[str, Mapping[str, Claim]], live: Mapping[str, Dispatch], asked: Standing, now: datetime
) -> dict[str, list[Reserved]]:
    """What others will write, by site."""
    found: dict[str, list[Reserved]] = defaultdict(list)
    for name, sites in claims.items():
        for site, claim in sites.items():
            one = reserved(live[name], claim, asked, now)
            if one is not None:
                found[site].append(one)
    return found


def _to_come(
    taken: Mapping[str, Mapping[str, bool]], live: Mapping[str, Dispatch], at: datetime
) -> Mapping[str, int]:
    """How many other events of that month have each site: they count for its owner's limit before they are over."""
    month = [sites for name, sites in taken.items() if f"{live[name].signal.start:%Y-%m}" == f"{at:%Y-%m}"]
    return Counter(site for sites in month for site, has in sites.items() if has)


def _reliability(*months: Took) -> float:
    """Share of its events in which the site delivered, 1 while there were few. Never 0: it keeps a chance."""
    events, delivered = sum(took.events for took in months), sum(took.delivered for took in months)
    return max(0.1, delivered / events) if events >= _FEW_EVENTS else 1.0

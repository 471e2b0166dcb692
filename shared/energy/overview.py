"""The fleet as it stands: read from the shards' last states, so that nothing is asked of Tesla."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from shared.energy.availability import Rules, SiteAvailability, availability
from shared.energy.day_shape import unpack_shapes
from shared.energy.fleet import Totals, merge
from shared.energy.history import HistoryRow, day_of, history_name, read_history
from shared.energy.model import RosterSite, Site
from shared.energy.outlook import Outlooks
from shared.energy.polling import TICK_S, tick_of
from shared.energy.samples import Sample, from_epoch
from shared.energy.shards import Samples, Shards, StateDoc, unpack_samples
from shared.energy.tick import CURRENT, FleetCurrent, FleetDay, FleetRow, unpack_rows
from shared.platform.documents import Collection
from shared.platform.errors import NotFound
from shared.platform.ports import BlobStore, Clock, DocumentStore

_READERS = 16


class FleetNow(msgspec.Struct, frozen=True):
    """The fleet's sums, the moments of the earliest and the latest poll in them, and how many shards are missing.

    A shard is missing as long as its last poll is too old to say what the fleet can do now.
    """

    totals: Totals
    shards: int
    missing: int
    oldest: datetime | None
    newest: datetime | None


class SiteNow(msgspec.Struct, frozen=True):
    """One site: its roster entry, its last poll, and what it could deliver."""

    site: RosterSite
    sample: Sample | None
    found: SiteAvailability


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a shard's last poll says at a moment."""

    samples: Samples
    outlooks: Outlooks
    now: datetime

    def site(self, entry: RosterSite, rules: Rules) -> SiteNow:
        """One of its sites."""
        sample = self.samples.get(entry.energy_site_id)
        return SiteNow(entry, sample, availability(entry, sample, self.now, rules, self.outlooks.of(entry)))


class Overview:
    """Views of the fleet."""

    def __init__(self, store: DocumentStore, shards: Shards, blobs: BlobStore, clock: Clock, rules: Rules) -> None:
        self._current = Collection(store, "fleet", FleetCurrent)
        self._days = Collection(store, "fleet_days", FleetDay)
        self._shards, self._blobs, self._clock, self._rules = shards, blobs, clock, rules

    def fleet(self) -> FleetNow:
        """All shards added up, as of their last polls; polls older than a fresh reading count no more."""
        index, now = self._shards.index(), self._clock.now()
        found = [state for state in self._states(list(index.sites)) if state is not None]
        states = [state for state in found if (now - state.at).total_seconds() <= self._rules.fresh_s]
        moments = [state.at for state in states]
        return FleetNow(
            totals=merge(state.totals for state in states),
            shards=len(index.sites),
            missing=len(index.sites) - len(states),
            oldest=min(moments, default=None),
            newest=max(moments, default=None),
        )

    def day(self, day: date) -> list[FleetRow]:
        """The fleet's rows of one UTC day, one per closed tick; none for a day without any."""
        wanted = day.isoformat()
        current = self._current.get(CURRENT)
        if current is not None and current.value.day == wanted:
            return unpack_rows(current.value.rows)
        stored = self._days.get(wanted)
        return unpack_rows(stored.value.rows) if stored else []

    def site(self, site_id: str, site: Site) -> SiteNow | None:
        """A registered site as of its last poll; None while its shard does not have it."""
        entry = self._shards.roster(site.shard).get(site_id)
        if entry is None:
            return None
        seen = self._seen(site.shard, self._clock.now())
        return seen.site(entry, self._rules)

    def sites(self, wanted: Sequence[tuple[str, Site]]) -> Iterator[tuple[str, Site, SiteNow | None]]:
        """Registered sites as of their last polls; each shard is read once."""
        now, shards = self._clock.now(), sorted({site.shard for _, site in wanted})
        rosters = {name: self._shards.roster(name) for name in shards}
        seen = {name: self._seen(name, now) for name in shards}
        for site_id, site in wanted:
            entry = rosters[site.shard].get(site_id)
            yield site_id, site, None if entry is None else seen[site.shard].site(entry, self._rules)

    def everything(self) -> Iterator[tuple[RosterSite, Sample | None]]:
        """All sites with their last polls, shard by shard."""
        for name in self._shards.index().sites:
            samples = self._seen(name, self._clock.now()).samples
            for site_id, entry in self._shards.roster(name).items():
                yield entry, samples.get(site_id)

    def history(self, site_id: str, shard: str, hours: int) -> list[HistoryRow]:
        """The site's readings of the last hours, oldest first. Ticks without a reading are left out."""
        last = tick_of(self._clock.now())
        ticks = range(last - hours * 3_600 // TICK_S, last + 1)
        with ThreadPoolExecutor(_READERS) as pool:
            found = [pool.submit(copy_context().run, self._of_tick, site_id, shard, tick) for tick in ticks]
            return [row for run in found for row in run.result()]

    def _of_tick(self, site_id: str, shard: str, tick: int) -> list[HistoryRow]:
        try:
            packed = self._blobs.get(history_name(tick, shard))
        except NotFound:
            return []
        return [row for row in read_history(packed) if row.energy_site_id == site_id]

    def _seen(self, shard: str, now: datetime) -> _Seen:
        stored = self._shards.state(shard)
        if stored is None:
            return _Seen({}, Outlooks({}, now), now)
        shapes = unpack_shapes(stored.value.shapes)
        return _Seen(unpack_samples(stored.value.samples), Outlooks(shapes, now), now)

    def _states(self, shards: Sequence[str]) -> list[StateDoc | None]:
        with ThreadPoolExecutor(_READERS) as pool:
            runs = [pool.submit(copy_context().run, self._shards.state, name) for name in shards]
            stored = [run.result() for run in runs]
        return [item.value if item else None for item in stored]


def moment_of(tick: int) -> datetime:
    """When the tick began."""
    return from_epoch(tick * TICK_S)


def today(clock: Clock) -> date:
    """The UTC day of the tick under way."""
    return date.fromisoformat(day_of(tick_of(clock.now())))

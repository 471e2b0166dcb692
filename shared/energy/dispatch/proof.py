"""What is known of an event, read from its documents: the settlement, the sites, the trail.

The settlement of an event that runs is the one up to now.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.energy.dispatch.audit import Audit, Row
from shared.energy.dispatch.book import Book
from shared.energy.dispatch.event_facts import EventFacts
from shared.energy.dispatch.model import Dispatch
from shared.energy.dispatch.records import SiteRecord, Stage, Wanted
from shared.energy.dispatch.settlement import Settlement, settle
from shared.platform.errors import NotFound
from shared.platform.ports import Clock

_COMMANDED = frozenset((Stage.COMMANDING, Stage.ACTIVE))
_TOUCHED = _COMMANDED | {Stage.RESTORING}


@dataclass(frozen=True, slots=True)
class Proof:
    """Reads what an event left."""

    book: Book
    audit: Audit
    clock: Clock

    def dispatch(self, name: str) -> Dispatch:
        """The dispatch. Raises NotFound."""
        found = self.book.get(name)
        if found is None:
            raise NotFound("no such dispatch")
        return found

    def sites(self, name: str) -> list[SiteRecord]:
        """The records of all its sites but the bench's, by site. Raises NotFound."""
        return self._read(self.dispatch(name))[0]

    def facts(self, name: str) -> EventFacts:
        """All that the report shows. Raises NotFound."""
        dispatch = self.dispatch(name)
        records, settlement = self._read(dispatch)
        return EventFacts(dispatch, settlement, records, self.clock.now())

    def of_site(self, site: str, shard: str) -> list[tuple[Dispatch, Stage]]:
        """The dispatches under way that have the site, and how far it is in each. `shard`: the site's own."""
        found = ((one, self._stage(one, site, shard)) for one in self.book.live().values() if shard in one.shards)
        return [(one, stage) for one, stage in found if stage is not None]

    def holding(self, site: str, shard: str) -> list[str]:
        """The ids of the dispatches that have commanded the site and not begun to restore it."""
        return [one.signal.id for one, stage in self.of_site(site, shard) if stage in _COMMANDED]

    def not_put_back(self, account: str) -> list[str]:
        """The account's sites that have, or may have, settings of a dispatch; withdrawn ones too."""
        found = (self.book.all_records(name, one.shards) for name, one in self.book.live().items())
        records = (record for shards in found for document in shards.values() for record in document.records())
        touched = (record for record in records if record.stage in _TOUCHED)
        return sorted({record.energy_site_id for record in touched if record.account == account})

    def _stage(self, dispatch: Dispatch, site: str, shard: str) -> Stage | None:
        """How far the site is; before its shard's worker began, the plan tells. None: it has no part in it."""
        name = dispatch.signal.id
        stored = self.book.records(name, shard)
        for record in stored.value.records() if stored else ():
            if record.energy_site_id == site:
                return record.stage
        plan = self.book.plan(name, shard)
        entry = plan.sites(renewed=dispatch.plan.renewed).get(site) if plan else None
        if entry is None:
            return None
        return Stage.BENCH if entry[1] is Wanted.BENCH else Stage.PLANNED

    def trail(self, name: str) -> list[Row]:
        """The audit trail in the order of time. Raises NotFound."""
        self.dispatch(name)
        return self.audit.rows(name)

    def _read(self, dispatch: Dispatch) -> tuple[list[SiteRecord], Settlement]:
        shards = self.book.all_records(dispatch.signal.id, dispatch.shards)
        records = [
            record for shard in shards.values() for record in shard.records() if record.stage is not Stage.BENCH
        ]
        records.sort(key=lambda one: one.energy_site_id)
        by_interval: list[float] = []
        for shard in shards.values():
            by_interval.extend([0.0] * (len(shard.wh_by_interval) - len(by_interval)))
            for index, wh in enumerate(shard.wh_by_interval):
                by_interval[index] += wh
        start, end = dispatch.signal.start, min(dispatch.signal.ends_at, self.clock.now())
        if dispatch.stop is not None:
            end = min(end, dispatch.stop.at)
        return records, settle(records, by_interval, start, max(start, end), dispatch.course)

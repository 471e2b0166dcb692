"""A shard's document in the hands of the worker that holds the shard: read once, written over, audited."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.energy.dispatch.audit import Audit, Row
from shared.energy.dispatch.book import Book
from shared.energy.dispatch.records import ShardRecords, SiteRecord, counts_of, pack, pack_rows
from shared.platform.errors import AlreadyExists, VersionChanged, WorkBusy


class ShardFile:
    """Loads and saves the records of one shard of one dispatch. Raises WorkBusy where another worker took over."""

    def __init__(self, book: Book, audit: Audit, dispatch: str, shard: str, *, fence: int) -> None:
        self._book, self._audit, self._fence = book, audit, fence
        self._dispatch, self._shard = dispatch, shard
        self._stored = book.records(dispatch, shard)
        value = self._stored.value if self._stored else None
        self.plan = (value.modification, value.renewed) if value else (-1, False)
        self.by_interval: list[float] = list(value.wh_by_interval) if value else []
        self._filed = value.filed if value else 0
        if value is not None and value.trail:
            # Whoever wrote these rows died before filing them.
            self._filed = audit.file(dispatch, shard, value.filed, value.rows())

    def records(self) -> list[SiteRecord]:
        """The records as they were read."""
        return self._stored.value.records() if self._stored else []

    def save(self, records: Iterable[SiteRecord], trail: list[Row], now: datetime) -> None:
        """Write the records with the audit rows of what led to them, then file the rows and forget them."""
        values = list(records)
        document = ShardRecords(
            dispatch=self._dispatch,
            shard=self._shard,
            modification=self.plan[0],
            fence=self._fence,
            packed=pack(values),
            trail=pack_rows(trail),
            filed=self._filed,
            counts=counts_of(values),
            wh_by_interval=tuple(self.by_interval),
            at=now,
            renewed=self.plan[1],
        )
        try:
            self._stored = self._book.save_records(self._stored, document)
        except (VersionChanged, AlreadyExists):
            raise WorkBusy("another worker has this shard of the dispatch") from None
        if trail:
            self._filed = self._audit.file(self._dispatch, self._shard, self._filed, trail)
            trail.clear()

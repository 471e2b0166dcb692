"""The append-only trail of a dispatch: who did what, when, at which site, and why.

Rows are stored with the change that they tell of and filed afterwards in chunks, `audit/{dispatch}.{writer}.{n}`,
each created once: filing again after a crash creates the same chunk, which is there already. So a chunk is final from
the start, and says at once until when it is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from shared.energy.dispatch.model import Retention
from shared.platform.documents import Collection
from shared.platform.errors import AlreadyExists
from shared.platform.ports import DocumentStore, Where
from shared.typed import from_msgpack

MOST_ROWS = 2_000
"""Rows of one chunk; a chunk stays far below what a document may hold."""
_AHEAD = timedelta(days=31)
"""Kept that much longer than other evidence: the first rows of an event are so much older than its end, at most."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One line of the trail. `site` is Tesla's number of the site, "" for the dispatch as a whole."""

    at: datetime
    actor: str
    what: str
    site: str = ""
    reason: str = ""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as stored."""

    dispatch: str
    at: datetime
    packed: bytes
    expires_at: datetime | None = None


class Audit:
    """Files and reads trails."""

    def __init__(self, store: DocumentStore, retention: Retention | None = None) -> None:
        self._chunks = Collection(store, "audit", Chunk)
        self._retention = retention or Retention()

    def file(self, dispatch: str, writer: str, first: int, rows: list[Row]) -> int:
        """File rows that the writer numbers from `first`; gives the number after the last. Filing again is harmless.

        Raises Unavailable.
        """
        for start in range(0, len(rows), MOST_ROWS):
            chunk = self._chunk(dispatch, rows[start : start + MOST_ROWS])
            try:
                self._chunks.create(f"{dispatch}.{writer}.{first + start}", chunk)
            except AlreadyExists:
                continue
        return first + len(rows)

    def rows(self, dispatch: str) -> list[Row]:
        """The trail in the order of time."""
        found = self._chunks.find([Where("dispatch", "==", dispatch)])
        return in_order(row for stored in found for row in from_msgpack(stored.value.packed, list[Row]))

    def _chunk(self, dispatch: str, rows: list[Row]) -> Chunk:
        until = self._retention.evidence(max(row.at for row in rows) + _AHEAD)
        return Chunk(dispatch=dispatch, at=rows[0].at, packed=msgspec.msgpack.encode(rows), expires_at=until)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows by time."""
    return sorted(rows, key=lambda row: row.at)

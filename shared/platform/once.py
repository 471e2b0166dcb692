"""Exclusion: at most one holder of a key, and at most one completion.

The one place where claims are made. It serves state consumption, idempotency keys, message claims, refresh leases,
signal de-duplication and tick guards. It is built on create-if-absent and version preconditions, never on
transactions. A holder that dies is replaced when its lease ends; its late writes are then refused by the version, and
by the fence number where it writes elsewhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, VersionChanged
from shared.platform.ports import Clock, DocumentStore, Where


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as stored. `until` ends the lease of a held one; `subject` is what erasure finds it by."""

    state: Literal["held", "free", "done"]
    fence: int
    until: datetime
    expires_at: datetime
    note: str = ""
    subject: str = ""
    result: bytes = b""


class Claim(msgspec.Struct, frozen=True):
    """The key is ours until the lease ends. `fence` grows with every holder."""

    stored: Stored[Record]

    @property
    def fence(self) -> int:
        """The holder's number; a write that carries a lower one than seen before is from a dead holder."""
        return self.stored.value.fence

    @property
    def until(self) -> datetime:
        """When the lease ends."""
        return self.stored.value.until


class Busy(msgspec.Struct, frozen=True):
    """Somebody else holds the key until then. `note` is what the holder left."""

    until: datetime
    note: str


class Done(msgspec.Struct, frozen=True):
    """The key was completed earlier, with this result."""

    result: bytes
    note: str


class Once:
    """Claims over one collection. `keep_s` is how long a record outlives its last change."""

    def __init__(
        self, store: DocumentStore, clock: Clock, *, collection: str = "claims", keep_s: int = 7 * 86_400
    ) -> None:
        self._records = Collection(store, collection, Record)
        self._clock, self._keep = clock, timedelta(seconds=keep_s)

    def claim(self, key: str, *, lease_s: float, note: str = "", subject: str = "") -> Claim | Busy | Done:
        """Take the key, or say who has it. A completed key stays done until its record expires."""
        now = self._clock.now()
        fresh = Record(
            state="held",
            fence=1,
            until=now + timedelta(seconds=lease_s),
            expires_at=now + self._keep,
            note=note,
            subject=subject,
        )
        stored = self._records.get(key)
        if stored is None:
            try:
                return Claim(self._records.create(key, fresh))
            except AlreadyExists:
                # Somebody was quicker by a moment. What it wrote is not read again: it is busy either way.
                return Busy(fresh.until, note)
        old = stored.value
        if old.expires_at > now and old.state == "done":
            return Done(old.result, old.note)
        if old.state == "held" and old.until > now:
            return Busy(old.until, old.note)
        # The fence goes on from the old one, also after a release: a late holder must never look like the newest.
        return self._take_over(stored, msgspec.structs.replace(fresh, fence=old.fence + 1))

    def _take_over(self, stored: Stored[Record], record: Record) -> Claim | Busy:
        try:
            return Claim(self._records.replace(stored, record))
        except VersionChanged:
            return Busy(record.until, record.note)

    def complete(self, claim: Claim, result: bytes = b"", *, subject: str | None = None) -> None:
        """Mark the key done for good, with a subject that may be known only now.

        Raises VersionChanged when the lease ended and another took over.
        """
        self._settle(claim, state="done", result=result, subject=subject)

    def release(self, claim: Claim) -> None:
        """Give the key back for the next holder; a lost lease is no error."""
        try:
            self._settle(claim, state="free")
        except VersionChanged:
            return

    def forget(self, subject: str) -> None:
        """Delete every record of a subject."""
        for stored in list(self._records.find([Where("subject", "==", subject)])):
            self._records.delete(stored.key)

    def _settle(
        self, claim: Claim, *, state: Literal["free", "done"], result: bytes = b"", subject: str | None = None
    ) -> None:
        held = claim.stored.value
        record = msgspec.structs.replace(
            held,
            state=state,
            result=result,
            subject=held.subject if subject is None else subject,
            expires_at=self._clock.now() + self._keep,
        )
        self._records.replace(claim.stored, record)

"""The record of one site in one dispatch, and the document that holds a shard's records: `dispatch_shards/{id}.{n}`.

Records pack as arrays into one compressed bytes field; several hundred of them are one document. A shard's document
is written by the one worker that holds the shard, each time over the version that it read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.energy.dispatch.audit import Row
from shared.energy.dispatch.model import Counts
from shared.energy.model import Fact
from shared.energy.reasons import Reason
from shared.tesla.catalogue.energy import EnergyAction
from shared.typed import from_msgpack


class Stage(StrEnum):
    """How far a site is."""

    BENCH = "bench"
    """Held in reserve, nothing was done to it."""
    PLANNED = "planned"
    COMMANDING = "commanding"
    ACTIVE = "active"
    """The site has what we set, by reading."""
    RESTORING = "restoring"
    DONE = "done"


class Wanted(StrEnum):
    """What the plan wants of a site now."""

    BENCH = "bench"
    RUN = "run"
    RELEASE = "release"


class Outcome(StrEnum):
    """How commanding ended."""

    NONE = ""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The event ended before a reading could tell."""


class Restoration(StrEnum):
    """How restoring ended."""

    NONE = ""
    NOTHING_CHANGED = "nothing_changed"
    RESTORED = "restored"
    LEFT_TO_OWNER = "left_to_owner"
    """Somebody changed a setting meanwhile: it stays as it is."""
    NOT_RESTORED = "not_restored"
    """Tesla refused for as long as we tried."""


class TouchState(StrEnum):
    """What became of one setting that the dispatch changes."""

    PENDING = "pending"
    """To be set. With `sent_at`: a command may be on its way; only a reading tells."""
    ACCEPTED = "accepted"
    HELD = "held"
    """Read back: the site has our value."""
    REFUSED = "refused"
    BACK = "back"
    """To be put back; with a newer `sent_at` the command for it may be on its way."""
    UNDONE = "undone"
    OWNER = "owner"


EVENT_TARIFF = "event-"
"""What the keys of tariffs that events set begin with."""


def is_event_tariff(key: str) -> bool:
    """Whether the tariff with this key was set by an event, and is no site's own."""
    return key.startswith(EVENT_TARIFF)


class Touch(msgspec.Struct, frozen=True, array_like=True):
    """One setting: the site's own value, ours, and how far that is. Tariffs stand here as their keys."""

    action: EnergyAction
    prior: str
    ours: str
    state: TouchState = TouchState.PENDING
    sent_at: datetime | None = None
    attempts: int = 0

    def has_ours(self, present: str) -> bool:
        """Whether that value is the one that we set. Tesla may write a tariff anew: any event's is ours."""
        return present == self.ours or (is_event_tariff(present) and is_event_tariff(self.ours))

    @property
    def settled(self) -> bool:
        """Whether nothing of ours is left at the site."""
        return self.state in {TouchState.REFUSED, TouchState.UNDONE, TouchState.OWNER}


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The site's settings as read from ``site_info``: before the first command, and at every later look.

    `tariff`: the key of the content, "" without one. Empty texts: Tesla did not say.
    """

    at: datetime
    mode: str = ""
    backup_reserve_percent: float | None = None
    export_rule: str = ""
    tariff: str = ""
    non_export: bool = False
    time_zone: str = ""

    def value(self, action: EnergyAction) -> str:
        """The present value of a setting that dispatches change."""
        values = {
            EnergyAction.OPERATION: self.mode,
            EnergyAction.GRID_IMPORT_EXPORT: self.export_rule,
            EnergyAction.TARIFF: self.tariff,
        }
        return values[action]

    def tells(self, touches: Iterable[Touch]) -> bool:
        """Whether it says what these settings are. All of them had a value when they were first looked at."""
        return all(self.value(touch.action) for touch in touches)


class Meter(msgspec.Struct, frozen=True, array_like=True):
    """What the site delivered so far: Wh by integral of its power, and its energy at both ends (None: not told).

    `estimated_wh` of it lies at the edges, outside two readings: before the first, and after the last one. `fell_wh`:
    by how much its energy fell in an earlier call (None: not known).
    """

    at: datetime | None = None
    power_w: float | None = None
    delivered_wh: float = 0.0
    covered_s: float = 0.0
    energy_start_wh: float | None = None
    energy_end_wh: float | None = None
    estimated_wh: float = 0.0
    fell_wh: float | None = 0.0


class StageTimes(msgspec.Struct, frozen=True, array_like=True):
    """When the site passed its stages."""

    commanded_at: datetime | None = None
    accepted_at: datetime | None = None
    confirmed_at: datetime | None = None
    delivering_at: datetime | None = None
    restoring_at: datetime | None = None
    restored_at: datetime | None = None

    @property
    def let_go_at(self) -> datetime | None:
        """When the site's event ended; where nothing had to be put back, that was all."""
        return self.restoring_at or self.restored_at


class Call(msgspec.Struct, frozen=True, array_like=True):
    """An earlier call of a site in the same event, as it ended: confirmed, let go and left as the site was found."""

    expected_w: float
    times: StageTimes
    touches: tuple[Touch, ...]
    restoration: Restoration


class SiteRecord(msgspec.Struct, frozen=True, array_like=True):
    """One site in one dispatch. Its three facts are kept as they stood when it was committed.

    `expected_w`: what it was committed with. `waits_for`: the dispatch that has to let the site go first.
    `not_before`: nothing is sent to the site before. `seen`: a reading since the last write tells what holds; a
    stored record never says so. `failures`: tries in a row without success. `calls`: requests sent for it.
    `ending`: another tick takes it down to its reserve. `trouble`: what went wrong last and is being tried again.
    `before`: its first call, if this is the second. `again_w`: what it would give if it were called again; 0: it may
    not be. `mode_found`: the mode that somebody set meanwhile where the event did not touch it. `lasts_h`: for how
    many hours it could give `expected_w`, while it waits on the bench.
    """

    energy_site_id: str
    account: str
    region: str
    authorised: Fact
    programme: Fact
    utility: Fact
    expected_w: float
    stage: Stage = Stage.PLANNED
    wanted: Wanted = Wanted.RUN
    outcome: Outcome = Outcome.NONE
    restoration: Restoration = Restoration.NONE
    reason: str = ""
    snapshot: Snapshot | None = None
    touches: tuple[Touch, ...] = ()
    times: StageTimes = StageTimes()
    meter: Meter = Meter()
    waits_for: str = ""
    not_before: datetime | None = None
    seen: bool = False
    failures: int = 0
    calls: int = 0
    owner_changed: bool = False
    ending: bool = False
    trouble: str = ""
    before: Call | None = None
    again_w: float = 0.0
    mode_found: str = ""
    lasts_h: float = 0.0

    @property
    def taken_by_others(self) -> bool:
        """Whether it was let go because another operator uses the battery: what they set is never fought over."""
        return self.reason == Reason.OTHER_OPERATOR

    @property
    def took_part(self) -> bool:
        """Whether the event reached the site: its settings were read, whatever came of it."""
        return self.snapshot is not None


class ShardRecords(msgspec.Struct, frozen=True, kw_only=True):
    """A shard's document. `packed`: its records; `trail`: audit rows written with them and not yet filed.

    `filed`: audit rows filed so far. `renewed`: the plan that they follow was made anew. `wh_by_interval`: Wh
    delivered by 5-minute interval from the event's start.
    """

    dispatch: str
    shard: str
    modification: int
    fence: int
    packed: bytes
    trail: bytes = b""
    filed: int = 0
    counts: Counts = Counts()
    wh_by_interval: tuple[float, ...] = ()
    at: datetime | None = None
    renewed: bool = False

    def records(self) -> list[SiteRecord]:
        """Its records."""
        return from_msgpack(zlib.decompress(self.packed), list[SiteRecord])

    def rows(self) -> list[Row]:
        """Its audit rows that are not filed yet."""
        return from_msgpack(zlib.decompress(self.trail), list[Row]) if self.trail else []


def pack(records: list[SiteRecord]) -> bytes:
    """The records for storing. What a reading said before a crash is not known after it: `seen` is dropped."""
    return _small(msgspec.msgpack.encode([msgspec.structs.replace(record, seen=False) for record in records]))


def pack_rows(rows: list[Row]) -> bytes:
    """Audit rows for storing with the records."""
    return _small(msgspec.msgpack.encode(rows)) if rows else b""


def _small(packed: bytes) -> bytes:
    """Compressed: a full shard in trouble would come close to what a document may hold, and be stuck there."""
    return zlib.compress(packed, 1)


def counts_of(records: list[SiteRecord]) -> Counts:
    """The records by how far they are."""
    ran = [record for record in records if record.stage is not Stage.BENCH]
    restorations = [record.restoration for record in ran]
    outcomes = [Outcome.CONFIRMED if record.before else record.outcome for record in ran]
    times = [record.before.times if record.before else record.times for record in ran]
    return Counts(
        committed=sum(record.wanted is Wanted.RUN for record in ran),
        accepted=sum(one.accepted_at is not None for one in times),
        confirmed=outcomes.count(Outcome.CONFIRMED),
        delivering=sum(one.delivering_at is not None for one in times),
        refused=outcomes.count(Outcome.REFUSED),
        unknown=outcomes.count(Outcome.UNKNOWN),
        to_restore=sum(record.stage is Stage.RESTORING for record in ran),
        restored=restorations.count(Restoration.RESTORED),
        left_to_owner=restorations.count(Restoration.LEFT_TO_OWNER),
        not_restored=restorations.count(Restoration.NOT_RESTORED),
        unfinished=sum(record.stage is not Stage.DONE for record in ran),
    )

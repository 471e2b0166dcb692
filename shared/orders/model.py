"""What is stored of an order and of each of its vehicles.

An order: created -> connected -> running -> completed | failed | cancelled; erased from any of these.
A vehicle: queued -> fetching <-> waiting -> building -> ready | failed | cancelled.
A rebuild does not leave `ready`: the report that is there stays good until the new one is in its place.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from shared.reports.snapshot import ModuleStatus

OrderStatus = Literal["created", "connected", "running", "completed", "failed", "cancelled", "erased"]
VehicleStatus = Literal["queued", "fetching", "waiting", "building", "ready", "failed", "cancelled"]
FINAL: frozenset[str] = frozenset(("ready", "failed", "cancelled"))


class ModuleNote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a module stands. `attempts` counts tries that Tesla failed; `status` None: not final yet.

    `not_before`: an earlier try is known to be refused, or was meant to be spaced out; it is kept whatever brings the
    worker here before it (another module's pause, a message delivered twice).
    """

    module: str
    status: ModuleStatus | None = None
    reason: str | None = None
    detail: str | None = None
    calls: int = 0
    price_usd: float = 0.0
    attempts: int = 0
    not_before: datetime | None = None


class ListedVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle of the account, as the owner chooses from. Sealed where it is stored: it names the VIN."""

    vehicle_id: str
    vin: str
    display_name: str = ""
    state: str = ""
    access_type: str = ""
    in_service: bool = False


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order. `listed` is the sealed list of the account's vehicles; `notes` the account-level modules.

    `location`: its owner asked for the vehicles' place. `region` is the account's, as far as it is known.
    """

    package: str
    created_at: datetime
    expires_at: datetime
    status: OrderStatus = "created"
    wake: bool = False
    history_from: datetime | None = None
    history_to: datetime | None = None
    account: str = ""
    region: str = ""
    location: bool = False
    listed: bytes = b""
    selected: tuple[str, ...] = ()
    deadline: datetime | None = None
    notes: tuple[ModuleNote, ...] = ()
    tesla_calls: int = 0
    tesla_price_usd: float = 0.0
    ended_at: datetime | None = None

    def note(self, module: str) -> ModuleNote:
        """How the account-level module stands."""
        return next((note for note in self.notes if note.module == module), ModuleNote(module=module))


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A finished PDF. `built_at` is when it was stored."""

    sha256: str
    size_bytes: int
    built_at: datetime | None = None


class ArchiveFile(msgspec.Struct, frozen=True, kw_only=True):
    """The ZIP of a vehicle's invoices. `packed` is the digest of the list that it was made from."""

    sha256: str
    size_bytes: int
    packed: str


class OrderVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle of an order. `identity` is its sealed ListedVehicle.

    `rebuilding`: the owner asked for the report anew and it is not done yet. `coming` is the new PDF from before it
    is stored until it is noted as `report`, so that whatever bytes can be downloaded are known at every moment.
    `replaced` are the PDFs that were there earlier, each bytes once: it grows with the renderer's versions only.
    """

    order: str
    vehicle_id: str
    identity: bytes
    expires_at: datetime
    status: VehicleStatus = "queued"
    reason: str | None = None
    notes: tuple[ModuleNote, ...] = ()
    waiting_since: datetime | None = None
    next_attempt_at: datetime | None = None
    woken: bool = False
    build_now: bool = False
    report: ReportFile | None = None
    rebuilding: bool = False
    rebuilds: int = 0
    coming: ReportFile | None = None
    replaced: tuple[ReportFile, ...] = ()
    archive: ArchiveFile | None = None
    invoices_ok: int = 0
    invoices_failed: int = 0

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINAL

    def note(self, module: str) -> ModuleNote:
        """How the module stands."""
        return next((note for note in self.notes if note.module == module), ModuleNote(module=module))


class OrderMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The message of `fetch-order`: bring this order forward. `purge`: it was to be erased; see to the rest of it.
    `expire`: its retention is over; erase it.
    """

    order: str
    purge: bool = False
    expire: bool = False


class VehicleMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The message of `fetch-vehicle` and `build-report`: bring this vehicle of the order forward."""

    order: str
    vehicle_id: str


def with_note(notes: tuple[ModuleNote, ...], note: ModuleNote) -> tuple[ModuleNote, ...]:
    """The notes with one replaced or added."""
    return (*(item for item in notes if item.module != note.module), note)

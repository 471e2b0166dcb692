"""Building a report anew from its stored snapshot, without asking Tesla for anything.

The vehicle stays `ready` meanwhile and its PDF stays good, so nothing that waits for ends can be confused: a rebuild
is a flag, set with a due item and cleared last. The new PDF is announced in the vehicle before it replaces the old
one and noted after, so that whichever of the two lies in the store, its bytes are known to be ours. A run that dies
anywhere is repeated: the same snapshot gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from shared import log
from shared.orders import names
from shared.orders.archive import InvoiceArchive
from shared.orders.desk import Desk
from shared.orders.model import OrderVehicle, ReportFile
from shared.platform.errors import AlreadyExists, NotFound, VersionChanged, WorkBusy
from shared.reports.snapshot import Snapshot

FAILED = "rebuild_failed"
"""The reason that a ready vehicle shows when its report could not be built anew; the earlier one is still there."""


class Rebuilding:
    """Rebuilds reports. `render` makes a PDF of a snapshot."""

    def __init__(self, desk: Desk, render: Callable[[Snapshot], bytes]) -> None:
        self._desk, self._render, self._archive = desk, render, InvoiceArchive(desk)

    def wanted(self, order_id: str, vehicle_id: str) -> bool:
        """Whether the owner of an order that still exists waits for a rebuild."""
        vehicle = self._desk.book.find_vehicle(order_id, vehicle_id)
        if vehicle is None or not vehicle.rebuilding:
            return False
        self._desk.book.get(order_id)
        return True

    def run(self, order_id: str, vehicle_id: str) -> None:
        """Rebuild. Raises WorkBusy, OrderGone, Unavailable; NotFound without a snapshot."""
        with self._desk.book.work(f"build.{order_id}.{vehicle_id}", order_id):
            snapshot = Snapshot.decode(self._desk.blobs.get(names.snapshot(order_id, vehicle_id)))
            self._archive.ensure(order_id, vehicle_id, snapshot.invoices)
            self._replace(order_id, vehicle_id, self._render(snapshot))
            self._desk.finishing.rewrite(order_id)
            self._desk.book.note_files(order_id, vehicle_id, _done)
        log.info("report rebuilt")

    def give_up(self, order_id: str, vehicle_id: str) -> None:
        """End a rebuild that fails every time, with the PDF that lies in the store. Raises OrderGone, WorkBusy."""
        coming = self._desk.book.vehicle(order_id, vehicle_id).coming
        if coming is not None and coming.sha256 == self._stored(names.report(order_id, vehicle_id)):
            self._desk.book.note_files(order_id, vehicle_id, lambda value: _placed(value, coming))
            self._desk.finishing.rewrite(order_id)
        self._desk.book.note_files(order_id, vehicle_id, _failed)

    def _replace(self, order_id: str, vehicle_id: str, pdf: bytes) -> None:
        """Put the PDF in the old one's place, unless it is the same."""
        name = names.report(order_id, vehicle_id)
        there, sha256 = self._desk.blobs.stat(name), hashlib.sha256(pdf).hexdigest()
        file = ReportFile(sha256=sha256, size_bytes=len(pdf), built_at=self._desk.clock.now())
        vehicle = self._desk.book.note_files(order_id, vehicle_id, lambda value: _announced(value, file))
        if there is None or self._stored(name) != sha256:
            generation = there.generation if there else 0
            try:
                self._desk.blobs.put(name, pdf, content_type="application/pdf", if_generation=generation)
            except (AlreadyExists, VersionChanged):
                raise WorkBusy("another worker has replaced the report") from None
        placed = vehicle.coming or file
        self._desk.book.note_files(order_id, vehicle_id, lambda value: _placed(value, placed))

    def _stored(self, name: str) -> str:
        """The digest of the stored PDF, empty where there is none."""
        try:
            return hashlib.sha256(self._desk.blobs.get(name)).hexdigest()
        except NotFound:
            return ""


def _announced(vehicle: OrderVehicle, file: ReportFile) -> OrderVehicle:
    """What is about to be stored. One announced before may be in the store, where a worker died: it stays known."""
    present = vehicle.report
    if present is not None and present.sha256 == file.sha256:
        file = present
    if vehicle.coming is not None and vehicle.coming.sha256 == file.sha256:
        return vehicle
    return msgspec.structs.replace(vehicle, coming=file, replaced=_without(file, vehicle.replaced, vehicle.coming))


def _placed(vehicle: OrderVehicle, file: ReportFile) -> OrderVehicle:
    replaced = _without(file, vehicle.replaced, vehicle.report)
    return msgspec.structs.replace(vehicle, report=file, coming=None, replaced=replaced)


def _without(
    present: ReportFile, replaced: tuple[ReportFile, ...], former: ReportFile | None
) -> tuple[ReportFile, ...]:
    """Every PDF that was there before `present`, each once, the last one first."""
    files = {file.sha256: file for file in ((former,) if former else ()) + replaced}
    files.pop(present.sha256, None)
    return tuple(files.values())


def _failed(vehicle: OrderVehicle) -> OrderVehicle:
    return msgspec.structs.replace(vehicle, rebuilding=False, coming=None, reason=FAILED)


def _done(vehicle: OrderVehicle) -> OrderVehicle:
    return msgspec.structs.replace(vehicle, rebuilding=False, rebuilds=vehicle.rebuilds + 1, reason=None)

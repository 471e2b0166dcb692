"""The worker of `build-report`: one PDF from one snapshot, and the end of the vehicle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from shared import log
from shared.orders import names
from shared.orders.archive import InvoiceArchive
from shared.orders.book import OrderGone
from shared.orders.desk import Desk
from shared.orders.model import OrderVehicle, ReportFile, VehicleMessage
from shared.orders.rebuilding import Rebuilding
from shared.platform.delivery import TOO_OLD
from shared.platform.errors import AlreadyExists, NotFound
from shared.reports.snapshot import Snapshot


class ReportWorker:
    """Builds reports. `render` makes a PDF of a snapshot."""

    def __init__(self, desk: Desk, render: Callable[[Snapshot], bytes]) -> None:
        self._desk, self._render = desk, render
        self._archive, self._rebuilding = InvoiceArchive(desk), Rebuilding(desk, render)

    def run(self, message: VehicleMessage) -> None:
        """Build the report if it is not there, and end the vehicle; or build it anew if its owner asked for that.

        Raises WorkBusy, Unavailable.
        """
        order_id, vehicle_id = message.order, message.vehicle_id
        try:
            if self._rebuilding.wanted(order_id, vehicle_id):  # whatever the order's age
                self._rebuilding.run(order_id, vehicle_id)
                self._rebuilt(order_id, vehicle_id)
                return
        except OrderGone:
            log.info("order gone")
        self._finish(message)

    def _rebuilt(self, order_id: str, vehicle_id: str) -> None:
        self._desk.schedule.build_done(order_id, vehicle_id)
        if self._rebuilding.wanted(order_id, vehicle_id):  # once more, asked for before the line above
            self._desk.schedule.expect_build(order_id, vehicle_id)

    def _finish(self, message: VehicleMessage) -> None:
        order_id, vehicle_id = message.order, message.vehicle_id
        order = self._desk.book.peek(order_id)
        if self._desk.overdue(order):
            self.expired(message, "deadline")
            return
        try:
            if order is not None and order.status == "cancelled":
                self._desk.finishing.cancel(order_id)
            elif not self._desk.book.vehicle(order_id, vehicle_id).final:
                with self._desk.book.work(f"build.{order_id}.{vehicle_id}", order_id):
                    self._build(order_id, vehicle_id)
            self._desk.finishing.finish(order_id)
        except OrderGone:
            self._desk.erasure.purge(order_id)
        self._desk.schedule.build_done(order_id, vehicle_id)

    def expired(self, message: VehicleMessage, reason: str) -> None:
        """The message is not executed: one that failed for good ends the vehicle, one that came too late does not,
        because the due list sends a fresh one.
        """
        log.warning("message given up", reason=reason)
        if reason == TOO_OLD:
            return
        try:
            if self._rebuilding.wanted(message.order, message.vehicle_id):
                self._rebuilding.give_up(message.order, message.vehicle_id)
        except OrderGone:
            log.info("order gone")
        self._desk.finishing.fail_vehicle(message.order, message.vehicle_id, reason)

    def _build(self, order_id: str, vehicle_id: str) -> None:
        name = names.report(order_id, vehicle_id)
        snapshot = Snapshot.decode(self._desk.blobs.get(names.snapshot(order_id, vehicle_id)))
        try:
            pdf = self._desk.blobs.get(name)
        except NotFound:
            pdf = self._made(name, snapshot)
        self._archive.ensure(order_id, vehicle_id, snapshot.invoices)
        info = self._desk.blobs.stat(name)
        built_at = info.updated if info else self._desk.clock.now()
        report = ReportFile(sha256=hashlib.sha256(pdf).hexdigest(), size_bytes=len(pdf), built_at=built_at)

        def change(vehicle: OrderVehicle) -> OrderVehicle:
            return msgspec.structs.replace(vehicle, status="ready", reason=None, report=report)

        self._desk.book.change_vehicle(order_id, vehicle_id, change)
        log.info("report ready", size_bytes=report.size_bytes)

    def _made(self, name: str, snapshot: Snapshot) -> bytes:
        """A new report, or the one that another worker stored first."""
        pdf = self._render(snapshot)
        try:
            self._desk.blobs.put(name, pdf, content_type="application/pdf", if_generation=0)
        except AlreadyExists:
            return self._desk.blobs.get(name)  # size and hash are told of what is stored, not of what was made
        return pdf

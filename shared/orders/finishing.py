"""The end of vehicles and orders: failures recorded, the manifest written, the world told.

Whoever brings the last vehicle to its end completes the order; exactly one does.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec

from shared import log
from shared.orders import names
from shared.orders.book import OrderBook, OrderGone
from shared.orders.model import ModuleNote, Order, OrderVehicle
from shared.orders.schedule import ORDER_EVENTS, Schedule
from shared.platform.ports import BlobInfo, BlobStore, Clock, Event, EventBus

_READERS = 8


class ManifestObject(msgspec.Struct, frozen=True, kw_only=True):
    """One stored object of an order. `source` says what made it."""

    name: str
    size: int
    sha256: str
    content_type: str
    source: str
    created_at: datetime


class TeslaCost(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that Tesla answered and their price."""

    calls: int
    price_usd: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`manifest.json`: what an order left, once it has ended."""

    order_id: str
    package: str
    status: str
    ended_at: datetime
    tesla: TeslaCost
    objects: list[ManifestObject]


class Finishing:
    """Ends vehicles and orders."""

    def __init__(self, book: OrderBook, blobs: BlobStore, schedule: Schedule, bus: EventBus, clock: Clock) -> None:
        self._book, self._blobs, self._schedule, self._bus, self._clock = book, blobs, schedule, bus, clock

    def fail(self, order_id: str, reason: str) -> None:
        """End a running order: every vehicle without an end fails for this reason."""
        try:
            order = self._book.get(order_id)
            for vehicle_id in order.selected:
                self._book.begin_vehicle(order_id, order, vehicle_id)
                self.fail_vehicle(order_id, vehicle_id, reason)
        except OrderGone:
            log.info("order gone")
        self._schedule.order_done(order_id)

    def fail_vehicle(self, order_id: str, vehicle_id: str, reason: str) -> None:
        """End a vehicle without a report; a vehicle that has ended stays as it is, one that is gone is no error."""
        try:
            self._stop(order_id, vehicle_id, "failed", reason)
        except OrderGone:
            log.info("order gone")
        # The due items go last: whoever dies before is followed up, and the order gets its end.
        self.finish(order_id)
        self._schedule.fetch_done(order_id, vehicle_id)
        self._schedule.build_done(order_id, vehicle_id)

    def cancel(self, order_id: str) -> None:
        """End what has not ended of a cancelled order, and what has not begun; finished reports stay.

        Raises WorkBusy while another worker finishes the order; the due items then remain.
        """
        order = self._book.get(order_id)
        for vehicle_id in order.selected:
            self._book.begin_vehicle(order_id, order, vehicle_id)
            self._stop(order_id, vehicle_id, "cancelled", "cancelled")
        self.finish(order_id)
        self._schedule.forget(order_id)

    def finish(self, order_id: str) -> None:
        """Complete the order if all its vehicles have ended. Raises WorkBusy while another worker does."""
        try:
            order = self._book.get(order_id)
            vehicles = self._vehicles(order_id, order)
            if order.ended_at is None and all(vehicle is not None and vehicle.final for vehicle in vehicles):
                with self._book.work(f"finish.{order_id}", order_id):
                    self._end(order_id, self._book.get(order_id), [v for v in vehicles if v is not None])
        except OrderGone:
            log.info("order gone")

    def _stop(self, order_id: str, vehicle_id: str, status: str, reason: str) -> None:
        def change(vehicle: OrderVehicle) -> OrderVehicle:
            return msgspec.structs.replace(vehicle, status=status, reason=reason, next_attempt_at=None)

        self._book.change_vehicle(order_id, vehicle_id, change)

    def _vehicles(self, order_id: str, order: Order) -> list[OrderVehicle | None]:
        begun = self._book.vehicles(order_id)
        return [begun.get(vehicle_id) for vehicle_id in order.selected]

    def _end(self, order_id: str, order: Order, vehicles: list[OrderVehicle]) -> None:
        """Manifest, then the event, then the status: a crash in between repeats the event at most."""
        if order.ended_at is not None:
            return
        ready = any(vehicle.status == "ready" for vehicle in vehicles)
        status = order.status if order.status != "running" else "completed" if ready else "failed"
        now = self._clock.now()
        manifest = Manifest(
            order_id=order_id,
            package=order.package,
            status=status,
            ended_at=now,
            tesla=cost_of(order, vehicles),
            objects=self._objects(order_id),
        )
        # Over whatever is there: a run that died here left one, and this one is as true.
        self._blobs.put(names.manifest(order_id), msgspec.json.encode(manifest), content_type="application/json")
        event = {"type": f"order.{status}", "order": order_id}
        self._bus.publish(Event(ORDER_EVENTS, msgspec.json.encode(event), event))

        def change(value: Order) -> Order:
            return msgspec.structs.replace(value, status=status, ended_at=now)

        self._book.change(order_id, change)
        log.info("order ended", status=status)

    def _objects(self, order_id: str) -> list[ManifestObject]:
        infos = [info for info in self._blobs.list(names.folder(order_id)) if info.name != names.manifest(order_id)]
        # Side by side: an order may have thousands of invoices, and one after the other they outlast the function.
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(self._object, [info for info in infos if "/raw/" not in info.name]))

    def _object(self, info: BlobInfo) -> ManifestObject:
        return ManifestObject(
            name=info.name,
            size=info.size,
            sha256=hashlib.sha256(self._blobs.get(info.name)).hexdigest(),
            content_type=info.content_type,
            source=_source(info.name),
            created_at=info.updated,
        )


def cost_of(order: Order, vehicles: list[OrderVehicle]) -> TeslaCost:
    """What the order cost at Tesla so far."""
    notes: list[ModuleNote] = [*order.notes, *(note for vehicle in vehicles for note in vehicle.notes)]
    calls = order.tesla_calls + sum(note.calls for note in notes)
    return TeslaCost(calls=calls, price_usd=round(order.tesla_price_usd + sum(n.price_usd for n in notes), 6))


def _source(name: str) -> str:
    leaf = name.rsplit("/", 1)[-1]
    if "/account/" in name:
        return "tesla: charging_history"
    if "/invoices/" in name:
        return "tesla: charging_invoice"
    return {"snapshot.json": "fetch_vehicle", "report.pdf": "build_report"}.get(leaf, "orders")

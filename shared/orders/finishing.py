"""The end of vehicles and orders: failures recorded, the manifest written, the world told.

Whoever brings the last vehicle to its end completes the order; exactly one does.
"""

from __future__ import annotations

import msgspec

from shared import log
from shared.orders.book import OrderBook, OrderGone
from shared.orders.manifests import write_manifest
from shared.orders.model import Order, OrderVehicle
from shared.orders.schedule import ORDER_EVENTS, Schedule
from shared.platform.ports import BlobStore, Clock, Event, EventBus


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

    def rewrite(self, order_id: str) -> None:
        """Write the manifest anew because an object was made anew; nothing for an order that has not ended.

        Raises OrderGone, and WorkBusy while another worker writes it: what that one has read may be older.
        """
        with self._book.work(f"finish.{order_id}", order_id):
            order, now = self._book.get(order_id), self._clock.now()
            if order.ended_at is not None:
                vehicles = [vehicle for vehicle in self._vehicles(order_id, order) if vehicle is not None]
                write_manifest(self._blobs, order_id, order, vehicles, written_at=now)

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
        # Over whatever is there: a run that died here left one, and this one is as true.
        ended = msgspec.structs.replace(order, status=status, ended_at=now)
        write_manifest(self._blobs, order_id, ended, vehicles, written_at=now)
        event = {"type": f"order.{status}", "order": order_id}
        self._bus.publish(Event(ORDER_EVENTS, msgspec.json.encode(event), event))

        def change(value: Order) -> Order:
            return msgspec.structs.replace(value, status=status, ended_at=now)

        self._book.change(order_id, change)
        log.info("order ended", status=status)

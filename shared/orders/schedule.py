"""The work of orders as due items: which message brings what forward, under which key."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.orders.model import OrderMessage, VehicleMessage
from shared.platform.due import DueList
from shared.platform.ports import Event

FETCH_ORDER, FETCH_VEHICLE, BUILD_REPORT, ORDER_EVENTS = (
    "fetch-order",
    "fetch-vehicle",
    "build-report",
    "order-events",
)


class Schedule:
    """Plans, sends and completes the steps of orders on the due list."""

    def __init__(self, due: DueList) -> None:
        self._due = due

    def plan_order(self, order_id: str, at: datetime) -> None:
        """Bring the order forward at that time."""
        self._due.plan(f"order.{order_id}", at, _order_event(order_id), subject=order_id)

    def expect_order(self, order_id: str) -> None:
        """Bring the order forward soon, whatever becomes of the change that is about to be made."""
        self._due.expect(f"order.{order_id}", _order_event(order_id), subject=order_id)

    def send_order(self, order_id: str) -> None:
        """Bring the order forward now."""
        self._due.send(f"order.{order_id}", _order_event(order_id), subject=order_id)

    def order_done(self, order_id: str) -> None:
        """The account-level work is complete."""
        self._due.done(f"order.{order_id}")

    def plan_purge(self, order_id: str, at: datetime) -> None:
        """Purge the erased order at that time.

        The item has no subject, so that nothing but `purge_done` takes it away: a worker that completes the order's
        work, or a cancel that forgets it, may run at the same moment.
        """
        self._due.plan(f"purge.{order_id}", at, _order_event(order_id, purge=True))

    def purge_done(self, order_id: str) -> None:
        """Nothing is left to purge."""
        self._due.done(f"purge.{order_id}")

    def plan_expiry(self, order_id: str, at: datetime) -> None:
        """Erase the order at that time. Like the purge it has no subject: cancelling an order does not keep it."""
        self._due.plan(f"expire.{order_id}", at, _order_event(order_id, expire=True))

    def expiry_done(self, order_id: str) -> None:
        """The order is erased."""
        self._due.done(f"expire.{order_id}")

    def plan_fetch(self, order_id: str, vehicle_id: str, at: datetime) -> None:
        """Fetch the vehicle at that time."""
        event = _vehicle_event(FETCH_VEHICLE, order_id, vehicle_id)
        self._due.plan(f"fetch.{order_id}.{vehicle_id}", at, event, subject=order_id)

    def send_fetch(self, order_id: str, vehicle_id: str) -> None:
        """Fetch the vehicle now."""
        event = _vehicle_event(FETCH_VEHICLE, order_id, vehicle_id)
        self._due.send(f"fetch.{order_id}.{vehicle_id}", event, subject=order_id)

    def fetch_done(self, order_id: str, vehicle_id: str) -> None:
        """The vehicle's fetch is complete."""
        self._due.done(f"fetch.{order_id}.{vehicle_id}")

    def send_build(self, order_id: str, vehicle_id: str) -> None:
        """Build the vehicle's report now."""
        event = _vehicle_event(BUILD_REPORT, order_id, vehicle_id)
        self._due.send(f"build.{order_id}.{vehicle_id}", event, subject=order_id)

    def expect_build(self, order_id: str, vehicle_id: str) -> None:
        """Build the vehicle's report soon, whatever becomes of the change that is about to be made."""
        event = _vehicle_event(BUILD_REPORT, order_id, vehicle_id)
        self._due.expect(f"build.{order_id}.{vehicle_id}", event, subject=order_id)

    def build_done(self, order_id: str, vehicle_id: str) -> None:
        """The vehicle's report is complete."""
        self._due.done(f"build.{order_id}.{vehicle_id}")

    def forget(self, order_id: str) -> None:
        """Nothing of this order is to be done any more."""
        self._due.forget(order_id)


def _order_event(order_id: str, *, purge: bool = False, expire: bool = False) -> Event:
    message = OrderMessage(order=order_id, purge=purge, expire=expire)
    return Event(FETCH_ORDER, msgspec.json.encode(message), {"order": order_id})


def _vehicle_event(topic: str, order_id: str, vehicle_id: str) -> Event:
    message = VehicleMessage(order=order_id, vehicle_id=vehicle_id)
    return Event(topic, msgspec.json.encode(message), {"order": order_id, "vehicle_id": vehicle_id})

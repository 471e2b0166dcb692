"""The order book: orders and their vehicles in the document store, identities sealed, work claimed once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec

from shared.orders.model import ListedVehicle, ModuleNote, Order, OrderVehicle
from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, NotFound, WorkBusy
from shared.platform.once import Claim, Once
from shared.platform.ports import Clock, DocumentStore, Where
from shared.platform.sealing import Sealer
from shared.typed import from_json

_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"
_ID_LENGTH = 20
_LAST_PART = 0.4


class OrderGone(NotFound):
    """The order does not exist, or was erased."""


class OrderBook:
    """Reads and changes orders. `lease_s`: how long a silent worker keeps its work."""

    def __init__(self, store: DocumentStore, sealer: Sealer, clock: Clock, *, lease_s: float) -> None:
        self._orders = Collection(store, "orders", Order)
        self._vehicles = Collection(store, "order_vehicles", OrderVehicle)
        self._once = Once(store, clock)
        self._sealer, self._lease_s = sealer, lease_s

    def create(self, order: Order) -> str:
        """Store a new order under a fresh id that cannot be guessed."""
        order_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
        self._orders.create(order_id, order)
        return order_id

    def get(self, order_id: str) -> Order:
        """The order. Raises OrderGone; an erased order is gone."""
        order = self.peek(order_id)
        if order is None or order.status == "erased":
            raise OrderGone("no such order")
        return order

    def peek(self, order_id: str) -> Order | None:
        """The order even if only its tombstone is left."""
        stored = self._orders.get(order_id)
        return stored.value if stored else None

    def change(self, order_id: str, change: Callable[[Order], Order]) -> Order:
        """Change the order; an erased one never changes again. Raises OrderGone."""

        def guarded(order: Order) -> Order:
            if order.status == "erased":
                raise OrderGone("the order was erased")
            return change(order)

        try:
            return self._orders.update(order_id, guarded).value
        except OrderGone:
            raise
        except NotFound:
            raise OrderGone("no such order") from None

    def of_account(self, account: str) -> Iterator[Stored[Order]]:
        """The orders that an account is connected to."""
        return self._orders.find([Where("account", "==", account)])

    def parked(self, reason: str, region: str) -> Iterator[tuple[str, str]]:
        """Running orders of a region with work that waits for this reason: (order, vehicle), or (order, "") where the
        account's own work waits.
        """
        running = [Where("status", "==", "running"), Where("region", "==", region)]
        for stored in self._orders.find(running):
            if _waits_for(reason, stored.value.notes):
                yield stored.key, ""
            for vehicle in self.vehicles(stored.key).values():
                if not vehicle.final and _waits_for(reason, vehicle.notes):
                    yield stored.key, vehicle.vehicle_id

    def begin_vehicle(self, order_id: str, order: Order, vehicle_id: str) -> OrderVehicle:
        """A chosen vehicle of the order, stored as queued if it is not there yet. Raises OrderGone."""
        known = self.find_vehicle(order_id, vehicle_id)
        if known is not None:
            return known
        listed = next(vehicle for vehicle in self.listed(order_id, order) if vehicle.vehicle_id == vehicle_id)
        queued = OrderVehicle(
            order=order_id,
            vehicle_id=vehicle_id,
            identity=self.seal_identity(order_id, listed),
            expires_at=order.expires_at,
        )
        try:
            return self._vehicles.create(_key(order_id, vehicle_id), queued).value
        except AlreadyExists:
            return self.vehicle(order_id, vehicle_id)

    def vehicle(self, order_id: str, vehicle_id: str) -> OrderVehicle:
        """A vehicle of the order. Raises OrderGone."""
        stored = self._vehicles.get(_key(order_id, vehicle_id))
        if stored is None:
            raise OrderGone("no such vehicle in this order")
        return stored.value

    def find_vehicle(self, order_id: str, vehicle_id: str) -> OrderVehicle | None:
        """A vehicle of the order, or None while its work has not begun."""
        stored = self._vehicles.get(_key(order_id, vehicle_id))
        return stored.value if stored else None

    def vehicles(self, order_id: str) -> dict[str, OrderVehicle]:
        """The vehicles of the order whose work has begun, by their id; one query, however many they are."""
        found = self._vehicles.find([Where("order", "==", order_id)])
        return {stored.value.vehicle_id: stored.value for stored in found}

    def change_vehicle(
        self, order_id: str, vehicle_id: str, change: Callable[[OrderVehicle], OrderVehicle]
    ) -> OrderVehicle:
        """Change a vehicle unless it is final, which it stays. Raises OrderGone."""

        def guarded(vehicle: OrderVehicle) -> OrderVehicle:
            return vehicle if vehicle.final else change(vehicle)

        try:
            return self._vehicles.update(_key(order_id, vehicle_id), guarded).value
        except NotFound:
            raise OrderGone("no such vehicle in this order") from None

    def note_files(
        self, order_id: str, vehicle_id: str, change: Callable[[OrderVehicle], OrderVehicle]
    ) -> OrderVehicle:
        """Note what is stored of a vehicle, whatever its state, which stays as it is. Raises OrderGone."""

        def guarded(vehicle: OrderVehicle) -> OrderVehicle:
            changed = change(vehicle)
            return vehicle if changed is vehicle else msgspec.structs.replace(changed, status=vehicle.status)

        try:
            return self._vehicles.update(_key(order_id, vehicle_id), guarded).value
        except NotFound:
            raise OrderGone("no such vehicle in this order") from None

    def bury(self, order_id: str, tombstone: Order) -> None:
        """Put the tombstone in the order's place, whatever was there: from now on it is gone for everybody."""
        self._orders.put(order_id, tombstone)

    def erase(self, order_id: str, tombstone: Order) -> None:
        """Leave only the tombstone of an order."""
        for stored in list(self._vehicles.find([Where("order", "==", order_id)])):
            self._vehicles.delete(stored.key)
        self.bury(order_id, tombstone)
        self._once.forget(order_id)

    def seal_listed(self, order_id: str, vehicles: list[ListedVehicle]) -> bytes:
        """The account's vehicles, sealed for this order."""
        return self._sealer.seal(msgspec.json.encode(vehicles), bound_to=f"order:{order_id}")

    def listed(self, order_id: str, order: Order) -> list[ListedVehicle]:
        """The account's vehicles as listed for this order; empty before they were."""
        if not order.listed:
            return []
        plain = self._sealer.open(order.listed, bound_to=f"order:{order_id}")
        return from_json(plain, list[ListedVehicle])

    def seal_identity(self, order_id: str, vehicle: ListedVehicle) -> bytes:
        """A vehicle's identity, sealed for its place in this order."""
        return self._sealer.seal(msgspec.json.encode(vehicle), bound_to=f"vehicle:{order_id}.{vehicle.vehicle_id}")

    def identity(self, vehicle: OrderVehicle) -> ListedVehicle:
        """Which vehicle it is."""
        plain = self._sealer.open(vehicle.identity, bound_to=f"vehicle:{vehicle.order}.{vehicle.vehicle_id}")
        return from_json(plain, ListedVehicle)

    @contextmanager
    def work(self, key: str, order_id: str) -> Iterator[datetime]:
        """Hold a piece of the order's work while inside. Raises WorkBusy where another worker holds it.

        Gives the time after which nothing new is to be begun: when the lease ends another worker takes over, and a
        call to Tesla that both make is billed twice. The rest of the lease is for what is under way by then.
        """
        claim = self._once.claim(key, lease_s=self._lease_s, subject=order_id)
        if not isinstance(claim, Claim):
            raise WorkBusy("another worker has this work")
        try:
            yield claim.until - timedelta(seconds=self._lease_s * _LAST_PART)
        finally:
            self._once.release(claim)


def _waits_for(reason: str, notes: tuple[ModuleNote, ...]) -> bool:
    return any(note.reason == reason and note.status is None for note in notes)


def _key(order_id: str, vehicle_id: str) -> str:
    return f"{order_id}.{vehicle_id}"

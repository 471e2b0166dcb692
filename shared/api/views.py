"""An order as its owner sees it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.orders.book import OrderBook
from shared.orders.manifests import TeslaCost, cost_of
from shared.orders.model import ListedVehicle, ModuleNote, Order, OrderVehicle, ReportFile

_TAIL = 4


class ModuleView(msgspec.Struct, frozen=True, kw_only=True):
    """How one module stands: `status` is `pending`, `ok`, `failed` or `skipped`; `reason` a code, `detail` words."""

    module: str
    status: str
    reason: str | None
    detail: str | None
    calls: int
    price_usd: float


class InvoiceCount(msgspec.Struct, frozen=True, kw_only=True):
    """Charging invoices fetched, and failed ones."""

    ok: int
    failed: int


class VehicleView(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle of an order; `vin_last4` tells it apart, `rebuilds` counts how often its report was made anew."""

    vehicle_id: str
    display_name: str
    vin_last4: str
    status: str
    reason: str | None
    rebuilds: int
    next_attempt_at: datetime | None
    modules: list[ModuleView]
    report: ReportFile | None
    invoices: InvoiceCount


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order and how far it is."""

    order_id: str
    status: str
    package: str
    created_at: datetime
    deadline: datetime | None
    ended_at: datetime | None
    expires_at: datetime
    tesla: TeslaCost
    account_modules: list[ModuleView]
    vehicles: list[VehicleView]


def order_view(order_id: str, order: Order, vehicles: list[OrderVehicle], book: OrderBook) -> OrderView:
    """The order with its vehicles; chosen ones whose work has not begun show as queued."""
    begun = {vehicle.vehicle_id: vehicle for vehicle in vehicles}
    listed = {vehicle.vehicle_id: vehicle for vehicle in book.listed(order_id, order)}
    return OrderView(
        order_id=order_id,
        status=order.status,
        package=order.package,
        created_at=order.created_at,
        deadline=order.deadline,
        ended_at=order.ended_at,
        expires_at=order.expires_at,
        tesla=cost_of(order, vehicles),
        account_modules=[_module(note) for note in order.notes],
        vehicles=[_vehicle(listed[key], begun.get(key)) for key in order.selected if key in listed],
    )


def _vehicle(listed: ListedVehicle, vehicle: OrderVehicle | None) -> VehicleView:
    return VehicleView(
        vehicle_id=listed.vehicle_id,
        display_name=listed.display_name,
        vin_last4=listed.vin[-_TAIL:],
        status=_status(vehicle),
        reason=vehicle.reason if vehicle else None,
        rebuilds=vehicle.rebuilds if vehicle else 0,
        next_attempt_at=vehicle.next_attempt_at if vehicle else None,
        modules=[_module(note) for note in vehicle.notes] if vehicle else [],
        report=vehicle.report if vehicle else None,
        invoices=InvoiceCount(
            ok=vehicle.invoices_ok if vehicle else 0, failed=vehicle.invoices_failed if vehicle else 0
        ),
    )


def _status(vehicle: OrderVehicle | None) -> str:
    """What the owner waits for: a report that is built anew shows as building, although the one before is there."""
    if vehicle is None:
        return "queued"
    return "building" if vehicle.rebuilding else vehicle.status


def _module(note: ModuleNote) -> ModuleView:
    return ModuleView(
        module=note.module,
        status=str(note.status) if note.status else "pending",
        reason=note.reason,
        detail=note.detail,
        calls=note.calls,
        price_usd=note.price_usd,
    )

"""`manifest.json`: everything that is stored of an order that has ended, and which reports it had."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Literal

import msgspec

from shared.orders import names
from shared.orders.model import ModuleNote, Order, OrderVehicle, ReportFile
from shared.platform.errors import NotFound
from shared.platform.ports import BlobInfo, BlobStore
from shared.typed import from_json

_READERS = 8


class ManifestObject(msgspec.Struct, frozen=True, kw_only=True):
    """One stored object of an order. `source` says what made it."""

    name: str
    size: int
    sha256: str
    content_type: str
    source: str
    created_at: datetime


class ManifestReport(msgspec.Struct, frozen=True, kw_only=True):
    """One PDF that was given out for a vehicle: the `present` one, or one that a rebuild `replaced`."""

    vehicle_id: str
    report_id: str
    state: Literal["present", "replaced"]
    sha256: str
    size_bytes: int
    built_at: datetime | None


class TeslaCost(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that Tesla answered and their price."""

    calls: int
    price_usd: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an order left. It is written when the order ends, and again when one of its objects is made anew."""

    order_id: str
    package: str
    status: str
    ended_at: datetime
    tesla: TeslaCost
    objects: list[ManifestObject]
    written_at: datetime | None = None
    reports: list[ManifestReport] = []


def write_manifest(
    blobs: BlobStore, order_id: str, order: Order, vehicles: Sequence[OrderVehicle], *, written_at: datetime
) -> None:
    """Write the manifest of an order with its end set, over whatever is there."""
    manifest = Manifest(
        order_id=order_id,
        package=order.package,
        status=order.status,
        ended_at=order.ended_at or written_at,
        tesla=cost_of(order, vehicles),
        objects=_objects(blobs, order_id),
        written_at=written_at,
        reports=[report for vehicle in vehicles for report in _reports(order_id, vehicle)],
    )
    blobs.put(names.manifest(order_id), msgspec.json.encode(manifest), content_type="application/json")


def cost_of(order: Order, vehicles: Sequence[OrderVehicle]) -> TeslaCost:
    """What the order cost at Tesla so far."""
    notes: list[ModuleNote] = [*order.notes, *(note for vehicle in vehicles for note in vehicle.notes)]
    calls = order.tesla_calls + sum(note.calls for note in notes)
    return TeslaCost(calls=calls, price_usd=round(order.tesla_price_usd + sum(n.price_usd for n in notes), 6))


def _objects(blobs: BlobStore, order_id: str) -> list[ManifestObject]:
    infos = [info for info in blobs.list(names.folder(order_id)) if info.name != names.manifest(order_id)]
    known = {item.name: item for item in _listed_before(blobs, order_id)}
    # Side by side: an order may have thousands of invoices, and one after the other they outlast the function.
    with ThreadPoolExecutor(_READERS) as pool:
        wanted = [info for info in infos if "/raw/" not in info.name]
        return list(pool.map(lambda info: _object(blobs, info, known.get(info.name)), wanted))


def _listed_before(blobs: BlobStore, order_id: str) -> list[ManifestObject]:
    try:
        return from_json(blobs.get(names.manifest(order_id)), Manifest).objects
    except NotFound:
        return []


def _object(blobs: BlobStore, info: BlobInfo, before: ManifestObject | None) -> ManifestObject:
    """The object, read only if it has been written since it was listed before."""
    if before is not None and (before.size, before.created_at) == (info.size, info.updated):
        return before
    return ManifestObject(
        name=info.name,
        size=info.size,
        sha256=hashlib.sha256(blobs.get(info.name)).hexdigest(),
        content_type=info.content_type,
        source=_source(info.name),
        created_at=info.updated,
    )


def _reports(order_id: str, vehicle: OrderVehicle) -> list[ManifestReport]:
    def entry(file: ReportFile, state: Literal["present", "replaced"]) -> ManifestReport:
        return ManifestReport(
            vehicle_id=vehicle.vehicle_id,
            report_id=names.report_id(order_id, vehicle.vehicle_id),
            state=state,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            built_at=file.built_at,
        )

    present = [entry(vehicle.report, "present")] if vehicle.report else []
    return [*present, *(entry(file, "replaced") for file in vehicle.replaced)]


def _source(name: str) -> str:
    leaf = name.rsplit("/", 1)[-1]
    if "/account/" in name:
        return "tesla: charging_history"
    if "/invoices/" in name:
        return "tesla: charging_invoice"
    made = {"snapshot.json": "fetch_vehicle", "report.pdf": "build_report", "invoices.zip": "build_report"}
    return made.get(leaf, "orders")

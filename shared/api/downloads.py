"""Downloads of an order: time-limited URLs for the report and the invoices, and the manifest."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shared.api.failures import as_problems
from shared.api.services import Services
from shared.edge.problems import Problem, ProblemType
from shared.edge.routes import Call, Reply
from shared.orders import names
from shared.orders.book import OrderGone
from shared.orders.finishing import Manifest
from shared.orders.model import OrderVehicle
from shared.platform.errors import NotFound
from shared.reports.snapshot import InvoiceFile, Snapshot
from shared.typed import from_json

REPORT_NOT_READY = ProblemType("report-not-ready", 409, "The report is not ready; the order shows its progress")
REPORT_FAILED = ProblemType("report-failed", 409, "This vehicle has no report; the order shows why")


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A file that can be fetched from `url`, without a token, until `expires_at`."""

    url: str
    expires_at: datetime
    sha256: str
    size_bytes: int


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """One charging invoice, or why it is missing."""

    content_id: str
    file_name: str
    status: str
    reason: str | None
    url: str | None
    sha256: str | None
    size_bytes: int


class Invoices(msgspec.Struct, frozen=True, kw_only=True):
    """The charging invoices of one vehicle; their URLs hold until `expires_at`."""

    expires_at: datetime
    invoices: list[InvoiceView]


def report(services: Services, call: Call) -> Reply:
    """The vehicle's PDF."""
    order_id, vehicle = _vehicle(services, call)
    if vehicle.report is None:
        kind = REPORT_FAILED if vehicle.final else REPORT_NOT_READY
        raise Problem(kind, f"the vehicle is {vehicle.status}")
    name = names.report(order_id, vehicle.vehicle_id)
    file_name = f"vehicle-report-{order_id[:6]}-{vehicle.vehicle_id}.pdf"
    return Reply(
        Download(
            url=_url(services, name, file_name),
            expires_at=_until(services),
            sha256=vehicle.report.sha256,
            size_bytes=vehicle.report.size_bytes,
        )
    )


def invoices(services: Services, call: Call) -> Reply:
    """The vehicle's charging invoices, once its data is fetched."""
    order_id, vehicle = _vehicle(services, call)
    try:
        body = services.desk.blobs.get(names.snapshot(order_id, vehicle.vehicle_id))
    except NotFound:
        raise Problem(REPORT_NOT_READY, f"the vehicle is {vehicle.status}") from None
    listed = [_invoice(services, file) for file in Snapshot.decode(body).invoices]
    return Reply(Invoices(expires_at=_until(services), invoices=listed))


def manifest(services: Services, call: Call) -> Reply:
    """The list of everything stored for an ended order."""
    with as_problems():
        services.desk.book.get(call.path["order_id"])
    try:
        body = services.desk.blobs.get(names.manifest(call.path["order_id"]))
    except NotFound:
        raise Problem(REPORT_NOT_READY, "the order has not ended") from None
    return Reply(from_json(body, Manifest))


def _vehicle(services: Services, call: Call) -> tuple[str, OrderVehicle]:
    order_id = call.path["order_id"]
    vehicle_id = call.path["vehicle_id"]
    with as_problems():
        order = services.desk.book.get(order_id)
        if vehicle_id not in order.selected:
            raise OrderGone("no such vehicle in this order")
        vehicle = services.desk.book.find_vehicle(order_id, vehicle_id)
        if vehicle is not None:
            return order_id, vehicle
    raise Problem(REPORT_NOT_READY, "the vehicle is queued")


def _invoice(services: Services, file: InvoiceFile) -> InvoiceView:
    url = _url(services, file.object_name, file.file_name) if file.object_name else None
    return InvoiceView(
        content_id=file.content_id,
        file_name=file.file_name,
        status=file.status,
        reason=file.reason,
        url=url,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
    )


def _url(services: Services, name: str, file_name: str) -> str:
    return services.desk.blobs.signed_url(name, expires_in_s=services.settings.url_s, download_name=file_name)


def _until(services: Services) -> datetime:
    return services.desk.clock.now() + timedelta(seconds=services.settings.url_s)

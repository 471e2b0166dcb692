"""Downloads of an order: time-limited URLs for the report and the invoices, and the manifest.

The list of invoices carries a URL for each, because a frontend shows them as links. Without a key file every
signature is a call to IAM: they are made side by side, the first alone so that the others find a fresh access token.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import msgspec

from shared.api.failures import NO_INVOICES, ORDER_BUSY, REPORT_FAILED, REPORT_NOT_READY, as_problems
from shared.api.services import Services
from shared.edge.problems import Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.orders import names
from shared.orders.archive import InvoiceArchive
from shared.orders.book import OrderGone
from shared.orders.manifests import Manifest
from shared.orders.model import ArchiveFile, OrderVehicle, ReportFile
from shared.platform.errors import NotFound
from shared.reports.snapshot import InvoiceFile, Snapshot
from shared.typed import from_json

_ORDER = "/api/v1/orders/<order_id>"
_VEHICLE = f"{_ORDER}/vehicles/<vehicle_id>"
_SIGNERS = 16


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
    file = vehicle.report
    if file is None:
        kind = REPORT_FAILED if vehicle.final else REPORT_NOT_READY
        raise Problem(kind, f"the vehicle is {vehicle.status}")
    name = names.report(order_id, vehicle.vehicle_id)
    file_name = f"vehicle-report-{order_id[:6]}-{vehicle.vehicle_id}.pdf"
    if vehicle.coming is not None:  # one PDF is replacing another, or whoever did it died: the bytes tell which it is
        stored = hashlib.sha256(services.desk.blobs.get(name)).hexdigest()
        file = vehicle.coming if vehicle.coming.sha256 == stored else file
    return Reply(_download(services, name, file_name, file))


def invoices(services: Services, call: Call) -> Reply:
    """The vehicle's charging invoices, once its data is fetched."""
    files = _invoices(services, *_vehicle(services, call))
    expires_at = _until(services)
    listed = [_invoice(services, file) for file in files[:1]]
    with ThreadPoolExecutor(_SIGNERS) as pool:
        listed += pool.map(lambda file: _invoice(services, file), files[1:])
    return Reply(Invoices(expires_at=expires_at, invoices=listed))


def archive(services: Services, call: Call) -> Reply:
    """The ZIP of the vehicle's charging invoices; it is made with the report, and here if it is not there."""
    order_id, vehicle = _vehicle(services, call)
    if not vehicle.final and vehicle.archive is None:
        raise Problem(REPORT_NOT_READY, f"the vehicle is {vehicle.status}")
    files = _invoices(services, order_id, vehicle)
    with as_problems():
        file = InvoiceArchive(services.desk).ensure(order_id, vehicle.vehicle_id, files)
    if file is None:
        raise Problem(NO_INVOICES, "nothing was charged in the history, or it is not part of the package")
    name = names.archive(order_id, vehicle.vehicle_id)
    file_name = f"invoices-{order_id[:6]}-{vehicle.vehicle_id}.zip"
    return Reply(_download(services, name, file_name, file))


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


def _invoices(services: Services, order_id: str, vehicle: OrderVehicle) -> tuple[InvoiceFile, ...]:
    """The invoices that the snapshot lists. Raises Problem while there is none."""
    try:
        body = services.desk.blobs.get(names.snapshot(order_id, vehicle.vehicle_id))
    except NotFound:
        kind = REPORT_FAILED if vehicle.final else REPORT_NOT_READY
        raise Problem(kind, f"the vehicle is {vehicle.status}") from None
    return Snapshot.decode(body).invoices


def _download(services: Services, name: str, file_name: str, file: ReportFile | ArchiveFile) -> Download:
    return Download(
        url=_url(services, name, file_name),
        expires_at=_until(services),
        sha256=file.sha256,
        size_bytes=file.size_bytes,
    )


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


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path=f"{_ORDER}/manifest",
        name="getManifest",
        summary="Everything stored for an ended order, with sizes and hashes",
        handler=manifest,
        auth=Auth.GRANT,
        answer=Manifest,
        problems=(REPORT_NOT_READY,),
    ),
    Route(
        method="GET",
        path=f"{_VEHICLE}/report",
        name="getReport",
        summary="A time-limited URL of the vehicle's PDF report",
        handler=report,
        auth=Auth.GRANT,
        answer=Download,
        problems=(REPORT_NOT_READY, REPORT_FAILED),
    ),
    Route(
        method="GET",
        path=f"{_VEHICLE}/invoices",
        name="listInvoices",
        summary="The vehicle's charging invoices, with time-limited URLs",
        handler=invoices,
        auth=Auth.GRANT,
        answer=Invoices,
        problems=(REPORT_NOT_READY, REPORT_FAILED),
    ),
    Route(
        method="GET",
        path=f"{_VEHICLE}/invoices.zip",
        name="getInvoiceArchive",
        summary="A time-limited URL of one ZIP with all invoices of the vehicle and a list of them",
        handler=archive,
        auth=Auth.GRANT,
        answer=Download,
        problems=(REPORT_NOT_READY, REPORT_FAILED, NO_INVOICES, ORDER_BUSY),
    ),
)

"""All charging invoices of a vehicle as one ZIP.

It is made once, with the report, and again only when the list of invoices has changed. The same invoices give the
same bytes: names in order, one fixed time, nothing compressed (PDFs are already, and no two versions of zlib agree).
Every invoice has its line in `index.csv`, the missing ones with the reason.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from shared.orders import names
from shared.orders.desk import Desk
from shared.orders.model import ArchiveFile, OrderVehicle
from shared.platform.errors import NotFound
from shared.reports.snapshot import InvoiceFile

INDEX = "index.csv"
MOST_BYTES = 64 * 1024 * 1024
"""Of all invoices in one ZIP, which is made in memory; the rest can be fetched singly, as its index says."""

_COLUMNS = ("content_id", "file_name", "status", "reason", "sha256")
_READERS = 8
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_UNIX, _PLAIN_FILE = 3, 0o100644 << 16
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class InvoiceArchive:
    """Makes and finds the ZIPs of vehicles."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ensure(self, order_id: str, vehicle_id: str, invoices: Sequence[InvoiceFile]) -> ArchiveFile | None:
        """The ZIP of these invoices, made unless it is there; None where there are none.

        Raises OrderGone, and WorkBusy while another worker writes the manifest that is to list it.
        """
        vehicle, packed = self._desk.book.vehicle(order_id, vehicle_id), digest(invoices)
        if not invoices or (vehicle.archive is not None and vehicle.archive.packed == packed):
            return vehicle.archive
        data = pack(self._read_all(invoices))
        self._desk.blobs.put(names.archive(order_id, vehicle_id), data, content_type="application/zip")
        if vehicle.final:  # its order may have ended: the manifest comes first, so that a death here repeats both
            self._desk.finishing.rewrite(order_id)
        file = ArchiveFile(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), packed=packed)

        def change(value: OrderVehicle) -> OrderVehicle:
            return msgspec.structs.replace(value, archive=file)

        self._desk.book.note_files(order_id, vehicle_id, change)
        return file

    def _read_all(self, invoices: Sequence[InvoiceFile]) -> Iterator[tuple[InvoiceFile, bytes | None]]:
        """Every invoice with its bytes, by name, a few at a time: all at once they might not fit into memory."""
        ordered = sorted(invoices, key=lambda item: (item.file_name, item.content_id))
        with ThreadPoolExecutor(_READERS) as pool:
            for start in range(0, len(ordered), _READERS):
                few = ordered[start : start + _READERS]
                yield from zip(few, pool.map(self._read, few), strict=True)

    def _read(self, invoice: InvoiceFile) -> bytes | None:
        try:
            return self._desk.blobs.get(invoice.object_name) if invoice.object_name else None
        except NotFound:
            return None


def digest(invoices: Iterable[InvoiceFile]) -> str:
    """By which a list of invoices is told from another one."""
    rows = sorted((item.content_id, item.file_name, item.status, item.reason, item.sha256) for item in invoices)
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()


def pack(found: Iterable[tuple[InvoiceFile, bytes | None]], *, most_bytes: int = MOST_BYTES) -> bytes:
    """The ZIP of the invoices in this order with their bytes, None for one that is not stored. Pure."""
    rows, left, buffer = [], most_bytes, io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for invoice, data in found:
            fault = _fault(invoice, data, left)
            rows.append((invoice, fault))
            if data is not None and fault is None:
                archive.writestr(_entry(invoice.file_name), data)
                left -= len(data)
        archive.writestr(_entry(INDEX), _index(rows))
    return buffer.getvalue()


def _fault(invoice: InvoiceFile, data: bytes | None, left: int) -> str | None:
    """Why the invoice is not in the ZIP, or None."""
    if invoice.status != "ok":
        return invoice.reason or "failed"
    if data is None:
        return "missing"
    checks = (
        (not data, "empty"),
        (not data.startswith(b"%PDF-"), "not_a_pdf"),
        (hashlib.sha256(data).hexdigest() != invoice.sha256, "changed"),
        (len(data) > left, "too_large"),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIRST_DAY)
    entry.create_system, entry.external_attr = _UNIX, _PLAIN_FILE
    return entry


def _index(rows: Iterable[tuple[InvoiceFile, str | None]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for invoice, fault in rows:
        status, sha256 = ("failed", "") if fault else ("ok", invoice.sha256 or "")
        writer.writerow(map(_cell, (invoice.content_id, invoice.file_name, status, fault or "", sha256)))
    return text.getvalue().encode()


def _cell(text: str) -> str:
    """Tesla's text as no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text

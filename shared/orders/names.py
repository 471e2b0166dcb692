"""Where an order's objects lie. No name tells a VIN or a person."""

from __future__ import annotations

import re

_REPORT_ID = re.compile(r"([a-z0-9]{1,40})\.(v[0-9]{1,4})")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 80


def folder(order: str) -> str:
    """The prefix of everything that belongs to the order."""
    return f"orders/{order}/"


def vehicle_folder(order: str, vehicle_id: str) -> str:
    """The prefix of everything that belongs to one of its vehicles."""
    return f"{folder(order)}{vehicle_id}/"


def raw(order: str, vehicle_id: str, module: str) -> str:
    """A module's outcome, until the snapshot holds it."""
    return f"{vehicle_folder(order, vehicle_id)}raw/{module}.json"


def snapshot(order: str, vehicle_id: str) -> str:
    """The vehicle's snapshot."""
    return f"{vehicle_folder(order, vehicle_id)}snapshot.json"


def report(order: str, vehicle_id: str) -> str:
    """The vehicle's PDF."""
    return f"{vehicle_folder(order, vehicle_id)}report.pdf"


def report_id(order: str, vehicle_id: str) -> str:
    """What a report is called in public: it is printed in the PDF, and it opens nothing."""
    return f"{order}.{vehicle_id}"


def of_report_id(text: str) -> tuple[str, str] | None:
    """Order and vehicle of a report id, or None for what is none."""
    found = _REPORT_ID.fullmatch(text)
    return (found[1], found[2]) if found else None


def verify_path(order: str, vehicle_id: str) -> str:
    """The path, on this service's public URL, that tells whether a report is genuine."""
    return f"/api/v1/reports/{report_id(order, vehicle_id)}/verify"


def archive(order: str, vehicle_id: str) -> str:
    """The ZIP of the vehicle's charging invoices."""
    return f"{vehicle_folder(order, vehicle_id)}invoices.zip"


def invoice(order: str, vehicle_id: str, file_name: str) -> str:
    """One charging invoice."""
    return f"{vehicle_folder(order, vehicle_id)}invoices/{file_name}"


def history_page(order: str, page: int) -> str:
    """One page of the account's charging history, as Tesla answered it."""
    return f"{folder(order)}account/charging_history.{page:04d}.json"


def manifest(order: str) -> str:
    """The list of all objects of the order."""
    return f"{folder(order)}manifest.json"


def safe_file_name(name: str, key: str) -> str:
    """A file name of ours from one of Tesla's: plain characters, `.pdf`, unique by the start of a hash of its key."""
    stem = _UNSAFE.sub("_", name.rsplit("/", 1)[-1].removesuffix(".pdf")).strip("._-")[:_LONGEST] or "invoice"
    return f"{stem}-{key[:12]}.pdf"

"""Where an order's objects lie. No name tells a VIN or a person."""

from __future__ import annotations

import re

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
    stem = _UNSAFE.sub("_", name.rsplit("/", 1)[-1].removesuffix(".pdf")).strip("._")[:_LONGEST] or "invoice"
    return f"{stem}-{key[:8]}.pdf"

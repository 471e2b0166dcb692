"""The stored charging history of an order's account: which pages are there, and one vehicle's share of it."""

from __future__ import annotations

import msgspec

from shared.orders import names
from shared.platform.ports import BlobStore
from shared.tesla.charging_pages import is_last_page, split_by_vin


def stored_pages(blobs: BlobStore, order: str) -> list[bytes]:
    """The pages fetched so far, in order."""
    return [blobs.get(name) for name in _names(blobs, order)]


def first_missing_page(blobs: BlobStore, order: str, page_size: int) -> tuple[int, bool]:
    """The number of the next page to fetch (Tesla counts from 1), and whether the history is complete."""
    pages = _names(blobs, order)
    return len(pages) + 1, bool(pages) and is_last_page(blobs.get(pages[-1]), page_size)


def sessions_of_vehicle(blobs: BlobStore, order: str, vin: str) -> list[msgspec.Raw]:
    """The vehicle's own sessions, as Tesla wrote them; nobody else's."""
    return split_by_vin(stored_pages(blobs, order)).get(vin, [])


def _names(blobs: BlobStore, order: str) -> list[str]:
    return [info.name for info in blobs.list(f"{names.folder(order)}account/charging_history.")]

"""The snapshot: everything that was fetched of one vehicle, as it was answered.

It is written once, before the report, and is the report's only source: the same snapshot gives the same PDF. Bodies
are kept verbatim (bounded by the client), so that a better renderer can read more from an old snapshot.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from shared.typed import from_json


class ModuleStatus(StrEnum):
    """How the fetch of one module ended."""

    OK = "ok"
    """Tesla answered and the answer can be read (it may be empty: no service visit is an answer)."""
    FAILED = "failed"
    """It was asked and there is no usable answer; `reason` says why."""
    SKIPPED = "skipped"
    """It was not asked, because the answer was known to be a refusal or was not ordered; `reason` says why."""


class ModuleResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One module's outcome.

    `reason` is a stable code (``asleep``, ``missing_scope``, ``rate_limited``, ``server_error``, ``timed_out``,
    ``unreadable``, ``not_found``, ``not_in_package``, ...) and `detail` a sentence for the owner.
    """

    module: str
    status: ModuleStatus
    reason: str | None = None
    detail: str | None = None
    fetched_at: datetime | None = None
    calls: int = 0
    price_usd: float = 0.0
    body: msgspec.Raw = msgspec.Raw()
    """Tesla's JSON as answered, wrapper included, empty where there is none.

    For ``charging_history``: ``{"data": [...]}`` with this vehicle's sessions only.
    """


class InvoiceFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One charging invoice, or why it is missing. `content_id` is Tesla's key; `file_name` is sanitised."""

    content_id: str
    file_name: str
    status: Literal["ok", "failed"]
    reason: str | None = None
    session_id: int | None = None
    object_name: str | None = None
    size_bytes: int = 0
    sha256: str | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of one vehicle of one order at `taken_at`. It holds the full VIN: never log it."""

    schema: int = 1
    order_id: str
    vehicle_id: str
    vin: str
    package: str
    region: str
    taken_at: datetime
    granted_scopes: tuple[str, ...] = ()
    history_from: datetime | None = None
    history_to: datetime | None = None
    modules: tuple[ModuleResult, ...] = ()
    invoices: tuple[InvoiceFile, ...] = ()

    def module(self, name: str) -> ModuleResult | None:
        """The result of the named module, or None if the order did not know it."""
        return next((result for result in self.modules if result.module == name), None)

    def encode(self) -> bytes:
        """The snapshot as JSON, the same bytes for the same content."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Snapshot:
        """Read what `encode` wrote, by this version or an older one. Raises msgspec.ValidationError."""
        return from_json(data, cls)

"""Charging invoices: which ones a vehicle's sessions name, and fetching each once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from shared.accounts.session import AccountSession
from shared.orders import names
from shared.platform.errors import AlreadyExists
from shared.platform.ports import BlobStore
from shared.reports.snapshot import InvoiceFile
from shared.tesla import errors
from shared.tesla.client import Tally
from shared.tesla.decode import Undecodable, decode
from shared.tesla.models.charging import ChargingSession

_LIMIT = (errors.LimitExceeded, errors.HeldBack)
_FOR_ALL = (*_LIMIT, errors.RateLimited, errors.RegionUnregistered)
MOST = 500
"""Invoices of one vehicle that are fetched; each costs a call."""


def wanted(sessions: Iterable[msgspec.Raw]) -> list[InvoiceFile]:
    """One entry per invoice that the sessions name, by content id, at most `MOST`."""
    found: dict[str, InvoiceFile] = {}
    for raw in sessions:
        try:
            session = decode(raw, ChargingSession).value
        except Undecodable:
            continue
        for invoice in session.invoices or ():
            key = invoice.content_id
            if key and key not in found and len(found) < MOST:
                name = names.safe_file_name(invoice.file_name or "", hashlib.sha256(key.encode()).hexdigest())
                found[key] = InvoiceFile(
                    content_id=key, file_name=name, status="failed", session_id=session.session_id
                )
    return list(found.values())


class InvoiceFetch:
    """Fetches one vehicle's invoices, from many threads.

    `halted`: why no invoice is asked for, because the call is known to be refused; those stored already are found all
    the same. A refusal that holds for all of them sets it. `again`: a failure that may pass, such a refusal first.
    """

    def __init__(self, order: str, vehicle_id: str, session: AccountSession, blobs: BlobStore) -> None:
        self._order, self._vehicle_id, self._session, self._blobs = order, vehicle_id, session, blobs
        self.halted = ""
        self.again: errors.TeslaError | None = None

    def fetch(self, invoice: InvoiceFile) -> tuple[InvoiceFile, Tally]:
        """Fetch and store one invoice unless it is stored already; a failure is named in the entry."""
        tally, name = Tally(), names.invoice(self._order, self._vehicle_id, invoice.file_name)
        if self._blobs.stat(name) is not None:
            return _stored(invoice, name, self._blobs.get(name)), tally
        if self.halted:
            return msgspec.structs.replace(invoice, reason=self.halted), tally
        try:
            answer = self._session.call("charging_invoice", path={"content_id": invoice.content_id}, tally=tally)
        except errors.TeslaError as error:
            return msgspec.structs.replace(invoice, reason=self._note(error)), tally
        try:
            self._blobs.put(name, answer.body, content_type="application/pdf", if_generation=0)
        except AlreadyExists:
            return _stored(invoice, name, self._blobs.get(name)), tally
        return _stored(invoice, name, answer.body), tally

    def _note(self, error: errors.TeslaError) -> str:
        """What follows from the failure; gives its reason."""
        if isinstance(
            error, errors.Asleep
        ):  # no vehicle is asked for an invoice: there is nothing to wait for or wake
            error = errors.TimedOut("Tesla gave the invoice up")
        for_all = isinstance(error, _FOR_ALL)
        if for_all:
            self.halted = error.reason
        # An unreadable invoice is not asked for again: Tesla gives out invoices of no bytes.
        passing = error.retryable and not isinstance(error, errors.Unreadable)
        if passing and (for_all or self.again is None):  # the wait of one that was under way meanwhile is shorter
            self.again = error
        return error.reason


def _stored(invoice: InvoiceFile, name: str, data: bytes) -> InvoiceFile:
    return msgspec.structs.replace(
        invoice,
        status="ok",
        reason=None,
        object_name=name,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )

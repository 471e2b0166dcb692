"""The richest vehicle the simulator has, as a snapshot: what the report is measured with."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.orders.invoices import wanted
from shared.orders.packages import HISTORY
from shared.reports.snapshot import InvoiceFile, ModuleResult, Snapshot
from tests.bench.sequential_script import SequentialScript
from tests.bench.simulator_alone import running_simulator
from tests.simulator.payload_charging import charging_sessions

SEED = 19
SESSIONS, INVOICES, ALERTS = 60, 20, 40
VERIFY_URL = "https://reports.example.com/api/v1/reports/01JQ3V7Z8X9Y2K4M6N8P0R2T4V.v1/verify"


def rich_snapshot(seed: int = SEED) -> Snapshot:
    """One car with everything that is sold; the simulator is gone when this returns."""
    options = ("--seed", str(seed), "--vehicles", "1", "--alerts", str(ALERTS))
    with running_simulator(*options) as tesla:
        snapshot = SequentialScript(tesla, tesla["accounts"][0]["email"]).snapshots()[0]
    now = datetime.now(UTC).timestamp()
    sessions = charging_sessions(snapshot.vin, "eu", seed, now, SESSIONS)
    modules = tuple(_with_history(module, sessions) for module in snapshot.modules)
    raw = [msgspec.Raw(msgspec.json.encode(session)) for session in sessions]
    invoices = tuple(_delivered(invoice) for invoice in wanted(raw)[:INVOICES])
    return msgspec.structs.replace(snapshot, modules=modules, invoices=invoices)


def _with_history(module: ModuleResult, sessions: list[dict[str, Any]]) -> ModuleResult:
    """The module, or the history with all sessions where the script reads but the first page."""
    if module.module != HISTORY:
        return module
    return msgspec.structs.replace(module, body=msgspec.Raw(msgspec.json.encode({"data": sessions})))


def _delivered(invoice: InvoiceFile) -> InvoiceFile:
    """An invoice as it is when its file was stored."""
    digest = hashlib.sha256(invoice.content_id.encode()).hexdigest()
    return msgspec.structs.replace(invoice, status="ok", size_bytes=48_213, sha256=digest)

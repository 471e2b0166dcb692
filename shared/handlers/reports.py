"""Reports on vehicles."""

from __future__ import annotations

from pathlib import Path

from shared.edge.push import PushHandler
from shared.orders import names
from shared.orders.desk import Desk
from shared.orders.model import VehicleMessage
from shared.orders.report_worker import ReportWorker
from shared.platform.errors import WorkBusy
from shared.reports.snapshot import Snapshot
from shared.settings import Settings


def build_report(desk: Desk, fonts: Path, settings: Settings) -> PushHandler[VehicleMessage]:
    """One PDF from one snapshot. It leads to the public URL, where it can be verified."""
    installed = [path for path in map(Path, settings.report_fallback_fonts) if path.is_file()]

    def render(snapshot: Snapshot) -> bytes:
        from shared.reports.build import render_report

        path = names.verify_path(snapshot.order_id, snapshot.vehicle_id)
        url = f"{settings.public_url.rstrip('/')}{path}"
        return render_report(snapshot, fonts=fonts, verify_url=url, fallback_fonts=installed)

    worker = ReportWorker(desk, render)
    return PushHandler(VehicleMessage, worker.run, worker.expired, retry_on=(WorkBusy,))

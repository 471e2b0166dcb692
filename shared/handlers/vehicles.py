"""Vehicles of orders."""

from __future__ import annotations

from shared.edge.push import PushHandler
from shared.orders.desk import Desk
from shared.orders.model import VehicleMessage
from shared.orders.vehicle_fetch import VehicleFetch
from shared.orders.vehicle_worker import VehicleWorker
from shared.platform.errors import WorkBusy
from shared.settings import Settings
from shared.tesla.ledger import Ledger
from shared.tesla.metering import metered


def fetch_vehicle(desk: Desk, settings: Settings, ledger: Ledger) -> PushHandler[VehicleMessage]:
    """One vehicle's modules into a snapshot."""
    fetch = VehicleFetch(desk.blobs, desk.clock, desk.patience, settings.fetch_concurrency)
    worker = VehicleWorker(desk, fetch)

    def run(message: VehicleMessage) -> None:
        with metered(ledger.meter(message.order)):
            worker.run(message)

    return PushHandler(VehicleMessage, run, worker.expired, retry_on=(WorkBusy,))

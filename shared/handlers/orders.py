"""Orders as a whole."""

from __future__ import annotations

from shared.edge.push import PushHandler
from shared.orders.desk import Desk
from shared.orders.model import OrderMessage
from shared.orders.order_worker import OrderWorker
from shared.platform.errors import WorkBusy
from shared.settings import Settings
from shared.tesla.ledger import Ledger
from shared.tesla.metering import metered


def fetch_order(desk: Desk, settings: Settings, ledger: Ledger) -> PushHandler[OrderMessage]:
    """Account-level data of an order, then one message per vehicle."""
    worker = OrderWorker(desk, settings.history_page_size)

    def run(message: OrderMessage) -> None:
        with metered(ledger.meter(message.order)):
            worker.run(message)

    return PushHandler(OrderMessage, run, worker.expired, retry_on=(WorkBusy,))

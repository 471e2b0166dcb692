"""Orders: what their workers and all HTTP handlers work with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared import bootstrap
from shared.bootstrap.lifetime import built_once

if TYPE_CHECKING:
    from shared.api.services import Services
    from shared.orders.desk import Desk


@built_once
def desk() -> Desk:
    """What the workers of orders work with."""
    from shared.orders.book import OrderBook
    from shared.orders.desk import Desk
    from shared.orders.erasure import Erasure
    from shared.orders.fetching import Patience
    from shared.orders.finishing import Finishing
    from shared.orders.schedule import Schedule

    chosen = bootstrap.settings()
    book = OrderBook(bootstrap.documents(), bootstrap.sealer(), bootstrap.clock, lease_s=chosen.work_lease_s)
    schedule = Schedule(bootstrap.due())
    return Desk(
        book=book,
        blobs=bootstrap.blobs(),
        schedule=schedule,
        sessions=bootstrap.sessions(),
        finishing=Finishing(book, bootstrap.blobs(), schedule, bootstrap.events(), bootstrap.clock),
        erasure=Erasure(
            book,
            bootstrap.blobs(),
            schedule,
            bootstrap.grants(),
            bootstrap.keeper(),
            bootstrap.idempotency_claims(),
            bootstrap.clock,
        ),
        clock=bootstrap.clock,
        patience=Patience(
            retry_s=chosen.retry_s,
            attempts=chosen.retry_attempts,
            asleep_retry_s=chosen.asleep_retry_s,
            asleep_wait_s=chosen.asleep_wait_s,
        ),
    )


@built_once
def services(assets: Path | None = None) -> Services:
    """What the HTTP handlers work with. `assets` is the folder of `main.py`, where that has any."""
    from shared.accounts.connections import Connections
    from shared.api.services import Services
    from shared.orders.service import OrderRules, OrderService

    chosen = bootstrap.settings()
    rules = OrderRules(days=chosen.order_days, deadline_s=chosen.order_deadline_s)
    orders = OrderService(bootstrap.desk(), bootstrap.grants(), bootstrap.keeper(), rules)
    return Services(
        chosen,
        bootstrap.secrets(),
        bootstrap.consent(),
        bootstrap.keeper(),
        orders,
        bootstrap.desk(),
        bootstrap.registrar,
        bootstrap.ledger,
        bootstrap.grants(),
        Connections(bootstrap.documents()),
        bootstrap.energy_desk,
        bootstrap.dispatch_desk,
        assets / "fonts" if assets else None,
    )

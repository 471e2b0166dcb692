"""What every worker of an order works with."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

import msgspec

from shared.accounts.session import AccountSession
from shared.orders.book import OrderBook
from shared.orders.erasure import Erasure
from shared.orders.fetching import Patience
from shared.orders.finishing import Finishing
from shared.orders.model import Order
from shared.orders.schedule import Schedule
from shared.platform.ports import BlobStore, Clock
from shared.tesla.errors import RegionUnregistered, TeslaError

LAST_TRIES = timedelta(hours=2)
"""How long after its deadline an order may still need its tokens, to end with what it has."""


class Sessions(Protocol):
    """Where the Fleet API of an account comes from; `bootstrap` knows how."""

    def of(self, account: str) -> AccountSession:
        """The Fleet API as the account sees it."""


class Desk(msgspec.Struct, frozen=True):
    """The order book, the stores and the schedule, and the two ways in which work ends."""

    book: OrderBook
    blobs: BlobStore
    schedule: Schedule
    sessions: Sessions
    finishing: Finishing
    erasure: Erasure
    clock: Clock
    patience: Patience

    def release_region(self, region: str) -> int:
        """The application was registered in the region: what waited for that goes on now; gives how many."""
        parked = list(self.book.parked(RegionUnregistered.reason, region))
        for order_id, vehicle_id in parked:
            if vehicle_id:
                self.schedule.send_fetch(order_id, vehicle_id)
            else:
                self.schedule.send_order(order_id)
        return len(parked)

    def follow_region(self, order_id: str, order: Order) -> Order:
        """The order, in the region where its account turned out to live; as it was where the account is gone.

        Work that waits is found by the order's region. Raises OrderGone.
        """
        try:
            region = self.sessions.of(order.account).region
        except TeslaError:
            return order
        if region == order.region:
            return order

        def change(value: Order) -> Order:
            same = value.account == order.account
            return msgspec.structs.replace(value, region=region) if same else value

        return self.book.change(order_id, change)

    def overdue(self, order: Order | None) -> bool:
        """Whether the order's time is so long over that its work must have failed again and again.

        At the deadline itself workers end with what they have; this stops those that never get that far.
        """
        if order is None or order.deadline is None or order.status == "erased":
            return False
        return self.clock.now() >= order.deadline + LAST_TRIES

"""What every worker of an order works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.accounts.session import AccountSession
from shared.orders.book import OrderBook
from shared.orders.erasure import Erasure
from shared.orders.fetching import Patience
from shared.orders.finishing import Finishing
from shared.orders.schedule import Schedule
from shared.platform.ports import BlobStore, Clock

_LAST_TRIES = timedelta(hours=2)


class Sessions(Protocol):
    """Where the Fleet API of an account comes from; `bootstrap` knows how."""

    def of(self, account: str) -> AccountSession:
        """The Fleet API as the account sees it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The order book, the stores and the schedule, and the two ways in which work ends."""

    book: OrderBook
    blobs: BlobStore
    schedule: Schedule
    sessions: Sessions
    finishing: Finishing
    erasure: Erasure
    clock: Clock
    patience: Patience

    def overdue(self, order_id: str) -> bool:
        """Whether the order's time is so long over that its work must have failed again and again.

        At the deadline itself workers end with what they have; this stops those that never get that far.
        """
        order = self.book.peek(order_id)
        if order is None or order.deadline is None or order.status == "erased":
            return False
        return self.clock.now() >= order.deadline + _LAST_TRIES

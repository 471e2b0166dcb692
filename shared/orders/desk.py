"""What every worker of an order works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.accounts.session import AccountSession
from shared.orders.book import OrderBook
from shared.orders.erasure import Erasure
from shared.orders.fetching import Patience
from shared.orders.finishing import Finishing
from shared.orders.schedule import Schedule
from shared.platform.ports import BlobStore, Clock


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

"""Erasure: an owner's data goes, and work in flight cannot bring it back.

A tombstone takes the order's place first, in one write: before it nothing has happened, after it the erasure is
finished whatever dies. Every worker that meets it purges. Everything is swept again after the longest time a worker
can live, which covers one that had looked before the tombstone was set.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from shared import log
from shared.accounts.grants import Grants
from shared.accounts.keeper import TokenKeeper
from shared.orders import names
from shared.orders.book import OrderBook
from shared.orders.model import Order
from shared.orders.schedule import Schedule
from shared.platform.once import Once
from shared.platform.ports import BlobStore, Clock

LONGEST_WORK_S = 900
"""Longer than any function may run (600 s for a push) plus its delivery."""
_TOMBSTONE = timedelta(days=1)
"""How long a tombstone is there at least: it must outlast the last purge."""
_LIVE = ("created", "connected", "running")


class Erasure:
    """Erases orders."""

    def __init__(
        self,
        book: OrderBook,
        blobs: BlobStore,
        schedule: Schedule,
        grants: Grants,
        keeper: TokenKeeper,
        idempotency: Once,
        clock: Clock,
    ) -> None:
        self._book, self._blobs, self._schedule = book, blobs, schedule
        self._grants, self._keeper, self._idempotency, self._clock = grants, keeper, idempotency, clock

    def erase(self, order_id: str) -> None:
        """Erase the order with everything that hangs on it; repeatable, and finished later if this run dies.

        The account's tokens go too, unless another order that has not ended needs them.
        """
        self._erase(order_id, self._book.get(order_id))

    def expire(self, order_id: str, order: Order | None) -> None:
        """Erase an order whose retention is over; `order` is its document, or None where the store has removed that
        already, as it may from the same moment on. Repeatable, and finished later if this run dies.
        """
        now = self._clock.now()
        if order is None:
            self._erase(order_id, Order(package="", created_at=now, expires_at=now))
        elif order.status == "erased":
            self.again(order_id, order)
        elif order.expires_at > now:
            self._schedule.plan_expiry(order_id, order.expires_at)
        else:
            self._erase(order_id, order)

    def _erase(self, order_id: str, order: Order) -> None:
        now = self._clock.now()
        tombstone = Order(
            package=order.package,
            created_at=order.created_at,
            expires_at=max(order.expires_at, now + _TOMBSTONE),
            status="erased",
            account=order.account,  # until its tokens are gone
            ended_at=now,
        )
        self._schedule.plan_purge(order_id, now + timedelta(seconds=LONGEST_WORK_S))
        self._book.bury(order_id, tombstone)
        self._sweep(order_id, tombstone)
        log.info("order erased")

    def again(self, order_id: str, tombstone: Order) -> None:
        """Sweep once more; when no worker from before can be alive, for the last time."""
        self._sweep(order_id, tombstone)
        last = (tombstone.ended_at or self._clock.now()) + timedelta(seconds=LONGEST_WORK_S)
        if self._clock.now() >= last:
            self._schedule.purge_done(order_id)
        else:
            self._schedule.plan_purge(order_id, last)

    def _sweep(self, order_id: str, tombstone: Order) -> None:
        """Delete whatever hangs on the order; the grant last, by which its owner could ask again."""
        self._schedule.forget(order_id)
        if tombstone.account:
            self.disown(order_id, tombstone.account)
        self.purge(order_id)
        self._book.erase(order_id, msgspec.structs.replace(tombstone, account=""))
        self._idempotency.forget(order_id)
        self._grants.forget(order_id)
        self._schedule.expiry_done(order_id)

    def purge(self, order_id: str) -> None:
        """Delete every object of an order that is gone."""
        for info in self._blobs.list(names.folder(order_id)):
            self._blobs.delete(info.name)

    def disown(self, order_id: str, account: str) -> None:
        """Erase the account's tokens, unless another order that has not ended needs them."""
        if not self.needed_elsewhere(order_id, account):
            self._keeper.erase(account)

    def needed_elsewhere(self, order_id: str, account: str) -> bool:
        """Whether another order that has not ended needs the account."""
        others = (stored for stored in self._book.of_account(account) if stored.key != order_id)
        return any(stored.value.status in _LIVE for stored in others)

"""What each account's calls cost on each day: one small document per account and day, so that none grows.

Accounts are named by their opaque ids, for as long as they are not erased. Only work that calls for an account writes
here, once when it ends. Polls and dispatches of energy sites are counted per shard and endpoint alone: with thousands
of accounts to a tick a document each would cost more than the calls.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import islice

import msgspec

from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore, Where
from shared.tesla.counting import change_or_create

MICRO = 1_000_000
_KEPT = timedelta(days=90)
_DEAREST = 10**15
_END = "~"
"""Sorts after every digit."""


class AccountDay(msgspec.Struct, frozen=True, kw_only=True):
    """An account's calls of one day and their price in millionths of a dollar.

    `place` sorts by day, the costliest first, without a composite index. There is no `day` in it, by which the parts
    of a day's sums are found.
    """

    account: str
    place: str
    calls: int
    price_micro: int
    expires_at: datetime


class AccountCost(msgspec.Struct, frozen=True):
    """What one account's calls of a day cost in US dollars."""

    account: str
    calls: int
    price_usd: float


class AccountCosts:
    """Adds up by account and day. Beside the days' sums in the collection `ledger_days`."""

    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._rows, self._clock = Collection(store, "ledger_days", AccountDay), clock

    def add(self, calls: Counter[str], price_micro: Counter[str]) -> None:
        """Add to today's rows, by account."""
        now = self._clock.now()
        for account in calls:
            self._add(now, account, calls[account], price_micro[account])

    def costliest(self, day: date, most: int) -> list[AccountCost]:
        """At most so many accounts of the day, the costliest first; as many documents are read."""
        where = [Where("place", ">=", f"{day}."), Where("place", "<", f"{day}.{_END}")]
        found = self._rows.find(where, order_by="place", page_size=max(1, most))
        rows = (stored.value for stored in islice(found, most))
        return [AccountCost(row.account, row.calls, row.price_micro / MICRO) for row in rows]

    def forget(self, account: str) -> None:
        """Remove the account's rows; the days' sums stay as they are."""
        for stored in list(self._rows.find([Where("account", "==", account)])):
            self._rows.delete(stored.key)

    def _add(self, now: datetime, account: str, calls: int, micro: int) -> None:
        day = now.date()

        def change(row: AccountDay) -> AccountDay:
            price = row.price_micro + micro
            return msgspec.structs.replace(row, place=_place(day, price), calls=row.calls + calls, price_micro=price)

        empty = AccountDay(account=account, place="", calls=0, price_micro=0, expires_at=now + _KEPT)
        change_or_create(self._rows, f"{day}.account.{account}", empty, change, self._clock)


def _place(day: date, price_micro: int) -> str:
    return f"{day}.{max(0, _DEAREST - price_micro):016d}"

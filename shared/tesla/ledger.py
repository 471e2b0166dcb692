"""What Tesla is asked and what that costs: budgets checked before a call, a ledger written after it.

Money is reserved before it is spent: a meter takes a small amount out of each purse (the day's, the order's) and
calls draw on that, so that purses hold under concurrency and a piece of work costs a few writes, not one per call.
What is left goes back at the end; what a dying worker held stays reserved, on the safe side, until the purse expires.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import msgspec

from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore, Where
from shared.tesla.account_costs import MICRO as _MICRO
from shared.tesla.account_costs import AccountCost, AccountCosts
from shared.tesla.counting import change_or_create
from shared.tesla.errors import NotSent

_SHARDS = 8
_PORTION_USD = 0.05
_KEPT = timedelta(days=400)
_PURSE_KEPT = timedelta(days=120)


class BudgetExceeded(NotSent):
    """The call was not sent, because the order's or the day's budget does not cover it; `purse` says which."""

    reason = "budget"

    def __init__(self, purse: str) -> None:
        super().__init__(f"the {purse} budget for Tesla calls is used up")
        self.purse = purse


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """Millionths of a dollar taken out of a purse so far."""

    taken_micro: int
    expires_at: datetime


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """A day's calls and millionths of a dollar by endpoint, and calls by outcome."""

    day: str = ""
    calls: dict[str, int] = {}
    price_micro: dict[str, int] = {}
    outcomes: dict[str, int] = {}

    def plus(self, calls: Mapping[str, int], price_micro: Mapping[str, int], outcomes: Mapping[str, int]) -> Spent:
        """The same day with more."""
        return Spent(
            day=self.day,
            calls=_sum(self.calls, calls),
            price_micro=_sum(self.price_micro, price_micro),
            outcomes=_sum(self.outcomes, outcomes),
        )


class LedgerDay(Spent, frozen=True, kw_only=True):
    """One shard of one day."""

    expires_at: datetime


class UsageDay(msgspec.Struct, frozen=True, kw_only=True):
    """One day's calls: in all, by endpoint and by outcome, with their price in US dollars.

    `accounts`: those whose own calls cost most, the costliest first, as many as were asked for.
    """

    day: str
    calls: int
    price_usd: float
    calls_by_endpoint: dict[str, int]
    price_usd_by_endpoint: dict[str, float]
    calls_by_outcome: dict[str, int]
    accounts: list[AccountCost] = []


class Limits(msgspec.Struct, frozen=True):
    """Budgets in US dollars; 0 means none."""

    day_usd: float
    order_usd: float


class Ledger:
    """Purses and days over the document store. Collections: `purses`, `ledger_days`."""

    def __init__(self, store: DocumentStore, clock: Clock, limits: Limits) -> None:
        self._purses = Collection(store, "purses", Purse)
        self._days, self._accounts = Collection(store, "ledger_days", LedgerDay), AccountCosts(store, clock)
        self._clock, self._limits = clock, limits

    def meter(self, order: str = "") -> Meter:
        """A meter for one piece of work, of an order if one is named. Close it."""
        purses = [("day", f"day.{self._today()}", self._limits.day_usd)]
        if order:
            purses.append(("order", f"order.{order}", self._limits.order_usd))
        return Meter(self, [purse for purse in purses if purse[2] > 0])

    def take(self, name: str, key: str, limit_usd: float, micro: int) -> None:
        """Take out of a purse. Raises BudgetExceeded when it does not hold that much any more."""
        limit = round(limit_usd * _MICRO)

        def change(purse: Purse) -> Purse:
            if purse.taken_micro + micro > limit:
                raise BudgetExceeded(name)
            return msgspec.structs.replace(purse, taken_micro=purse.taken_micro + micro)

        change_or_create(self._purses, key, self._empty_purse(), change, self._clock)

    def covers(self, micro: int) -> bool:
        """Whether the day's budget covers so many millionths of a dollar more."""
        limit = round(self._limits.day_usd * _MICRO)
        if not limit or not micro:
            return True
        purse = self._purses.get(f"day.{self._today()}")
        return (purse.value.taken_micro if purse else 0) + micro <= limit

    def charge(self, micro: int) -> None:
        """Take what was spent already out of the day's purse, whether or not that holds it."""
        if not self._limits.day_usd or not micro:
            return

        def change(purse: Purse) -> Purse:
            return msgspec.structs.replace(purse, taken_micro=purse.taken_micro + micro)

        change_or_create(self._purses, f"day.{self._today()}", self._empty_purse(), change, self._clock)

    def give_back(self, key: str, micro: int) -> None:
        """Return what was not spent; a purse that is gone gets nothing back."""

        def change(purse: Purse) -> Purse:
            return msgspec.structs.replace(purse, taken_micro=max(0, purse.taken_micro - micro))

        if self._purses.get(key) is not None:
            change_or_create(self._purses, key, self._empty_purse(), change, self._clock)

    def write(self, calls: Counter[str], price_micro: Counter[str], outcomes: Counter[str]) -> None:
        """Add to today's ledger, in one of its shards."""
        day = self._today().isoformat()
        key = f"{day}.{random.randrange(_SHARDS)}"  # noqa: S311  any shard will do

        def change(old: LedgerDay) -> LedgerDay:
            return msgspec.structs.replace(
                old,
                calls=_sum(old.calls, calls),
                price_micro=_sum(old.price_micro, price_micro),
                outcomes=_sum(old.outcomes, outcomes),
            )

        empty = LedgerDay(day=day, calls={}, price_micro={}, outcomes={}, expires_at=self._clock.now() + _KEPT)
        change_or_create(self._days, key, empty, change, self._clock)

    def write_accounts(self, calls: Counter[str], price_micro: Counter[str]) -> None:
        """Add to what each account costs today, beside the ledger."""
        self._accounts.add(calls, price_micro)

    def put(self, part: str, spent: Spent) -> None:
        """Write a part of a day as a whole, for a writer that adds up itself and is the only one of that part."""
        expires_at = self._clock.now() + _KEPT
        self._days.put(f"{spent.day}.{part}", LedgerDay(**msgspec.structs.asdict(spent), expires_at=expires_at))

    def usage(self, first: date, last: date, *, accounts: int = 0) -> list[UsageDay]:
        """The days from first to last on which anything was asked, oldest first, each with so many accounts."""
        where = [Where("day", ">=", first.isoformat()), Where("day", "<=", last.isoformat())]
        shards: dict[str, list[LedgerDay]] = {}
        for stored in self._days.find(where, order_by="day"):
            shards.setdefault(stored.value.day, []).append(stored.value)
        days = [_day(day, parts) for day, parts in shards.items()]
        return [self._with_accounts(day, accounts) for day in days] if accounts else days

    def _with_accounts(self, day: UsageDay, most: int) -> UsageDay:
        return msgspec.structs.replace(day, accounts=self._accounts.costliest(date.fromisoformat(day.day), most))

    def _empty_purse(self) -> Purse:
        return Purse(taken_micro=0, expires_at=self._clock.now() + _PURSE_KEPT)

    def _today(self) -> date:
        return self._clock.now().date()


@dataclass
class Meter:
    """Counts the calls of one piece of work and keeps them within its purses. Safe in many threads; close it."""

    ledger: Ledger
    purses: Sequence[tuple[str, str, float]]
    held_micro: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    price_micro: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    account_calls: Counter[str] = field(default_factory=Counter)
    account_micro: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, price_usd: float) -> None:
        """Set the price aside. Raises BudgetExceeded; the call must not be sent then."""
        needed = round(price_usd * _MICRO)
        if not self.purses or not needed:
            return
        with self._lock:
            if self.held_micro < needed:
                self._reserve(max(needed - self.held_micro, 0), max(needed, round(_PORTION_USD * _MICRO)))
            self.held_micro -= needed

    def after(self, endpoint: str, outcome: str, asked_usd: float, price_usd: float, *, account: str = "") -> None:
        """The call was answered: what it cost in fact; the rest of what was set aside is free again.

        `account`: for whom it was made.
        """
        with self._lock:
            self.calls[endpoint] += 1
            self.outcomes[outcome] += 1
            self.price_micro[endpoint] += round(price_usd * _MICRO)
            if account:
                self.account_calls[account] += 1
                self.account_micro[account] += round(price_usd * _MICRO)
            if self.purses:
                self.held_micro += round((asked_usd - price_usd) * _MICRO)

    def unused(self, price_usd: float) -> None:
        """The call that the price was set aside for is not sent."""
        with self._lock:
            if self.purses:
                self.held_micro += round(price_usd * _MICRO)

    def close(self) -> None:
        """Write the ledger and give back what is left; the ledger first, which nothing else knows."""
        with self._lock:
            left, self.held_micro = self.held_micro, 0
            written = (self.calls, self.price_micro, self.outcomes)
            accounts = (self.account_calls, self.account_micro)
            self.calls, self.price_micro, self.outcomes = Counter(), Counter(), Counter()
            self.account_calls, self.account_micro = Counter(), Counter()
        if written[0]:
            self.ledger.write(*written)
        for _name, key, _limit in self.purses if left else ():
            self.ledger.give_back(key, left)
        self.ledger.write_accounts(*accounts)  # last: what is lost of it is in the sums all the same

    def _reserve(self, least: int, wanted: int) -> None:
        """Take a portion out of every purse, or the least that the call needs where a portion is too much."""
        try:
            self._take(wanted)
        except BudgetExceeded:
            if least >= wanted:
                raise
            self._take(least)

    def _take(self, micro: int) -> None:
        taken: list[str] = []
        try:
            for name, key, limit_usd in self.purses:
                self.ledger.take(name, key, limit_usd, micro)
                taken.append(key)
        except BudgetExceeded:
            for key in taken:
                self.ledger.give_back(key, micro)
            raise
        self.held_micro += micro


def _sum(old: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: old.get(name, 0) + more.get(name, 0) for name in sorted({*old, *more})}


def _day(day: str, parts: Sequence[LedgerDay]) -> UsageDay:
    calls, price, outcomes = Counter[str](), Counter[str](), Counter[str]()
    for part in parts:
        calls.update(part.calls)
        price.update(part.price_micro)
        outcomes.update(part.outcomes)
    return UsageDay(
        day=day,
        calls=calls.total(),
        price_usd=price.total() / _MICRO,
        calls_by_endpoint=dict(calls),
        price_usd_by_endpoint={name: micro / _MICRO for name, micro in price.items() if micro},
        calls_by_outcome=dict(outcomes),
    )

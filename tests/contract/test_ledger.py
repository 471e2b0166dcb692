"""The ledger: budgets hold under concurrency, and the days add up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.platform.ports import DocumentStore
from shared.tesla.ledger import BudgetExceeded, Ledger, Limits, Meter
from tests.contract.clock import HeldClock

PRICE_USD = 0.002


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


def _ledger(documents: DocumentStore, clock: HeldClock, *, day: float = 0, order: float = 0) -> Ledger:
    return Ledger(documents, clock, Limits(day_usd=day, order_usd=order))


def _spend(meter: Meter, calls: int, price_usd: float = PRICE_USD) -> int:
    """Calls that the budget let through."""
    for number in range(calls):
        try:
            meter.before(price_usd)
        except BudgetExceeded:
            return number
        meter.after("warranty", "ok", price_usd, price_usd)
    return calls


def test_without_budgets_everything_goes_and_is_counted(documents: DocumentStore, clock: HeldClock) -> None:
    ledger = _ledger(documents, clock)
    meter = ledger.meter("o")
    assert _spend(meter, 100) == 100
    meter.close()
    (day,) = ledger.usage(clock.now().date(), clock.now().date())
    assert day.calls == 100
    assert day.price_usd == pytest.approx(0.2)
    assert day.calls_by_endpoint == {"warranty": 100}
    assert day.calls_by_outcome == {"ok": 100}


def test_an_order_stops_at_its_budget_to_the_cent(documents: DocumentStore, clock: HeldClock) -> None:
    ledger = _ledger(documents, clock, order=0.051)
    meter = ledger.meter("o")
    assert _spend(meter, 100) == 25
    meter.close()
    assert _spend(ledger.meter("o"), 1) == 0
    assert _spend(ledger.meter("another"), 1) == 1


def test_a_day_stops_all_orders_and_the_next_begins_anew(documents: DocumentStore, clock: HeldClock) -> None:
    ledger = _ledger(documents, clock, day=0.02)
    first = ledger.meter("a")
    assert _spend(first, 6) == 6
    first.close()
    second = ledger.meter("b")
    assert _spend(second, 5) == 4
    with pytest.raises(BudgetExceeded, match="day"):
        second.before(PRICE_USD)
    clock.sleep(86_400)
    assert _spend(ledger.meter("b"), 5) == 5


def test_what_was_not_spent_goes_back(documents: DocumentStore, clock: HeldClock) -> None:
    ledger = _ledger(documents, clock, order=0.1)
    for _ in range(50):
        meter = ledger.meter("o")
        meter.before(0.1)
        meter.after("specs", "not_found", 0.1, 0.0)
        meter.close()
    assert _spend(ledger.meter("o"), 1, 0.1) == 1


def test_many_workers_together_stay_within_the_budget(documents: DocumentStore, clock: HeldClock) -> None:
    ledger = _ledger(documents, clock, day=0.1, order=0.1)

    def work(_: int) -> int:
        meter = ledger.meter("o")
        done = _spend(meter, 20)
        meter.close()
        return done

    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(work, range(8)))
    assert done <= 50
    assert _spend(ledger.meter("o"), 100) == 50 - done


def test_threads_of_one_meter_stay_within_the_budget(documents: DocumentStore, clock: HeldClock) -> None:
    meter = _ledger(documents, clock, order=0.05).meter("o")
    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(lambda _: _spend(meter, 5), range(16)))
    assert done == 25


def test_days_are_listed_apart_and_in_order(documents: DocumentStore, clock: HeldClock) -> None:
    ledger, first = _ledger(documents, clock), clock.now().date()
    for calls in (3, 2, 1):
        meter = ledger.meter()
        _spend(meter, calls)
        meter.close()
        clock.sleep(86_400)
    days = ledger.usage(first, first + timedelta(days=1))
    assert [(day.day, day.calls) for day in days] == [
        (first.isoformat(), 3),
        ((first + timedelta(days=1)).isoformat(), 2),
    ]

"""The ledger: budgets hold under concurrency, and the days add up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.platform.errors import VersionChanged
from shared.platform.ports import DocumentStore
from shared.tesla.account_costs import AccountCosts
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


def _contended(documents: DocumentStore, monkeypatch: pytest.MonkeyPatch, collection: str, times: int) -> None:
    """Others are quicker, so many times, whenever a document of the collection is replaced."""
    replace, left = documents.replace, [times]

    def racing(name: str, key: str, body: dict[str, Any], *, version: str) -> str:
        if name == collection and left[0]:
            left[0] -= 1
            raise VersionChanged("another worker was quicker")
        return replace(name, key, body, version=version)

    monkeypatch.setattr(documents, "replace", racing)


def test_a_purse_that_many_draw_on_at_once_is_waited_for(
    documents: DocumentStore, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = _ledger(documents, clock, order=1)
    assert _spend(ledger.meter("o"), 1) == 1
    _contended(documents, monkeypatch, "purses", 30)
    assert _spend(ledger.meter("o"), 1) == 1


def test_the_days_calls_are_written_down_whatever_becomes_of_the_purse(
    documents: DocumentStore, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = _ledger(documents, clock, order=1)
    meter = ledger.meter("o")
    assert _spend(meter, 3) == 3
    _contended(documents, monkeypatch, "purses", 1_000)
    with pytest.raises(VersionChanged):
        meter.close()
    (day,) = ledger.usage(clock.now().date(), clock.now().date())
    assert day.calls == 3


def _called(ledger: Ledger, account: str, calls: int, price_usd: float = PRICE_USD) -> None:
    """One piece of work for an account."""
    meter = ledger.meter()
    for _ in range(calls):
        meter.after("warranty", "ok", price_usd, price_usd, account=account)
    meter.close()


def test_the_costliest_accounts_of_a_day_are_named_first(documents: DocumentStore, clock: HeldClock) -> None:
    ledger, first = _ledger(documents, clock), clock.now().date()
    for account, calls in (("a", 2), ("b", 30), ("c", 100), ("a", 2), ("", 7)):
        _called(ledger, account, calls)
    clock.sleep(86_400)
    _called(ledger, "a", 1)
    before, after = ledger.usage(first, clock.now().date(), accounts=2)
    assert [(each.account, each.calls, round(each.price_usd, 6)) for each in before.accounts] == [
        ("c", 100, 0.2),
        ("b", 30, 0.06),
    ]
    assert [(each.account, each.calls) for each in after.accounts] == [("a", 1)]
    assert (before.calls, after.calls) == (141, 1)  # what was called for nobody is in the sums alone


def test_accounts_are_named_only_where_they_are_asked_for(documents: DocumentStore, clock: HeldClock) -> None:
    ledger, today = _ledger(documents, clock), clock.now().date()
    _called(ledger, "a", 1)
    assert [day.accounts for day in ledger.usage(today, today)] == [[]]


def test_an_account_that_is_forgotten_stays_in_the_sums(documents: DocumentStore, clock: HeldClock) -> None:
    ledger, today = _ledger(documents, clock), clock.now().date()
    for account in ("a", "b"):
        _called(ledger, account, 3)
    AccountCosts(documents, clock).forget("a")
    (day,) = ledger.usage(today, today, accounts=10)
    assert ([each.account for each in day.accounts], day.calls) == (["b"], 6)


def test_work_on_one_account_side_by_side_loses_no_call(documents: DocumentStore, clock: HeldClock) -> None:
    ledger, today = _ledger(documents, clock), clock.now().date()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _called(ledger, "a", 2), range(8)))
    (day,) = ledger.usage(today, today, accounts=1)
    assert [each.calls for each in day.accounts] == [16]

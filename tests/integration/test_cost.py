"""What an order costs: never over its budget, always in the ledger, shown to the operator alone."""

from __future__ import annotations

from typing import Any

import pytest

from shared import bootstrap
from tests.lab import Lab


def _spent(lab: Lab) -> float:
    return round(sum(call.price_usd for call in lab.simulator.ledger if call.host != "auth"), 6)


def _reasons(view: Any) -> set[str]:
    return {item["reason"] for vehicle in view["vehicles"] for item in vehicle["modules"] if item["reason"]}


def _usage(lab: Lab, query: str = "") -> Any:
    return lab.call("GET", f"/api/v1/usage{query}", headers={"Authorization": "Bearer operator"})


@pytest.mark.settings(TESLA_ORDER_BUDGET_USD="0.05")
def test_an_order_never_costs_more_than_its_budget(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    assert "budget" in _reasons(view)
    assert _spent(lab) <= 0.05
    assert view["tesla"]["price_usd"] == pytest.approx(_spent(lab))
    assert lab.simulator.calls("specs") == []


@pytest.mark.settings(TESLA_DAY_BUDGET_USD="0.3")
def test_a_day_never_costs_more_than_its_budget(lab: Lab) -> None:
    orders = [lab.start("complete") for _ in range(3)]
    lab.pump()
    assert _spent(lab) <= 0.3
    views = [lab.view(*order) for order in orders]
    assert {view["status"] for view in views} == {"completed"}
    assert any("budget" in _reasons(view) for view in views)
    lab.clock.sleep(86_400)
    again = lab.start("basic", vehicles=("v1",))
    lab.pump()
    assert "budget" not in _reasons(lab.view(*again))


@pytest.mark.settings(TESLA_ORDER_BUDGET_USD="0.001")
def test_a_budget_that_is_too_small_is_said_at_once(lab: Lab) -> None:
    order_id, grant = lab.order()
    lab.connect(grant)
    lab.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant)
    assert _spent(lab) <= 0.001


@pytest.mark.settings(OPERATORS="pusher@lab.example")
def test_the_ledger_agrees_with_teslas_bill(lab: Lab) -> None:
    lab.start("complete")
    lab.pump()
    calls = [call for call in lab.simulator.ledger if call.host != "auth"]
    usage = _usage(lab).body
    assert usage["calls"] == len(calls)
    assert usage["price_usd"] == pytest.approx(_spent(lab))
    (day,) = usage["days"]
    assert day["calls_by_endpoint"]["charging_history"] == 1
    assert day["calls_by_outcome"] == {"ok": len(calls)}
    empty = _usage(lab, "?first=2020-01-01&last=2020-01-31").body
    assert (empty["calls"], empty["days"]) == (0, [])


@pytest.mark.parametrize("query", ["?first=2026-02-01&last=2026-01-01", "?first=2020-01-01&last=2026-01-01"])
def test_a_bad_window_is_refused(lab: Lab, query: str) -> None:
    assert _usage(lab, query).body["type"].endswith("/usage-window-invalid")


def test_what_was_not_spent_is_free_again(lab: Lab) -> None:
    order_id, _grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    purse = bootstrap.documents().get("purses", f"order.{order_id}")
    assert purse is not None
    assert purse.body["taken_micro"] == pytest.approx(_spent(lab) * 1_000_000)


@pytest.mark.settings(OPERATORS="pusher@lab.example")
def test_the_operator_sees_what_each_account_costs(lab: Lab) -> None:
    owners = ((0, "complete", "eu"), (1, "basic", "na"))
    for owner, package, region in owners:
        lab.start(package, vehicles=("v1",), account=owner, region=region)
    lab.pump()
    documents = bootstrap.documents().query("accounts").documents
    (day,) = _usage(lab, "?accounts=5").body["days"]
    assert {each["account"] for each in day["accounts"]} == {document.key for document in documents}
    prices = [each["price_usd"] for each in day["accounts"]]
    assert prices == sorted(prices, reverse=True)
    assert sum(prices) == pytest.approx(_spent(lab))  # the application's own calls, such as specs, among them
    assert sum(each["calls"] for each in day["accounts"]) == day["calls"]
    assert [len(one["accounts"]) for one in _usage(lab, "?accounts=1").body["days"]] == [1]
    assert _usage(lab).body["days"][0]["accounts"] == []


def test_an_erased_account_is_named_no_more(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    today, account = lab.clock.now().date(), bootstrap.documents().query("accounts").documents[0].key
    (day,) = bootstrap.ledger().usage(today, today, accounts=5)
    assert [each.account for each in day.accounts] == [account]
    assert lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status == 202
    (left,) = bootstrap.ledger().usage(today, today, accounts=5)
    assert (left.accounts, left.calls) == ([], day.calls)


@pytest.mark.settings(OPERATORS="pusher@lab.example")
@pytest.mark.parametrize("query", ["?accounts=-1", "?accounts=1000", "?first=2026-01-01&last=2026-03-01&accounts=5"])
def test_accounts_are_listed_within_bounds(lab: Lab, query: str) -> None:
    assert _usage(lab, query).status in (400, 422)

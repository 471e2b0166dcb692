"""The plan's limits over the whole service: what they refuse is never sent, waits, and is done when it may be."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.session import AccountSession
from shared.tesla.catalogue import ENDPOINTS, Price
from shared.tesla.client import Tally
from shared.tesla.errors import PlanLimitReached
from shared.tesla.ledger import BudgetExceeded
from shared.tesla.metering import metered
from shared.tesla.request_limits import never_blocked
from tests.lab import Lab

BILLED = {name for name, item in ENDPOINTS.items() if item.price in (Price.DATA, Price.SPECS)}
DAY_S = 86_400


def _session(lab: Lab) -> AccountSession:
    _order, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    return bootstrap.sessions().of(bootstrap.documents().query("accounts").documents[0].key)


def _fleet(lab: Lab) -> list[Any]:
    return [call for call in lab.simulator.ledger if call.host != "auth"]


def _by_vehicle(lab: Lab) -> Counter[str]:
    """Data calls by the VIN that they are about."""
    return Counter(call.vin for call in _fleet(lab) if call.vin and call.endpoint in BILLED)


def _day_later(lab: Lab) -> None:
    lab.clock.sleep(DAY_S)
    lab.simulator.advance(DAY_S)
    lab.tick()
    lab.pump()


def test_without_limits_nothing_is_stored(lab: Lab) -> None:
    lab.start("complete")
    lab.pump()
    for collection in ("allowances", "paces", "setting_writes"):
        assert bootstrap.documents().query(collection).documents == []


@pytest.mark.settings(TESLA_LIMITS="retired_plan", TESLA_LIMIT_REQUESTS_PER_S="0")
def test_an_order_fits_into_the_retired_plan(lab: Lab) -> None:
    order_id, grant = lab.start("complete")
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    counts = {item.key: item.body["taken"] for item in bootstrap.documents().query("allowances").documents}
    assert len(counts) == 3  # two vehicles and the application
    assert max(counts.values()) >= len(_fleet(lab))


@pytest.mark.settings(TESLA_LIMIT_VEHICLE_DATA_PER_DAY="3", ASLEEP_WAIT_S=str(2 * DAY_S), ORDER_DEADLINE_S="400000")
def test_a_vehicle_is_asked_no_more_than_its_day_allows_and_the_rest_on_the_next(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    view = lab.view(order_id, grant)["vehicles"][0]
    assert (view["status"], view["reason"]) == ("waiting", "plan_limit")
    assert max(_by_vehicle(lab).values()) <= 3
    sent = len(_fleet(lab))
    lab.clock.sleep(600)
    lab.tick()
    lab.pump()
    assert len(_fleet(lab)) == sent
    for _ in range(4):
        _day_later(lab)
    done = lab.view(order_id, grant)
    assert done["status"] == "completed"
    assert {item["status"] for item in done["vehicles"][0]["modules"]} == {"ok"}
    assert all(item["calls"] <= 1 for item in done["vehicles"][0]["modules"])


@pytest.mark.settings(TESLA_LIMIT_VEHICLE_WAKES_PER_DAY="1")
def test_a_wake_that_the_day_does_not_allow_is_not_sent(lab: Lab) -> None:
    session = _session(lab)
    vin = lab.simulator.accounts[0].vehicles[0].vin
    session.call("wake_up", path={"vin": vin})
    with pytest.raises(PlanLimitReached) as raised:
        session.call("wake_up", path={"vin": vin})
    assert 0 < raised.value.retry_after_s <= DAY_S
    assert len(lab.simulator.calls("wake_up")) == 1


@pytest.mark.settings(TESLA_LIMIT_REQUESTS_PER_DAY="30")
def test_threads_together_stay_within_the_applications_day(lab: Lab) -> None:
    session, before = _session(lab), len(_fleet(lab))

    def attempt(_number: int) -> bool:
        try:
            return bool(session.call("vehicles").body)
        except PlanLimitReached:
            return False

    with ThreadPoolExecutor(12) as pool:
        answered = sum(pool.map(attempt, range(60)))
    assert len(_fleet(lab)) == before + answered == 30
    with never_blocked():
        assert session.call("vehicles").body


@pytest.mark.settings(TESLA_LIMIT_REQUESTS_PER_DAY="4")
def test_an_owner_is_told_when_to_come_back(lab: Lab) -> None:
    replies = []
    for _ in range(4):
        order_id, grant = lab.order("basic")
        lab.connect(grant)
        replies.append(lab.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant))
    assert replies[0].status == 200
    assert replies[-1].status == 503
    assert 0 < int(replies[-1].headers["Retry-After"]) <= DAY_S
    assert len(_fleet(lab)) == 4


@pytest.mark.settings(TESLA_LIMIT_REQUESTS_PER_S="5")
def test_calls_are_paced_over_the_application(lab: Lab) -> None:
    session, began = _session(lab), lab.clock.monotonic()
    for _ in range(21):
        session.call("vehicles")
    assert lab.clock.monotonic() - began >= 20 / 5


@pytest.mark.settings(TESLA_LIMIT_REQUESTS_PER_DAY="2", TESLA_DAY_BUDGET_USD="1", TESLA_ORDER_BUDGET_USD="0")
def test_a_refused_call_takes_nothing_out_of_a_budget(lab: Lab) -> None:
    session, meter = _session(lab), bootstrap.ledger().meter()
    with metered(meter):
        for _ in range(9):
            try:
                session.call("user_region")
            except PlanLimitReached:
                continue
    spent = sum(call.price_usd for call in _fleet(lab) if call.price_usd)
    (purse,) = bootstrap.documents().query("purses").documents
    assert purse.body["taken_micro"] == pytest.approx(spent * 1_000_000)


@pytest.mark.settings(TESLA_LIMIT_VEHICLE_DATA_PER_DAY="2", TESLA_ORDER_BUDGET_USD="0.0001")
def test_a_call_that_no_budget_covers_counts_against_no_limit(lab: Lab) -> None:
    session, vin = _session(lab), lab.simulator.accounts[0].vehicles[0].vin
    with metered(bootstrap.ledger().meter("o")), pytest.raises(BudgetExceeded):
        session.call("warranty", query={"vin": vin})
    assert bootstrap.documents().query("allowances").documents == []


@pytest.mark.settings(TESLA_PRICE_ENERGY_USD="0.004")
def test_energy_calls_cost_what_the_setting_says(lab: Lab) -> None:
    grant, _grant = bootstrap.grants().issue("enrolment", "site", lab.clock.now() + timedelta(days=1))
    assert lab.connect(grant, product="energy").status == 200
    session = bootstrap.sessions().of(bootstrap.documents().query("accounts").documents[0].key)
    site, tally = lab.simulator.accounts[0].sites[0], Tally()
    session.call("site_info", path={"energy_site_id": str(site.site_id)}, tally=tally)
    assert (tally.calls, tally.price_usd) == (1, 0.004)

"""The circuit breaker: one refusal over the bill holds every call back, one call that is answered lets them go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared import bootstrap
from shared.platform.embedded.documents import SqliteDocuments
from shared.tesla.breaker import Breaker
from shared.tesla.errors import HeldBack, LimitExceeded, Refused, ServerError, Unauthorized
from tests.lab import Lab

HOLD_S = 900
LOOK_S = 15


def _session(lab: Lab) -> Any:
    _order, grant = lab.order("basic")
    lab.connect(grant)
    account = bootstrap.documents().query("accounts").documents[0].key
    return bootstrap.sessions().of(account)


def _limit(lab: Lab, times: int | None = None, match: str = "vehicles") -> Callable[[], None]:
    fault = lab.simulator.add_fault(match, "exceeded_limit", times=times)
    return lambda: _lifted(lab, fault.id)


def _lifted(lab: Lab, fault: int) -> None:
    assert lab.simulator.control.state.faults.remove(fault)


def _asked(lab: Lab) -> int:
    return sum(call.host != "auth" for call in lab.simulator.ledger)


def _another_instance() -> Breaker:
    """The breaker of another process over the same store."""
    store = bootstrap.documents()
    assert isinstance(store, SqliteDocuments)
    return Breaker(store, bootstrap.clock, HOLD_S)


def _trip(breaker: Breaker) -> None:
    with pytest.raises(LimitExceeded), breaker.watch():
        raise LimitExceeded(402)


def _passes(breaker: Breaker) -> bool:
    try:
        with breaker.watch():
            return True
    except HeldBack:
        return False


@pytest.mark.parametrize("fault", [("exceeded_limit", {}), ("status", {"status": 402})])
def test_one_refusal_holds_every_call_back(lab: Lab, fault: tuple[str, Any]) -> None:
    session = _session(lab)
    lab.simulator.add_fault("vehicles", fault[0], times=1, **fault[1])
    with pytest.raises(LimitExceeded):
        session.call("vehicles")
    before = _asked(lab)
    for name in ("vehicles", "vehicles", "user_region"):
        with pytest.raises(HeldBack) as held:
            session.call(name)
        assert 0 < held.value.retry_after_s <= HOLD_S
    assert _asked(lab) == before


def test_tokens_are_refreshed_while_calls_are_held_back(lab: Lab) -> None:
    session = _session(lab)
    _trip(_another_instance())
    lab.clock.sleep(28_800)
    lab.simulator.advance(28_800)
    account = bootstrap.documents().query("accounts").documents[0].key
    assert bootstrap.keeper().access(account).token
    assert session.scopes


def test_when_the_time_is_over_one_call_tries_and_lets_the_others_go_on(lab: Lab) -> None:
    session = _session(lab)
    _limit(lab, times=1)
    with pytest.raises(LimitExceeded):
        session.call("vehicles")
    lab.clock.sleep(HOLD_S + 1)
    assert session.call("vehicles").body
    assert bootstrap.documents().query("breakers").documents == []
    assert session.call("vehicles").body


def test_a_try_that_is_refused_holds_back_anew(lab: Lab) -> None:
    session = _session(lab)
    lift = _limit(lab)
    for _ in range(3):
        with pytest.raises(LimitExceeded):
            session.call("vehicles")
        with pytest.raises(HeldBack):
            session.call("vehicles")
        lab.clock.sleep(HOLD_S + 1)
    assert len(lab.simulator.calls("vehicles")) == 3
    lift()
    assert session.call("vehicles").body


def test_of_a_crowd_one_tries(lab: Lab) -> None:
    session = _session(lab)
    _limit(lab)
    with pytest.raises(LimitExceeded):
        session.call("vehicles")
    lab.clock.sleep(HOLD_S + 1)

    def attempt(_number: int) -> str:
        with pytest.raises((LimitExceeded, HeldBack)) as raised:
            session.call("vehicles")
        return type(raised.value).__name__

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(attempt, range(20)))
    assert outcomes.count("LimitExceeded") == 1
    assert len(lab.simulator.calls("vehicles")) == 2


@pytest.mark.parametrize("error", [ServerError(503), Unauthorized(401), KeyboardInterrupt()])
def test_a_try_that_tells_nothing_is_followed_by_another(lab: Lab, error: BaseException) -> None:
    breaker = _another_instance()
    _trip(breaker)
    lab.clock.sleep(HOLD_S + 1)
    with pytest.raises(type(error)), breaker.watch():
        raise error
    assert not _passes(breaker)
    lab.clock.sleep(HOLD_S)
    assert _passes(breaker)


def test_a_refusal_for_another_reason_shows_that_the_bill_is_paid(lab: Lab) -> None:
    breaker = _another_instance()
    _trip(breaker)
    lab.clock.sleep(HOLD_S + 1)
    with pytest.raises(Refused), breaker.watch():
        raise Refused(404)
    assert _passes(breaker)


def test_every_instance_knows_within_seconds(lab: Lab) -> None:
    here, there = _another_instance(), _another_instance()
    assert _passes(there)
    _trip(here)
    assert _passes(there)  # it looked a moment ago
    lab.clock.sleep(LOOK_S + 1)
    assert not _passes(there)
    lab.clock.sleep(HOLD_S)
    assert _passes(here)
    assert _passes(there)


def test_the_operator_is_told_once_per_opening(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    instances = [_another_instance() for _ in range(3)]
    assert all(_passes(instance) for instance in instances)
    for _ in range(2):
        for instance in instances:
            _trip(instance)
        lab.clock.sleep(HOLD_S + 1)
        assert _passes(instances[0])
        lab.clock.sleep(LOOK_S + 1)
        assert all(_passes(instance) for instance in instances)
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [record["severity"] for record in records if "held back" in record["message"]] == ["ERROR", "ERROR"]


def test_an_owner_is_told_to_come_back(lab: Lab) -> None:
    order_id, grant = lab.order("basic")
    lab.connect(grant)
    _trip(_another_instance())
    lab.clock.sleep(LOOK_S + 1)
    reply = lab.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant)
    assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (503, "tesla-billing-limit")
    assert 0 < int(reply.headers["Retry-After"]) <= HOLD_S

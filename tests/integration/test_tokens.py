"""The keeper of tokens: one exchange whatever the crowd, nothing lost in a crash, one stop when consent ends."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.keeper import Disconnected
from shared.accounts.model import Account
from shared.platform.documents import Collection
from shared.tesla.errors import LoginRequired, ServerError
from tests.lab import Lab

EIGHT_H = 28_800


def _account(lab: Lab) -> str:
    _order, grant = lab.order()
    lab.connect(grant)
    return bootstrap.documents().query("accounts").documents[0].key


def _stored(account: str) -> Account:
    stored = Collection(bootstrap.documents(), "accounts", Account).get(account)
    assert stored is not None
    return stored.value


def _refreshes(lab: Lab) -> int:
    return sum(call.endpoint == "token" for call in lab.simulator.ledger)


def _pass_time(lab: Lab, seconds: float) -> None:
    lab.clock.sleep(seconds)
    lab.simulator.advance(seconds)


def test_a_fresh_token_is_handed_out_without_a_call(lab: Lab) -> None:
    account = _account(lab)
    before = _refreshes(lab)
    assert bootstrap.keeper().access(account).token
    assert _refreshes(lab) == before


def test_a_crowd_causes_one_exchange_and_all_get_the_new_token(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    account = _account(lab)
    old = bootstrap.keeper().access(account).token
    _pass_time(lab, EIGHT_H)
    before = _refreshes(lab)
    monkeypatch.setattr(lab.clock, "sleep", time.sleep)
    with ThreadPoolExecutor(50) as pool:
        tokens = set(pool.map(lambda _: bootstrap.keeper().access(account).token, range(50)))
    assert len(tokens) == 1
    assert old not in tokens
    assert _refreshes(lab) - before == 1


def test_a_refused_token_is_refreshed_once_and_the_call_repeated(lab: Lab) -> None:
    account = _account(lab)
    lab.simulator.advance(EIGHT_H + 60)
    before = _refreshes(lab)
    answer = bootstrap.sessions().of(account).call("vehicles")
    assert answer.body
    assert _refreshes(lab) - before == 1
    assert [call.status for call in lab.simulator.calls("vehicles")] == [401, 200]


def test_a_crash_after_the_exchange_loses_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new pair was never stored: the old refresh token, as the most recently used one, works once more."""
    account = _account(lab)
    _pass_time(lab, EIGHT_H)
    with monkeypatch.context() as patch:
        patch.setattr(type(bootstrap.keeper()), "_keep", _die)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.keeper().access(account)
    assert bootstrap.sessions().of(account).call("vehicles").body
    assert _stored(account).state == "active"


def test_the_planned_refresh_comes_at_half_to_four_fifths_of_life(lab: Lab) -> None:
    account = _account(lab)
    item = bootstrap.documents().get("due", f"refresh.{account}")
    assert item is not None
    share = (item.body["at"] - _stored(account).access_issued_at).total_seconds() / EIGHT_H
    assert 0.5 <= share <= 0.8


def test_the_planned_refresh_renews_while_an_order_runs(lab: Lab) -> None:
    lab.simulator.accounts[0].vehicles[0].state = "asleep"
    lab.start("basic", vehicles=("v1",))
    lab.pump()
    account = bootstrap.documents().query("accounts").documents[0].key
    old = bootstrap.keeper().access(account).token
    _pass_time(lab, EIGHT_H * 0.85)
    lab.tick()
    lab.pump()
    assert bootstrap.keeper().access(account).token != old


def test_tokens_nobody_needs_any_more_are_erased(lab: Lab) -> None:
    lab.start("basic", vehicles=("v1",))
    lab.pump()
    _pass_time(lab, 3 * 86_400)
    lab.tick()
    lab.pump()
    assert bootstrap.documents().query("accounts").documents == []


def test_login_required_stops_the_account_within_one_attempt(lab: Lab) -> None:
    account = _account(lab)
    lab.simulator.revoke(0)
    _pass_time(lab, EIGHT_H)
    before = _refreshes(lab)
    for _ in range(5):
        with pytest.raises(LoginRequired):
            bootstrap.keeper().access(account)
    assert _stored(account).state == "login_required"
    assert _refreshes(lab) - before <= 1


def test_a_new_consent_brings_the_account_back(lab: Lab) -> None:
    account = _account(lab)
    lab.simulator.revoke(0)
    _pass_time(lab, EIGHT_H)
    with pytest.raises(LoginRequired):
        bootstrap.keeper().access(account)
    assert _account(lab) == account
    assert bootstrap.keeper().access(account).token


def test_an_outage_of_the_token_endpoint_is_no_loss_of_consent(lab: Lab) -> None:
    account = _account(lab)
    _pass_time(lab, EIGHT_H)
    lab.simulator.add_fault("token", "server_error", times=1)
    with pytest.raises(ServerError):
        bootstrap.keeper().access(account)
    assert _stored(account).state == "active"
    assert bootstrap.keeper().access(account).token


def test_a_disconnected_account_is_not_called_for(lab: Lab) -> None:
    account = _account(lab)
    bootstrap.keeper().erase(account)
    with pytest.raises(Disconnected):
        bootstrap.keeper().access(account)


def test_tokens_of_one_account_do_not_open_in_another(lab: Lab) -> None:
    from shared.platform.sealing import SealBroken

    account = _account(lab)
    body = bootstrap.documents().query("accounts").documents[0].body
    bootstrap.documents().put("accounts", "another", body)
    with pytest.raises(SealBroken):
        bootstrap.keeper().access("another")
    assert bootstrap.keeper().access(account).token


def _die(*_args: Any, **_options: Any) -> None:
    raise KeyboardInterrupt

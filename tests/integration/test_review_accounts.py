"""Accounts between two owners' steps: what a consent, a refresh or an end of consent leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.model import Account
from shared.platform.documents import Collection
from shared.tesla.errors import LoginRequired
from shared.tesla.oauth import TokenSet, read_claims
from tests.lab import Lab, Reply
from tests.simulator.control import AccountChange

EIGHT_H = 28_800


def _accounts() -> dict[str, Account]:
    return {item.key: item.value for item in Collection(bootstrap.documents(), "accounts", Account).find([])}


def _connected(lab: Lab) -> tuple[str, str, str]:
    """An order connected to the first owner: order, grant, account."""
    order_id, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    assert lab.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant).status == 200
    return order_id, grant, next(iter(_accounts()))


def _select(lab: Lab, order_id: str, grant: str) -> Reply:
    return lab.call("POST", f"/api/v1/orders/{order_id}/selection", {"vehicles": ["v1"]}, grant=grant)


def _tokens_of(lab: Lab, seconds: float) -> int:
    lab.clock.sleep(seconds)
    lab.simulator.advance(seconds)
    return sum(call.endpoint == "token" for call in lab.simulator.ledger)


def _meanwhile(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Act once, between the answer of the token endpoint and the storing of the new pair."""
    auth, refresh, waiting = bootstrap.tesla_auth(), bootstrap.tesla_auth().refresh, [act]

    def racing(token: str, **options: Any) -> TokenSet:
        tokens = refresh(token, **options)
        if waiting:
            waiting.pop()()
        return tokens

    patch.setattr(auth, "refresh", racing)


def test_an_unfit_consent_leaves_the_account_of_another_order_alone(lab: Lab) -> None:
    _order, _grant, account = _connected(lab)
    before = _accounts()
    _other, other_grant = lab.order("basic")
    reply = lab.connect(other_grant, untick=("vehicle_device_data",))
    assert reply.body["type"].endswith("/scope-missing")
    assert _accounts() == before
    assert bootstrap.keeper().access(account).token
    assert bootstrap.documents().query("pending_consents").documents == []


def test_somebody_elses_tokens_are_not_kept_when_the_order_refuses_them(lab: Lab) -> None:
    _order, grant = lab.start("basic")
    reply = lab.connect(grant, account=1, region="na")
    assert reply.body["type"].endswith("/account-differs")
    assert len(_accounts()) == 1
    assert bootstrap.documents().query("pending_consents").documents == []


@pytest.mark.parametrize("ending", ["cancel", None])
def test_an_ended_order_takes_no_consent(lab: Lab, ending: str | None) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    if ending:
        lab.call("POST", f"/api/v1/orders/{order_id}/{ending}", grant=grant)
    lab.pump()
    before = _accounts()
    reply = lab.connect(grant)
    assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (409, "wrong-state")
    assert _accounts() == before


def test_selecting_after_disconnecting_says_to_consent_again(lab: Lab) -> None:
    order_id, grant, _account = _connected(lab)
    assert lab.call("POST", "/api/v1/tesla/oauth/disconnect", grant=grant).status == 200
    reply = _select(lab, order_id, grant)
    assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (409, "tesla-login-required")
    assert lab.view(order_id, grant)["status"] == "connected"


def test_selecting_after_consent_has_ended_says_to_consent_again(lab: Lab) -> None:
    order_id, grant, account = _connected(lab)
    lab.simulator.revoke(0)
    _tokens_of(lab, EIGHT_H)
    with pytest.raises(LoginRequired):
        bootstrap.keeper().access(account)
    assert _select(lab, order_id, grant).body["type"].endswith("/tesla-login-required")
    assert lab.connect(grant).status == 200
    assert _select(lab, order_id, grant).status == 202


def test_an_account_whose_consent_ended_is_erased_when_nobody_needs_it(lab: Lab) -> None:
    _order, _grant, account = _connected(lab)
    lab.simulator.revoke(0)
    _tokens_of(lab, EIGHT_H)
    with pytest.raises(LoginRequired):
        bootstrap.keeper().access(account)
    for _ in range(3):
        before = _tokens_of(lab, 2 * 86_400)
        lab.tick()
        lab.pump()
        assert _tokens_of(lab, 0) == before
    assert _accounts() == {}
    left = [item.key for item in bootstrap.documents().query("due").documents]
    assert [key for key in left if not key.startswith("expire.")] == []  # the order itself is kept for a while


def test_the_scopes_of_a_refreshed_token_are_the_ones_that_count(lab: Lab) -> None:
    """The owner unticked a scope at Tesla: it applies from the next refresh on."""
    _order, _grant, account = _connected(lab)
    lab.simulator.control.change_account(0, AccountChange(scopes=["openid", "offline_access", "vehicle_device_data"]))
    _tokens_of(lab, EIGHT_H)
    assert "vehicle_charging_cmds" not in bootstrap.keeper().access(account).scopes
    assert "vehicle_charging_cmds" not in bootstrap.sessions().of(account).scopes


def test_a_consent_during_a_refresh_gives_its_own_tokens(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both count the fence up by one from where they began: the number alone does not tell whose pair is stored."""
    _order, _grant, account = _connected(lab)
    keeper, value, fresh = bootstrap.keeper(), _accounts()[account], lab.simulator.grant(0)
    tokens = TokenSet(access_token=fresh.access_token, refresh_token=fresh.refresh_token, expires_in=EIGHT_H)
    old = keeper.access(account).token
    _meanwhile(monkeypatch, lambda: keeper.attach(account, value, tokens))
    assert keeper.access(account, instead_of=old).token == fresh.access_token
    assert keeper.access(account).token == fresh.access_token


def test_without_a_refresh_token_none_is_tried(lab: Lab) -> None:
    """The consent brought no refresh token: when the access token ends, so does the consent."""
    _order, _grant, account = _connected(lab)
    keeper = bootstrap.keeper()
    value = _accounts()[account]
    token = keeper.access(account).token
    keeper.attach(account, value, TokenSet(access_token=token, expires_in=EIGHT_H))
    before = _tokens_of(lab, EIGHT_H)
    with pytest.raises(LoginRequired):
        keeper.access(account)
    assert _tokens_of(lab, 0) == before
    assert _accounts()[account].state == "login_required"


def test_the_life_of_a_token_begins_with_its_exchange(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    claim = lab.claim(lab.callback(grant))
    exchanged = lab.clock.now()
    lab.clock.sleep(500)
    assert lab.call("POST", "/api/v1/tesla/oauth/complete", {"claim": claim}, grant=grant).status == 200
    (account,) = _accounts().values()
    assert (account.access_issued_at - exchanged).total_seconds() < 60


def test_an_account_needed_again_at_the_last_moment_is_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _order, _grant, account = _connected(lab)
    _tokens_of(lab, 3 * 86_400)
    store, delete = bootstrap.documents(), bootstrap.documents().delete

    def racing(collection: str, key: str, **options: Any) -> None:
        if collection == "accounts":
            bootstrap.keeper().needed(account, lab.clock.now().replace(year=2100))
        delete(collection, key, **options)

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", racing)
        bootstrap.keeper().upkeep(account, lambda: None)
    assert account in _accounts()


def test_vehicles_of_absurd_length_do_not_stop_an_owner(lab: Lab) -> None:
    lab.simulator.add_fault(
        "vehicles", "retype", times=None, retype={"0.display_name": "x" * 1_000_000, "1.vin": "../" * 400_000}
    )
    order_id, grant = lab.order("basic")
    lab.connect(grant)
    reply = lab.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant)
    assert reply.status == 200
    (only,) = reply.body["vehicles"]
    assert len(only["display_name"]) <= 200


@pytest.mark.parametrize("bound", ["history_from", "history_to"])
@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_window_beyond_all_calendars_is_refused(lab: Lab, bound: str, moment: str) -> None:
    reply = lab.call("POST", "/api/v1/orders", {"package": "basic", bound: moment})
    assert reply.status == 422


def test_a_vehicle_id_of_any_length_is_not_found(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    for leaf in ("report", "invoices"):
        reply = lab.call("GET", f"/api/v1/orders/{order_id}/vehicles/{'v' * 200}/{leaf}", grant=grant)
        assert reply.status == 404


def test_claims_name_what_the_simulator_granted(lab: Lab) -> None:
    _order, _grant, account = _connected(lab)
    token = bootstrap.keeper().access(account).token
    assert set(read_claims(token).scopes) == set(_accounts()[account].scopes)

"""Consents, refreshes and registrations that come at a bad moment or with odd input."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.keeper import TokenKeeper
from shared.accounts.messages import refresh_message
from shared.accounts.model import Account
from shared.platform.documents import Collection
from shared.tesla import errors
from shared.tesla.oauth import TokenSet
from tests.lab import Lab, query_of

EIGHT_H = 28_800
REGISTRATIONS = "/api/v1/tesla/partner/registrations"
OPERATOR = {"Authorization": "Bearer operator"}


def _account() -> tuple[str, Account]:
    (stored,) = Collection(bootstrap.documents(), "accounts", Account).find([])
    return stored.key, stored.value


def _connected(lab: Lab) -> str:
    _order, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    return _account()[0]


def _after_the_first_read(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Act once, when somebody has read an account and not written it yet."""
    store, get, waiting = bootstrap.documents(), bootstrap.documents().get, [act]

    def racing(collection: str, key: str) -> Any:
        document = get(collection, key)
        if collection == "accounts" and waiting:
            waiting.pop()()
        return document

    patch.setattr(store, "get", racing)


def _second_consent(lab: Lab, scopes: tuple[str, ...]) -> tuple[Account, TokenSet]:
    """What a further consent of the same owner brings: fewer scopes, its own tokens."""
    given = lab.simulator.grant(0, scopes)
    tokens = TokenSet(access_token=given.access_token, refresh_token=given.refresh_token, expires_in=EIGHT_H)
    _key, value = _account()
    changed: dict[str, Any] = {"scopes": scopes, "needed_until": lab.clock.now()}
    return Account(**{name: getattr(value, name) for name in value.__struct_fields__} | changed), tokens


def test_a_consent_takes_nobodys_need_away_that_came_up_meanwhile(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    account = _connected(lab)
    value, tokens = _second_consent(lab, _account()[1].scopes)
    far = lab.clock.now().replace(year=2100)
    with monkeypatch.context() as patch:
        _after_the_first_read(patch, lambda: bootstrap.keeper().needed(account, far))
        bootstrap.keeper().attach(account, value, tokens)
    assert _account()[1].needed_until == far


def test_a_narrower_consent_does_not_bring_spent_tokens_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wider tokens stay in use: those that a refresh has just stored, not those that it spent."""
    account = _connected(lab)
    keeper = bootstrap.keeper()
    value, tokens = _second_consent(lab, ("openid", "offline_access", "vehicle_device_data"))
    old = keeper.access(account).token
    with monkeypatch.context() as patch:
        _after_the_first_read(patch, lambda: keeper.refresh(account, instead_of=old))
        keeper.attach(account, value, tokens, relied_on=True)
    assert keeper.access(account).token != old
    assert "vehicle_charging_cmds" in keeper.access(account).scopes


def test_a_consent_of_an_account_that_was_erased_meanwhile_is_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    account = _connected(lab)
    keeper = bootstrap.keeper()
    value, tokens = _second_consent(lab, _account()[1].scopes)
    with monkeypatch.context() as patch:
        _after_the_first_read(patch, lambda: keeper.erase(account))
        keeper.attach(account, value, tokens)
    assert keeper.access(account).token == tokens.access_token


def test_no_tokens_are_stored_that_nobody_would_erase(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever dies on the way leaves nothing behind that is on no list."""
    _order, grant = lab.order("basic")
    claim = lab.claim(lab.callback(grant))

    def dies(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap.due(), "plan", dies)
        with pytest.raises(KeyboardInterrupt):
            lab.call("POST", "/api/v1/tesla/oauth/complete", {"claim": claim}, grant=grant)
    assert not list(Collection(bootstrap.documents(), "accounts", Account).find([]))


@pytest.mark.settings(OPERATORS="pusher@lab.example")
@pytest.mark.parametrize("domain", ["https://x.example", "x.example/path", "x.example:8443", "a b", "x" * 300, "."])
def test_what_is_no_host_is_not_registered(lab: Lab, domain: str) -> None:
    reply = lab.call("POST", REGISTRATIONS, {"region": "eu", "domain": domain}, headers=OPERATOR)
    assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (422, "domain-invalid")
    assert not lab.simulator.calls("partner_accounts")


@pytest.mark.settings(OPERATORS="pusher@lab.example")
def test_a_host_is_registered_in_lower_case(lab: Lab) -> None:
    reply = lab.call("POST", REGISTRATIONS, {"region": "eu", "domain": " API.Example.com "}, headers=OPERATOR)
    (outcome,) = reply.body["registrations"]
    assert (outcome["status"], outcome["domain"]) == ("registered", "api.example.com")
    today = lab.clock.now().date()
    (day,) = bootstrap.ledger().usage(today, today)
    assert day.calls_by_endpoint == {"partner_accounts": 1}


@pytest.mark.parametrize("region", ["cn"])
def test_no_consent_is_asked_for_in_a_region_that_is_not_enabled(lab: Lab, region: str) -> None:
    _order, grant = lab.order("basic")
    reply = lab.call("POST", "/api/v1/tesla/oauth/initiate", {"region": region}, grant=grant)
    assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (422, "region-unavailable")


@pytest.mark.settings(OPERATORS="pusher@lab.example")
@pytest.mark.parametrize("query", ["last=0001-01-01", "last=0001-01-20", "first=9999-12-31", "last=9999-12-31"])
def test_a_window_at_the_end_of_the_calendar_is_no_accident(lab: Lab, query: str) -> None:
    assert lab.call("GET", f"/api/v1/usage?{query}", headers=OPERATOR).status in {200, 422}


@pytest.mark.parametrize(
    "query",
    [
        "state=x&state=y&code=1",
        "state=%00&code=1",
        f"state={'x' * 5000}&code=1",
        "state=%ed%a0%80&code=%ff",
        "error=access_denied",
        "state=&error=%3Cscript%3E",
        "",
    ],
)
def test_a_callback_of_anybodys_making_is_refused(lab: Lab, query: str) -> None:
    reply = lab.call("GET", f"/api/v1/tesla/oauth/callback?{query}")
    assert reply.status == 400, reply.text
    assert "<script" not in reply.text


def test_the_applications_own_token_says_nothing_of_where_an_owner_lives(lab: Lab) -> None:
    """A car may be known elsewhere than its owner: specs are asked for there, everything else stays where it was."""
    account = _connected(lab)
    named = lab.simulator.urls.na
    body = {"error": f"user out of region, use base URL: {named}, see https://developer.tesla.com"}
    lab.simulator.add_fault("specs", "status", status=421, body=body, host="eu", times=1)
    session = bootstrap.sessions().of(account)
    with contextlib.suppress(errors.Refused):
        session.call("specs", path={"vin": lab.simulator.accounts[0].vehicles[0].vin})
    assert [call.host for call in lab.simulator.calls("specs")] == ["eu", "na"]
    assert session.region == "eu"
    lab.simulator.clear()
    session.call("vehicles")
    assert [(call.endpoint, call.host) for call in lab.simulator.ledger] == [("vehicles", "eu")]


@pytest.mark.settings(FRONTEND_URL="https://app.example/connected?x=1")
def test_teslas_page_leads_back_to_the_frontend(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    claim = query_of(lab.call("GET", lab.callback(grant)).headers["Location"].replace("#", "&"))["claim"]
    assert lab.call("POST", "/api/v1/tesla/oauth/complete", {"claim": claim}, grant=grant).status == 200
    page = lab.call("POST", "/api/v1/tesla/oauth/disconnect", grant=grant).body["consent_page_url"]
    assert query_of(page) == {
        "revoke_client_id": lab.simulator.config.client_id,
        "back_url": "https://app.example/connected?x=1",
    }


def _statuses(reply: Any) -> dict[tuple[str, str], tuple[str, str]]:
    found = reply.body["registrations"]
    return {(item["region"], item["domain"]): (item["status"], item.get("detail", "")) for item in found}


@pytest.mark.settings(OPERATORS="pusher@lab.example")
def test_every_domain_that_was_registered_is_shown(lab: Lab) -> None:
    lab.call("POST", REGISTRATIONS, {"region": "na", "domain": "other.example.com"}, headers=OPERATOR)
    found = _statuses(lab.call("GET", REGISTRATIONS, headers=OPERATOR))
    assert found["na", "other.example.com"][0] == "registered"
    assert {key: status for key, (status, _) in found.items() if key[1] == "127.0.0.1"} == {
        ("eu", "127.0.0.1"): "pending",
        ("na", "127.0.0.1"): "pending",
        ("cn", "127.0.0.1"): "not_needed",
    }


@pytest.mark.settings(OPERATORS="pusher@lab.example")
def test_the_last_failure_is_the_one_that_is_shown(lab: Lab) -> None:
    for answered in (424, 403):
        lab.simulator.add_fault("partner_accounts", "status", status=answered, times=1)
        lab.call("POST", REGISTRATIONS, {"region": "eu", "domain": "api.example.com"}, headers=OPERATOR)
    status, detail = _statuses(lab.call("GET", REGISTRATIONS, headers=OPERATOR))["eu", "api.example.com"]
    assert (status, "scopes" in detail) == ("failed", True)
    lab.call("POST", REGISTRATIONS, {"region": "eu", "domain": "api.example.com"}, headers=OPERATOR)
    lab.simulator.add_fault("partner_accounts", "status", status=424, times=1)
    lab.call("POST", REGISTRATIONS, {"region": "eu", "domain": "api.example.com"}, headers=OPERATOR)
    found = _statuses(lab.call("GET", REGISTRATIONS, headers=OPERATOR))
    assert found["eu", "api.example.com"] == ("registered", "")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("rate_limited", {"retry_after_s": 2}), ("server_error", {}), ("drop", {"executes": False})],
)
def test_a_short_trouble_at_the_exchange_does_not_cost_the_owner_the_consent(
    lab: Lab, kind: str, options: dict[str, Any]
) -> None:
    """The state is spent by then, so that only a new consent would help."""
    _order, grant = lab.order("basic")
    callback = lab.callback(grant)
    lab.simulator.add_fault("token", kind, times=2, **options)
    claim = lab.claim(callback)
    assert lab.call("POST", "/api/v1/tesla/oauth/complete", {"claim": claim}, grant=grant).status == 200


def test_a_code_that_was_spent_in_the_trouble_is_not_called_a_passing_failure(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    callback = lab.callback(grant)
    lab.simulator.add_fault("token", "drop", times=1)
    reply = lab.call("GET", callback)
    assert (reply.status, "start it again" in reply.text) == (400, True)


def test_an_owner_is_not_kept_waiting_for_long(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    callback = lab.callback(grant)
    lab.simulator.add_fault("token", "rate_limited", times=None, retry_after_s=600)
    before = lab.clock.now()
    assert lab.call("GET", callback).status == 503
    assert (lab.clock.now() - before).total_seconds() < 60


def _tokens(lab: Lab) -> int:
    return sum(call.endpoint == "token" for call in lab.simulator.ledger)


def _later(lab: Lab, seconds: float) -> None:
    lab.clock.sleep(seconds)
    lab.simulator.advance(seconds)
    lab.tick()
    lab.pump()


def test_a_planned_refresh_comes_back_when_tesla_says_and_not_before(lab: Lab) -> None:
    account = _connected(lab)
    bootstrap.keeper().needed(account, lab.clock.now().replace(year=2100))
    lab.simulator.clear()
    lab.simulator.add_fault("token", "rate_limited", times=1, retry_after_s=1_800)
    old = bootstrap.keeper().held(account)[0].token
    _later(lab, EIGHT_H * 0.81)
    assert _tokens(lab) == 1
    _later(lab, 1_700)
    assert _tokens(lab) == 1
    _later(lab, 1_100)
    assert _tokens(lab) == 2
    assert bootstrap.keeper().held(account)[0].token != old


def _two_accounts(lab: Lab) -> list[str]:
    """Two connected owners."""
    for owner in (0, 1):
        _order, grant = lab.order("basic")
        assert lab.connect(grant, account=owner, region=("eu", "na")[owner]).status == 200
    lab.simulator.clear()
    return [stored.key for stored in Collection(bootstrap.documents(), "accounts", Account).find([])]


def _another_instance() -> TokenKeeper:
    """The keeper of another process over the same store."""
    store, sealer, auth = bootstrap.documents(), bootstrap.sealer(), bootstrap.tesla_auth()
    return TokenKeeper(store, sealer, auth, bootstrap.due(), bootstrap.clock, refresh_message)


def _refresh(keeper: TokenKeeper, account: str) -> None:
    keeper.refresh(account, instead_of=keeper.held(account)[0].token)


def test_a_refusal_of_token_calls_holds_every_accounts_refresh_back_in_every_instance(lab: Lab) -> None:
    first, second = _two_accounts(lab)
    lab.simulator.add_fault("token", "rate_limited", times=1, retry_after_s=120)
    with pytest.raises(errors.RateLimited):
        _refresh(bootstrap.keeper(), first)
    with pytest.raises(errors.RateLimited) as held:
        _refresh(_another_instance(), second)
    assert 0 < held.value.retry_after_s <= 120
    assert _tokens(lab) == 1
    lab.clock.sleep(121)
    for account in (first, second):
        _refresh(bootstrap.keeper(), account)
    assert _tokens(lab) == 3


def test_no_single_refusal_of_token_calls_stops_all_refreshes_for_hours(lab: Lab) -> None:
    """Access tokens live for hours: where none were refreshed for as long, everything would stand still."""
    first, second = _two_accounts(lab)
    lab.simulator.add_fault("token", "rate_limited", times=1, retry_after_s=80_000)
    with pytest.raises(errors.RateLimited):
        _refresh(bootstrap.keeper(), first)
    lab.clock.sleep(601)
    _refresh(bootstrap.keeper(), second)


def test_an_owner_who_consents_is_not_turned_away_for_the_refreshes_of_others(lab: Lab) -> None:
    account = _connected(lab)
    lab.simulator.add_fault("token", "rate_limited", times=1, retry_after_s=120)
    with pytest.raises(errors.RateLimited):
        _refresh(bootstrap.keeper(), account)
    _order, grant = lab.order("basic")
    assert lab.connect(grant).status == 200


def test_nothing_is_bought_for_an_owner_who_withdrew_the_consent(lab: Lab) -> None:
    """Specs take the application's own token, which goes on: they are $0.10 for an order that has nothing else."""
    order_id, grant = lab.start("complete", vehicles=("v1",))
    lab.simulator.revoke(0)
    lab.pump()
    modules = {item["module"]: item["reason"] for item in lab.view(order_id, grant)["vehicles"][0]["modules"]}
    assert modules["specs"] == "login_required"
    assert not lab.simulator.calls("specs")

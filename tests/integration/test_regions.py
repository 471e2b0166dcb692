"""Where an owner lives: found once, remembered, and reached with tokens that are for it."""

from __future__ import annotations

from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.model import Account
from shared.platform.documents import Collection
from shared.tesla.errors import AudienceMissing, Missing
from tests.lab import Lab

EIGHT_H = 28_800
AMERICAN = 1


def _account() -> tuple[str, Account]:
    (stored,) = Collection(bootstrap.documents(), "accounts", Account).find([])
    return stored.key, stored.value


def _change(account: str, **fields: Any) -> None:
    """Put the account into a state that came about in another way than a consent just now."""
    body = bootstrap.documents().get("accounts", account)
    assert body is not None
    bootstrap.documents().put("accounts", account, {**body.body, **fields})


def _connected(lab: Lab, account: int = AMERICAN, **options: Any) -> tuple[str, str]:
    order_id, grant = lab.order("basic")
    assert lab.connect(grant, account=account, **options).status == 200
    return order_id, grant


def _asked(lab: Lab) -> int:
    return len(lab.simulator.calls("user_region"))


def _exchanges(lab: Lab) -> int:
    return sum(call.endpoint == "token" and call.status == 200 for call in lab.simulator.ledger)


def _listing(lab: Lab, order_id: str, grant: str) -> Any:
    return lab.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant)


def _unknown_region(lab: Lab) -> None:
    """As if Tesla had not said where the owner lives: the region is the consent's."""
    lab.simulator.add_fault("user_region", "server_error", times=3)


@pytest.fixture
def consented(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A Tesla whose refreshed tokens stay for the region of the consent."""
    monkeypatch.setattr(lab.simulator.config, "audience_mode", "consented")
    return lab


def test_an_owner_from_elsewhere_gets_tokens_for_their_region(lab: Lab) -> None:
    order_id, grant = _connected(lab)
    before = _exchanges(lab)
    assert _listing(lab, order_id, grant).status == 200
    account = _account()[1]
    assert (account.region, account.region_confirmed, account.audiences) == ("na", True, ("na",))
    assert _exchanges(lab) == before + 1
    assert {(call.host, call.status) for call in lab.simulator.calls("vehicles")} == {("na", 200)}


def test_an_ordinary_refresh_names_no_audience(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _connected(lab, 0)
    forms, send = list[Any](), bootstrap.transport().send

    def watched(method: str, url: str, **options: Any) -> Any:
        forms.append(options.get("form") or {})
        return send(method, url, **options)

    monkeypatch.setattr(bootstrap.transport(), "send", watched)
    lab.clock.sleep(EIGHT_H)
    lab.simulator.advance(EIGHT_H)
    assert bootstrap.keeper().access(_account()[0]).token
    assert [form["grant_type"] for form in forms] == ["refresh_token"]
    assert "audience" not in forms[0]


def test_tokens_for_another_region_are_not_used_for_ever(consented: Lab) -> None:
    lab = consented
    order_id, grant = _connected(lab)
    before = _exchanges(lab)
    for _ in range(3):
        reply = _listing(lab, order_id, grant)
        assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (409, "tesla-audience-missing")
    assert _exchanges(lab) == before + 1
    assert lab.simulator.calls("vehicles") == []
    assert _account()[1].state == "audience_missing"


def test_a_new_consent_is_asked_for_in_the_owners_region(consented: Lab) -> None:
    lab = consented
    order_id, grant = _connected(lab)
    assert _listing(lab, order_id, grant).status == 409
    assert lab.connect(grant, account=AMERICAN).status == 200
    assert _listing(lab, order_id, grant).status == 200
    assert _account()[1].audiences == ("na",)
    assert _asked(lab) == 1


def test_an_order_shows_that_its_consent_does_not_reach(consented: Lab) -> None:
    lab = consented
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.simulator.clear()
    _change(_account()[0], region="na")
    lab.pump()
    view = lab.view(order_id, grant)
    assert view["status"] == "completed"
    modules = view["vehicles"][0]["modules"]
    assert {item["reason"] for item in modules if item["module"] != "specs"} == {"audience_missing"}
    assert all(item["calls"] == 0 for item in modules)


def test_a_region_that_refuses_an_audience_ends_in_a_new_consent(lab: Lab) -> None:
    _order, _grant = _connected(lab)
    lab.simulator.add_fault("token", "status", status=400, body='{"error":"invalid_request"}', times=1)
    for _ in range(2):
        with pytest.raises(AudienceMissing):
            bootstrap.keeper().access(_account()[0])
    assert _account()[1].state == "audience_missing"


def test_an_account_without_reach_is_erased_when_nobody_needs_it(consented: Lab) -> None:
    lab = consented
    order_id, grant = _connected(lab)
    assert _listing(lab, order_id, grant).status == 409
    before = _exchanges(lab)
    for _ in range(3):
        lab.clock.sleep(2 * 86_400)
        lab.tick()
        lab.pump()
    assert bootstrap.documents().query("accounts").documents == []
    assert _exchanges(lab) == before


def test_a_421_brings_tokens_for_the_region_it_names(lab: Lab) -> None:
    _unknown_region(lab)
    order_id, grant = _connected(lab)
    assert not _account()[1].region_confirmed
    assert _listing(lab, order_id, grant).status == 200
    seen = [(call.host, call.status) for call in lab.simulator.calls("vehicles")]
    assert seen == [("eu", 421), ("na", 200)]
    account = _account()[1]
    assert (account.region, account.region_confirmed) == ("na", True)


def test_a_404_where_no_region_is_confirmed_is_asked_about_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hosts know no 421: an owner from elsewhere is not found there."""
    monkeypatch.setattr(lab.simulator.config, "wrong_region", "404")
    _unknown_region(lab)
    order_id, grant = _connected(lab)
    before = _asked(lab)
    assert _listing(lab, order_id, grant).status == 200
    assert _asked(lab) == before + 1
    assert [(call.host, call.status) for call in lab.simulator.calls("vehicles")] == [("eu", 404), ("na", 200)]
    assert _account()[1].region == "na"


def test_a_404_at_home_is_not_found_and_not_repeated(lab: Lab) -> None:
    _unknown_region(lab)
    _connected(lab, 0)
    lab.simulator.add_fault("vehicles", "status", status=404, times=None)
    session, before = bootstrap.sessions().of(_account()[0]), _asked(lab)
    for _ in range(3):
        with pytest.raises(Missing):
            session.call("vehicles")
    assert _asked(lab) == before + 1
    assert len(lab.simulator.calls("vehicles")) == 3


def test_a_good_answer_confirms_the_region(lab: Lab) -> None:
    _unknown_region(lab)
    _connected(lab, 0)
    session = bootstrap.sessions().of(_account()[0])
    assert session.call("vehicles").body
    assert _account()[1].region_confirmed
    lab.simulator.add_fault("vehicles", "status", status=404, times=None)
    before = _asked(lab)
    with pytest.raises(Missing):
        session.call("vehicles")
    assert _asked(lab) == before


def test_the_region_is_asked_for_once_per_account(lab: Lab) -> None:
    for _ in range(3):
        _connected(lab, 0)
    assert _asked(lab) == 1


def test_a_region_on_no_list_is_never_called(lab: Lab) -> None:
    lab.simulator.add_fault(
        "user_region", "retype", times=None, retype={"fleet_api_base_url": "https://fleet.attacker.example"}
    )
    _connected(lab, 0)
    account = _account()[1]
    assert (account.region, account.region_confirmed) == ("eu", False)


# An order goes where its account is


def _order_region(order_id: str) -> str:
    return bootstrap.desk().book.get(order_id).region


def _unregister(lab: Lab, region: str) -> None:
    lab.simulator.control.state.regions.discard(region)


def _register(lab: Lab, region: str) -> None:
    body, headers = {"region": region}, {"Authorization": "Bearer operator"}
    reply = lab.call("POST", "/api/v1/tesla/partner/registrations", body, headers=headers)
    assert reply.body["registrations"][0]["status"] == "registered", reply.text


def _chosen(lab: Lab, package: str) -> tuple[str, str]:
    """An American owner's order whose region was not known at the consent, up to its selection."""
    order_id, grant = lab.order(package)
    _unknown_region(lab)
    assert lab.connect(grant, account=AMERICAN).status == 200
    assert _order_region(order_id) == "eu"
    assert _listing(lab, order_id, grant).status == 200
    selection = f"/api/v1/orders/{order_id}/selection"
    assert lab.call("POST", selection, {"vehicles": ["v1"]}, grant=grant).status == 202
    return order_id, grant


def test_an_order_follows_its_account_when_its_vehicles_are_listed(lab: Lab) -> None:
    order_id, _grant = _chosen(lab, "basic")
    assert _order_region(order_id) == "na"


@pytest.mark.settings(OPERATORS="pusher@lab.example")
@pytest.mark.parametrize("wrong_region", ["421", "404"])
@pytest.mark.parametrize("package", ["basic", "charging"])
def test_work_that_waits_for_a_registration_goes_on_with_it_wherever_the_account_moved(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, package: str, wrong_region: str
) -> None:
    order_id, grant = _chosen(lab, package)
    monkeypatch.setattr(lab.simulator.config, "wrong_region", wrong_region)
    # As if the account had never been called: it moves while the order's workers run.
    _change(_account()[0], region="eu", region_confirmed=False)
    body = bootstrap.documents().get("orders", order_id)
    assert body is not None
    bootstrap.documents().put("orders", order_id, {**body.body, "region": "eu"})
    _unregister(lab, "na")
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "running"
    lab.simulator.clear()
    _register(lab, "eu")
    lab.pump()
    assert {call.endpoint for call in lab.simulator.ledger if call.host != "auth"} == {"partner_accounts"}
    _register(lab, "na")
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    assert _order_region(order_id) == "na"


@pytest.mark.settings(OPERATORS="pusher@lab.example")
def test_a_registration_is_not_missed_by_work_that_waits_for_something_else_too(lab: Lab) -> None:
    vehicle = lab.simulator.accounts[0].vehicles[0]
    vehicle.state = "asleep"
    lab.simulator.add_fault("options", "rate_limited", times=1, retry_after_s=7_200)
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.pump()
    _unregister(lab, "eu")
    lab.clock.sleep(901)
    lab.tick()
    lab.pump()
    vehicle.state = "online"
    _register(lab, "eu")
    lab.pump()
    modules = {item["module"]: item["status"] for item in lab.view(order_id, grant)["vehicles"][0]["modules"]}
    assert (modules["vehicle_data"], modules["options"]) == ("ok", "pending")

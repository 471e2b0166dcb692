"""Two products, several consents of one owner: kept apart, added up, and asked for again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared import bootstrap
from shared.accounts.model import Account
from shared.platform.documents import Collection
from shared.tesla.errors import TeslaError
from tests.lab import Lab, Reply, query_of

BASE = "/api/v1/tesla/oauth"
EIGHT_H = 28_800
ENERGY = ("energy_device_data", "energy_cmds")


def _accounts() -> dict[str, Account]:
    return {item.key: item.value for item in Collection(bootstrap.documents(), "accounts", Account).find([])}


def _enrolment(lab: Lab, name: str = "site-1") -> str:
    until = lab.clock.now() + timedelta(days=30)
    token, _grant = bootstrap.grants().issue("enrolment", name, until)
    return token


def _asked(lab: Lab, grant: str, **options: Any) -> list[str]:
    link = lab.call("POST", f"{BASE}/initiate", options, grant=grant)
    assert link.status == 200, link.text
    return query_of(link.body["authUrl"])["scope"].split()


def _refused(lab: Lab, grant: str) -> Reply:
    """The owner is sent to Tesla, which does not know the scopes."""
    link = lab.call("POST", f"{BASE}/initiate", {"product": "energy"}, grant=grant).body
    url = urlsplit(lab.simulator.authorize(link["authUrl"]))
    assert query_of(url.geturl())["error"] == "invalid_scope"
    return lab.call("GET", f"{url.path}?{url.query}")


def _later(lab: Lab, seconds: float) -> None:
    lab.clock.sleep(seconds)
    lab.simulator.advance(seconds)


# Two products


@pytest.mark.parametrize("product", ["vehicle", "energy"])
def test_no_products_consent_stands_in_for_the_others(lab: Lab, product: str) -> None:
    grant = _enrolment(lab) if product == "vehicle" else lab.order()[1]
    reply = lab.call("POST", f"{BASE}/initiate", {"product": product}, grant=grant)
    assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (400, "product-unavailable")
    assert "never stands in for" in reply.body["detail"]


def test_one_owner_has_an_account_per_product(lab: Lab) -> None:
    _order, grant = lab.order()
    assert lab.connect(grant).status == 200
    reply = lab.connect(_enrolment(lab), product="energy")
    assert reply.body["product"] == "energy"
    assert set(ENERGY) <= set(reply.body["scopes"])
    assert sorted(account.product for account in _accounts().values()) == ["energy", "vehicle"]
    for account in _accounts().values():
        assert ("vehicle_device_data" in account.scopes) == (account.product == "vehicle")


def test_an_energy_account_lives_as_long_as_its_enrolment(lab: Lab) -> None:
    grant = _enrolment(lab)
    assert lab.connect(grant, product="energy").body["region"] == "eu"
    for days in range(1, 33):
        _later(lab, 86_400)
        lab.tick()
        lab.pump()
        assert len(_accounts()) == (days < 30)


def test_an_energy_consent_without_its_reading_scope_is_no_use(lab: Lab) -> None:
    reply = lab.connect(_enrolment(lab), product="energy", untick=("energy_device_data",))
    assert reply.body["type"].endswith("/scope-missing")
    assert _accounts() == {}


def test_an_enrolment_is_disconnected(lab: Lab) -> None:
    grant = _enrolment(lab)
    assert lab.connect(grant, product="energy").status == 200
    assert "revoke_client_id=" in lab.call("POST", f"{BASE}/disconnect", grant=grant).body["consent_page_url"]
    assert _accounts() == {}
    assert lab.call("POST", f"{BASE}/disconnect", grant=grant).status == 409


# Two names for energy scopes


@pytest.mark.parametrize(("contract", "asked"), [("published", ENERGY), ("brief", ("energy:read", "energy:write"))])
def test_the_setting_pins_the_energy_scopes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, contract: str, asked: tuple[str, ...]
) -> None:
    from tests.lab import forget

    monkeypatch.setenv("TESLA_ENERGY_CONTRACT", contract)
    forget()
    assert _asked(lab, _enrolment(lab), product="energy") == ["openid", "offline_access", *asked]


def test_a_refused_family_of_scopes_is_followed_by_the_other(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.simulator.config, "energy_contract", "brief")
    grant, other = _enrolment(lab), _enrolment(lab, "site-2")
    reply = _refused(lab, grant)
    assert reply.status == 502
    assert "energy:read and energy:write" in reply.text
    connected = lab.connect(grant, product="energy")
    assert {"energy:read", "energy:write"} <= set(connected.body["scopes"])
    assert connected.body["missing_scopes"] == []
    assert _asked(lab, other, product="energy")[2:] == list(ENERGY)


@pytest.mark.settings(TESLA_ENERGY_CONTRACT="published")
def test_a_pinned_family_stays_and_the_other_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.simulator.config, "energy_contract", "brief")
    grant = _enrolment(lab)
    assert "energy:read and energy:write" in _refused(lab, grant).text
    assert _asked(lab, grant, product="energy")[2:] == list(ENERGY)


# Several consents of one owner


def _located(lab: Lab) -> tuple[str, str]:
    """An order that waits for a sleeping vehicle and its place."""
    lab.simulator.accounts[0].vehicles[0].state = "asleep"
    order = lab.start("basic", vehicles=("v1",), location=True)
    lab.pump()
    return order


def test_a_second_consent_does_not_take_the_location_from_a_running_order(lab: Lab) -> None:
    order_id, grant = _located(lab)
    _other, other = lab.order("basic")
    assert lab.connect(other).status == 200
    ((_account, value),) = _accounts().items()
    assert "vehicle_location" in value.scopes
    lab.simulator.accounts[0].vehicles[0].state = "online"
    lab.clock.sleep(901)
    lab.tick()
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"
    assert "location_data" in lab.simulator.calls("vehicle_data")[0].query["endpoints"]


def test_where_tesla_ended_the_wider_tokens_the_newer_ones_take_over(lab: Lab) -> None:
    _located(lab)
    families = lab.simulator.control.state.tokens._families
    earlier = set(families)
    _other, other = lab.order("basic")
    assert lab.connect(other).status == 200
    for name in earlier:
        del families[name]
    (account,) = _accounts()
    _later(lab, EIGHT_H)
    assert bootstrap.keeper().access(account).token
    assert "vehicle_location" not in _accounts()[account].scopes
    _later(lab, EIGHT_H)
    assert bootstrap.keeper().access(account).token


def test_a_scope_that_the_owner_took_back_is_gone_with_the_next_refresh(lab: Lab) -> None:
    _located(lab)
    _other, other = lab.order("basic")
    assert lab.connect(other, location=True, untick=("vehicle_location",)).status == 200
    (account,) = _accounts()
    _later(lab, EIGHT_H)
    assert "vehicle_location" not in bootstrap.keeper().access(account).scopes


def test_where_nobody_else_relies_on_it_the_newest_consent_counts(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    lab.connect(grant, location=True)
    lab.connect(grant, untick=("vehicle_charging_cmds", "vehicle_location"))
    (value,) = _accounts().values()
    assert not {"vehicle_charging_cmds", "vehicle_location"}.intersection(value.scopes)


def test_missing_scopes_say_what_they_cost_and_are_asked_for_again(lab: Lab) -> None:
    order_id, grant = lab.order("complete")
    unticked = ("vehicle_charging_cmds", "vehicle_location")
    reply = lab.connect(grant, location=True, untick=unticked)
    assert reply.body["absent_modules"] == {
        "vehicle_charging_cmds": ["charging_history", "charging_invoices"],
        "vehicle_location": ["vehicle_data.drive_state", "vehicle_data.location_data"],
    }
    link = lab.call("POST", f"{BASE}/initiate", {"location": True}, grant=grant)
    assert query_of(link.body["authUrl"])["prompt_missing_scopes"] == "true"
    again = lab.connect(grant, location=True)
    assert (again.status, again.body["missing_scopes"], again.body["absent_modules"]) == (200, [], {})
    assert lab.view(order_id, grant)["status"] == "connected"


def test_asking_again_never_asks_for_less_than_there_is(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    lab.connect(grant, location=True)
    assert "vehicle_location" in _asked(lab, grant)


# Grants that were lost


def test_a_new_consent_of_the_same_owner_gives_back_a_lost_grant(lab: Lab) -> None:
    lost_id, lost = lab.start("basic", vehicles=("v1",))
    _order, grant = lab.order("basic")
    lab.connect(grant)
    reply = lab.call("POST", f"{BASE}/grants", {"order_id": lost_id}, grant=grant)
    assert reply.status == 201, reply.text
    assert lab.view(lost_id, reply.body["grant"])["order_id"] == lost_id
    assert lab.call("GET", f"/api/v1/orders/{lost_id}", grant=lost).status == 404


@pytest.mark.parametrize("who", ["unconnected", "another owner", "disconnected"])
def test_nobody_else_gets_a_grant(lab: Lab, who: str) -> None:
    lost_id, lost = lab.start("basic", vehicles=("v1",))
    _order, grant = lab.order("basic")
    if who == "another owner":
        lab.connect(grant, account=1, region="na")
    if who == "disconnected":
        lab.connect(grant)
        lab.call("POST", f"{BASE}/disconnect", grant=grant)
    reply = lab.call("POST", f"{BASE}/grants", {"order_id": lost_id}, grant=grant)
    assert reply.status == (409 if who == "disconnected" else 404)
    assert lab.call("POST", f"{BASE}/grants", {"order_id": lost_id}, grant=_enrolment(lab)).status == 404
    assert lab.view(lost_id, lost)["order_id"] == lost_id


# What goes wrong in between


def test_a_wrong_client_secret_is_the_operators_business(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    _order, grant = lab.order()
    callback = lab.callback(grant)
    lab.simulator.config.client_secret, right = "another", lab.simulator.config.client_secret
    try:
        reply = lab.call("GET", callback)
    finally:
        lab.simulator.config.client_secret = right
    assert reply.status == 502
    assert "start the consent again" not in reply.text
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [record["message"] for record in records if record["severity"] == "ERROR"] == [
        "Tesla does not accept the client id and secret"
    ]


@pytest.mark.parametrize(
    ("error", "status"), [("invalid_auth_code", 400), ("invalid_redirect_url", 400), ("invalid_request", 502)]
)
def test_only_a_refused_code_is_mended_by_another_consent(lab: Lab, error: str, status: int) -> None:
    _order, grant = lab.order()
    callback = lab.callback(grant)
    lab.simulator.add_fault("token", "status", status=400, body={"error": error}, times=1)
    assert lab.call("GET", callback).status == status


def test_an_order_erased_while_it_is_connected_takes_its_tokens_along(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, grant = lab.order("basic")
    session = type(bootstrap.sessions().of("any"))

    def racing(*_args: Any) -> str:
        assert lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status == 202
        raise TeslaError

    claim = lab.claim(lab.callback(grant))
    monkeypatch.setattr(session, "discover_region", racing)
    assert lab.call("POST", f"{BASE}/complete", {"claim": claim}, grant=grant).status == 404
    assert _accounts() == {}
    assert bootstrap.documents().query("pending_consents").documents == []

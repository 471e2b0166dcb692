"""Owners of energy sites: consent, enrolment, what they allow, and leaving."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from shared import bootstrap
from shared.api.tables import every_route
from shared.edge.routes import Auth
from tests.integration.energy_api import (
    ENROLMENTS,
    OAUTH,
    SITES,
    connected,
    created,
    enrolled,
    established,
    kind,
    operator,
    ticks,
)
from tests.lab import Lab, query_of
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

ENERGY = {"product": "energy"}


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """Two owners with three batteries each and a car, and an empty entry in each list of products."""
    config = SimulatorConfig(accounts=2, vehicles=1, sites=3, remember_consent=False)
    with Simulator(config) as running:
        yield running


def _accounts() -> list[str]:
    return [document.key for document in bootstrap.documents().query("accounts").documents]


# Consent


def test_an_energy_consent_without_a_grant_creates_an_enrolment(lab: Lab) -> None:
    link = lab.call("POST", f"{OAUTH}/initiate", ENERGY)
    assert link.status == 200, link.text
    assert set(query_of(link.body["authUrl"])["scope"].split()) >= {"energy_device_data", "energy_cmds"}
    grant, enrolment = link.body["grant"], link.body["enrolment_id"]
    lives = datetime.fromisoformat(link.body["grant_expires_at"]) - lab.clock.now()
    assert 1094 <= lives.days <= 1095
    shown = lab.call("GET", f"{ENROLMENTS}/{enrolment}", grant=grant).body
    assert (shown["state"], shown["sites"]) == ("not_connected", [])
    assert "energy consent" in shown["next_steps"][0]


def test_with_the_grant_the_consent_is_for_the_same_enrolment(lab: Lab) -> None:
    grant = lab.call("POST", f"{OAUTH}/initiate", ENERGY).body["grant"]
    again = lab.call("POST", f"{OAUTH}/initiate", ENERGY, grant=grant)
    assert again.status == 200
    assert "enrolment_id" not in again.body
    assert "grant" not in again.body


def test_a_vehicle_consent_still_needs_the_grant_of_an_order(lab: Lab) -> None:
    reply = lab.call("POST", f"{OAUTH}/initiate", {"product": "vehicle"})
    assert kind(reply) == (401, "unauthorized")
    assert "grant of an order" in reply.body["detail"]


def test_a_vehicle_consent_never_stands_in(lab: Lab) -> None:
    owner = created(lab)
    reply = lab.call("POST", f"{OAUTH}/initiate", {"product": "vehicle"}, grant=owner.grant)
    assert kind(reply) == (400, "product-unavailable")
    assert "never stands in" in reply.body["detail"]


def test_missing_energy_scopes_are_named_in_both_families(lab: Lab) -> None:
    owner = created(lab)
    claim = lab.claim(lab.callback(owner.grant, untick=("energy_device_data",), product="energy"))
    reply = lab.call("POST", f"{OAUTH}/complete", {"claim": claim}, grant=owner.grant)
    assert kind(reply) == (403, "scope-missing")
    assert "energy_device_data or energy:read" in reply.body["detail"]


def test_a_consent_to_read_only_cannot_operate(lab: Lab) -> None:
    owner = created(lab)
    reply = lab.connect(owner.grant, untick=("energy_cmds",), **ENERGY)
    assert reply.body["missing_scopes"] == ["energy_cmds"]
    assert "energy_cmds or energy:write" in reply.body["next_step"]
    assert owner.enrol().status == 200
    refused = operator(lab, "PUT", f"{SITES}/{owner.sites[0]}/operation", {"default_real_mode": "backup"})
    assert kind(refused) == (403, "scope-missing")
    assert "energy_cmds or energy:write" in refused.body["detail"]


def test_a_consent_alone_enrols_nothing(lab: Lab) -> None:
    owner = created(lab)
    reply = lab.connect(owner.grant, **ENERGY)
    assert "choose the sites" in reply.body["next_step"]
    assert reply.body["links"]["sites"].endswith(f"{owner.path}/sites")
    shown = owner.view()
    assert (shown["state"], shown["region"], shown["sites"]) == ("active", "eu", [])
    ticks(lab)
    assert lab.simulator.calls("live_status") == []


def test_a_created_enrolment_is_repeated_by_its_key(lab: Lab) -> None:
    key = {"Idempotency-Key": "b0d5ff86-41b4-4d2b-9e9b-6fd7a6e3a1aa"}
    first, again = (lab.call("POST", ENROLMENTS, {}, headers=key) for _ in range(2))
    assert (first.status, first.text) == (again.status, again.text)
    assert first.headers["Location"].endswith(first.body["enrolment_id"])


def test_the_owner_at_tesla_is_shown_to_an_enrolment_too(lab: Lab) -> None:
    owner = created(lab)
    assert kind(lab.call("GET", "/api/v1/tesla/account", grant=owner.grant)) == (409, "not-connected")
    assert lab.connect(owner.grant, **ENERGY).status == 200
    reply = lab.call("GET", "/api/v1/tesla/account", grant=owner.grant)
    assert (reply.status, reply.body["region"]) == (200, "eu")


# Sites


def test_products_are_listed_with_what_they_are(lab: Lab) -> None:
    owner = connected(lab)
    lab.simulator.control.change_site(owner.sites[2], _trouble("solar_only"))
    before = owner.call("GET", "/products").body["products"]
    assert owner.enrol(owner.sites[0]).status == 200
    after = owner.call("GET", "/products").body["products"]
    kinds = {item["energy_site_id"]: item["kind"] for item in before}
    assert {kinds[site] for site in owner.sites[:2]} == {"battery"}
    assert kinds[owner.sites[2]] == "solar"
    assert sorted(kinds.values()) == ["battery", "battery", "solar", "unknown"]
    assert not any(item["enrolled"] for item in before)
    assert [item["energy_site_id"] for item in after if item["enrolled"]] == [owner.sites[0]]


def test_all_batteries_are_enrolled_and_a_repetition_changes_nothing(lab: Lab) -> None:
    owner = connected(lab)
    first, again = owner.enrol(), owner.enrol()
    assert (first.status, again.status) == (200, 200)
    assert [site["energy_site_id"] for site in first.body["sites"]] == sorted(owner.sites)
    assert len(owner.view()["sites"]) == len(owner.sites)
    assert bootstrap.shards().index().total == len(owner.sites)


def test_a_new_site_says_what_is_missing_and_what_to_do(lab: Lab) -> None:
    owner = enrolled(lab)
    ticks(lab)
    (site, *_others) = owner.view()["sites"]
    facts = site["facts"]
    assert (facts["authorised"]["holds"], facts["authorised"]["evidence"]) == (True, "consent")
    assert facts["utility"]["missing"]["code"] == "not_at_utility"
    assert facts["utility"]["missing"]["words"].endswith("enrolling with Tesla does not enrol there.")
    assert (site["counts"], site["reason"]["code"]) == (False, "not_in_programme")
    assert site["name"]
    steps = owner.view()["next_steps"]
    assert any("utility" in step for step in steps)
    assert not [step for step in steps if "as operator" in step or "the owner" in step]
    seen = operator(lab, "GET", f"{SITES}/{site['energy_site_id']}").body
    assert seen["facts"]["utility"]["missing"]["next_step"].endswith("or import the utility's list.")
    assert seen["name"] == ""
    assert len(steps) == len(set(steps))


@pytest.mark.parametrize("wanted", ["1", "999999999999999"])
def test_a_site_that_is_not_the_accounts_is_refused(lab: Lab, wanted: str) -> None:
    owner = connected(lab)
    assert kind(owner.enrol(wanted)) == (422, "site-not-listed")
    assert owner.view()["sites"] == []


@pytest.mark.parametrize("sites", ["x", ["../1"], [1], [""], ["1"] * 101])
def test_a_bad_choice_is_refused_by_name(lab: Lab, sites: object) -> None:
    owner = connected(lab)
    assert kind(owner.call("POST", "/sites", {"sites": sites})) == (400, "invalid-body")


def test_a_site_of_two_accounts_is_enrolled_through_one(lab: Lab) -> None:
    """Households share a Powerwall between accounts: the second one hears of it, and nothing changes."""
    first, second = enrolled(lab), connected(lab, account=1)
    listed = {"product": {"energy_site_id": int(first.sites[0])}}
    lab.simulator.control.change_site(second.sites[0], SiteChange(payload=listed))
    assert kind(second.enrol()) == (409, "site-taken")
    assert second.view()["sites"] == []
    assert second.enrol(second.sites[1]).status == 200
    assert len(first.view()["sites"]) == len(first.sites)


def test_an_account_without_a_battery_is_told_so(lab: Lab) -> None:
    owner = connected(lab)
    for site in owner.sites:
        lab.simulator.control.change_site(site, _trouble("solar_only"))
    reply = owner.enrol()
    assert kind(reply) == (422, "site-not-listed")
    assert "no site with a battery" in reply.body["detail"]


def test_nothing_is_enrolled_without_an_account(lab: Lab) -> None:
    owner = created(lab)
    assert kind(owner.enrol()) == (409, "not-connected")
    assert kind(owner.call("GET", "/products")) == (409, "not-connected")


def test_an_owner_opts_out_at_once_and_in_again(lab: Lab) -> None:
    owner = enrolled(lab)
    established(owner)
    site = owner.sites[0]
    ticks(lab)
    assert owner.call("GET", f"/sites/{site}").body["counts"]
    out = owner.call("POST", f"/sites/{site}/opt-out", {"reason": "guests"})
    assert (out.status, out.body["counts"], out.body["reason"]["code"]) == (200, False, "owner_opted_out")
    assert out.body["opted_out"]["reason"] == "guests"
    asked = len(lab.simulator.calls("live_status"))
    ticks(lab)
    assert len(lab.simulator.calls("live_status")) == asked + len(owner.sites) - 1
    refused = operator(lab, "POST", f"{SITES}/{site}/opt-in", {})
    assert kind(refused) == (409, "owner-decides")
    command = operator(lab, "PUT", f"{SITES}/{site}/operation", {"default_real_mode": "backup"})
    assert kind(command) == (409, "site-not-operable")
    assert kind(operator(lab, "GET", f"{SITES}/{site}/tariff")) == (409, "site-not-operable")
    assert lab.simulator.calls("operation") == []
    back = owner.call("POST", f"/sites/{site}/opt-in", {})
    assert (back.status, back.body["opted_out"]) == (200, None)


def test_an_owner_who_opts_out_after_an_operator_is_not_brought_back_by_one(lab: Lab) -> None:
    owner = enrolled(lab)
    site = owner.sites[0]
    operator(lab, "POST", f"{SITES}/{site}/opt-out", {"reason": "fault"})
    out = owner.call("POST", f"/sites/{site}/opt-out", {"reason": "guests"}).body["opted_out"]
    assert (out["by"], out["reason"]) == ("owner", "guests")
    again = operator(lab, "POST", f"{SITES}/{site}/opt-out", {"reason": "another fault"}).body["opted_out"]
    assert again == out
    assert kind(operator(lab, "POST", f"{SITES}/{site}/opt-in", {})) == (409, "owner-decides")
    assert owner.call("GET", f"/sites/{site}").body["opted_out"] == out


def test_an_opt_out_that_meets_an_operators_opt_in_stands(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = enrolled(lab)
    registry, site = bootstrap.energy_desk().registry, owner.sites[0]
    registry.opt_out(site, "operator")
    store, real = bootstrap.documents(), bootstrap.documents().get

    def get(collection: str, key: str) -> Any:
        """The store; between the operator's first look and the write, the owner opts out."""
        found = real(collection, key)
        if (collection, key) == ("sites", site):
            monkeypatch.setattr(store, "get", real)
            registry.opt_out(site, "owner")
        return found

    monkeypatch.setattr(store, "get", get)
    with pytest.raises(PermissionError):
        registry.opt_in(site, "operator")
    out = registry.get(site).opted_out
    assert out is not None
    assert out.by == "owner"


def test_limits_are_kept_and_raise_the_reserve(lab: Lab) -> None:
    owner = enrolled(lab)
    established(owner)
    site = owner.sites[0]
    ticks(lab)
    limits = {"events_per_month": 3, "minimum_reserve_percent": 55}
    reply = owner.call("PUT", f"/sites/{site}/limits", limits)
    assert reply.status == 200
    assert reply.body["limits"] == limits
    assert reply.body["available"]["reserve_percent"] == 55
    assert owner.call("GET", f"/sites/{site}").body["limits"] == limits


@pytest.mark.parametrize(
    "limits",
    [{"events_per_month": -1}, {"events_per_month": 1.5}, {"minimum_reserve_percent": 101}, {"reserve": 1}],
)
def test_bad_limits_are_refused(lab: Lab, limits: dict[str, float]) -> None:
    owner = enrolled(lab)
    assert kind(owner.call("PUT", f"/sites/{owner.sites[0]}/limits", limits)) == (400, "invalid-body")


def test_a_withdrawn_site_is_asked_for_nothing(lab: Lab) -> None:
    owner = enrolled(lab)
    site = owner.sites[0]
    assert owner.call("DELETE", f"/sites/{site}").body["status"] == "withdrawn"
    assert kind(owner.call("GET", f"/sites/{site}")) == (404, "not-found")
    ticks(lab)
    assert not [call for call in lab.simulator.calls("live_status") if site in call.path]
    assert len(owner.view()["sites"]) == len(owner.sites) - 1


def test_the_owner_reads_the_sites_tariff(lab: Lab) -> None:
    owner = enrolled(lab)
    reply = owner.call("GET", f"/sites/{owner.sites[0]}/tariff")
    assert reply.status == 200, reply.text
    assert reply.body["tariff"]["currency"] == "EUR"
    assert reply.body["problems"] == []
    assert reply.body["price_now"]["currency"] == "EUR"
    assert (reply.body["expected"]["mode"], reply.body["expected"]["has_effect"]) == ("self_consumption", False)


# Others


def _owner_routes() -> list[tuple[str, str]]:
    return [(r.method, r.path) for r in every_route() if r.auth is Auth.GRANT and "<enrolment_id>" in r.path]


@pytest.mark.parametrize(("method", "path"), _owner_routes())
def test_strangers_all_see_the_same_nothing(lab: Lab, method: str, path: str) -> None:
    owner, stranger = enrolled(lab), created(lab, account=1)
    _order, order = lab.order()
    body = {"events_per_month": 0} if path.endswith("limits") else {}
    replies = [
        lab.call(
            method, path.replace("<enrolment_id>", wanted).replace("<site_id>", owner.sites[0]), body, grant=token
        )
        for wanted in (owner.enrolment, "z" * len(owner.enrolment))
        for token in ("", "cpt_wrong", stranger.grant, order)
    ]
    assert {reply.status for reply in replies} == {404}
    assert len({(reply.body["type"], reply.body["detail"]) for reply in replies}) == 1
    assert len(owner.view()["sites"]) == len(owner.sites)


@pytest.mark.parametrize("action", ["GET ", "DELETE ", "POST /opt-out", "POST /opt-in", "PUT /limits", "GET /tariff"])
def test_another_enrolments_site_is_not_there(lab: Lab, action: str) -> None:
    owner, other = enrolled(lab), enrolled(lab, account=1)
    method, _, below = action.partition(" ")
    assert kind(other.call(method, f"/sites/{owner.sites[0]}{below}", {})) == (404, "not-found")
    assert owner.call("GET", f"/sites/{owner.sites[0]}").body["opted_out"] is None


def test_a_lost_grant_is_made_up_for_by_a_new_consent_of_the_same_owner(lab: Lab) -> None:
    lost = enrolled(lab)
    established(lost)
    back = connected(lab)
    assert back.enrol().status == 200
    assert len(back.view()["sites"]) == len(lost.sites)
    assert all(site["facts"]["utility"]["holds"] for site in back.view()["sites"])
    assert lost.view()["sites"] == []


# Leaving


def test_disconnecting_stops_the_sites_at_once(lab: Lab) -> None:
    owner = enrolled(lab)
    established(owner)
    ticks(lab)
    reply = lab.call("POST", f"{OAUTH}/disconnect", grant=owner.grant)
    assert "revoke_client_id=" in reply.body["consent_page_url"]
    assert _accounts() == []
    shown = owner.view()
    assert shown["state"] == "disconnected"
    assert shown["next_steps"][0].startswith("The Tesla account is not connected any more")
    assert {site["reason"]["code"] for site in shown["sites"]} == {"access_revoked"}
    asked = len(lab.simulator.calls("live_status"))
    ticks(lab)
    assert len(lab.simulator.calls("live_status")) == asked
    command = operator(lab, "PUT", f"{SITES}/{owner.sites[0]}/operation", {"default_real_mode": "backup"})
    assert kind(command) == (409, "site-not-operable")
    again = lab.connect(owner.grant, **ENERGY)
    assert (again.status, again.body["next_step"][:22]) == (200, "Enrol the sites again,")
    assert owner.view()["next_steps"][0].startswith("Enrol the sites again")
    assert owner.enrol().status == 200
    ticks(lab)
    assert len(lab.simulator.calls("live_status")) == asked + len(owner.sites)
    assert all(site["counts"] for site in owner.view()["sites"])


def test_an_erased_enrolment_leaves_nothing(lab: Lab) -> None:
    owner, other = enrolled(lab), enrolled(lab, account=1)
    ticks(lab)
    reply = owner.call("DELETE")
    assert (reply.status, reply.body["status"]) == (200, "erased")
    assert "revoke_client_id=" in reply.body["consent_page_url"]
    assert kind(owner.call("GET")) == (404, "not-found")
    assert len(_accounts()) == 1
    for site in owner.sites:
        assert kind(operator(lab, "GET", f"{SITES}/{site}")) == (404, "not-found")
    ticks(lab)
    assert operator(lab, "GET", "/api/v1/energy/fleet").body["sites"] == len(other.sites)
    assert len(other.view()["sites"]) == len(other.sites)


def test_erasing_an_old_enrolment_leaves_the_account_to_the_new_one(lab: Lab) -> None:
    old = enrolled(lab)
    new = connected(lab)
    assert new.enrol().status == 200
    assert old.call("DELETE").status == 200
    ticks(lab)
    shown = new.view()
    assert (shown["state"], len(shown["sites"])) == ("active", len(new.sites))
    assert all(site["facts"]["authorised"]["holds"] for site in shown["sites"])


def _trouble(*names: str) -> SiteChange:
    return SiteChange(troubles=list(names))

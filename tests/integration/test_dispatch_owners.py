"""What owners see of events and decide about them, through the HTTP API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import bootstrap
from shared.tesla.errors import LoginRequired
from tests.integration.energy_api import SITES, Owner, enrolled, established, kind, later, operator, ticks
from tests.lab import Lab, Reply
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

SIGNALS = "/api/v1/energy/signals"
DISPATCHES = "/api/v1/energy/dispatches"
OAUTH = "/api/v1/tesla/oauth"
PRINCIPAL = "pusher@lab.example"
"""Whom a lab takes every caller for."""


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """Two owners with three batteries each."""
    config = SimulatorConfig(accounts=2, vehicles=0, sites=3, empty_site=False, remember_consent=False)
    with Simulator(config) as running:
        yield running


@pytest.fixture
def owner(lab: Lab) -> Owner:
    """An owner whose sites count and are charged, none of them in an exporting mode."""
    found = enrolled(lab)
    established(found)
    for site in found.sites:
        lab.simulator.control.change_site(site, SiteChange(percentage_charged=90.0, mode="backup"))
    ticks(lab)
    return found


def begin(lab: Lab, name: str, *, target_kw: float = 500.0, start_s: float = 0.0, minutes: float = 60.0) -> Any:
    """An event of that id."""
    start: datetime = lab.clock.now() + timedelta(seconds=start_s)
    end = start + timedelta(minutes=minutes)
    body = {"id": name, "start": start.isoformat(), "end": end.isoformat(), "target_kw": target_kw}
    reply = operator(lab, "POST", SIGNALS, {**body, "strategy": "export", "programme": "evening peak"})
    assert reply.status == 200, reply.text
    return reply.body


def events(owner: Owner, site: str) -> list[dict[str, Any]]:
    reply = owner.call("GET", f"/sites/{site}/dispatches")
    assert reply.status == 200, reply.text
    found: list[dict[str, Any]] = reply.body["dispatches"]
    return found


def mode(lab: Lab, site: str) -> str:
    return next(one.settings.mode for one in lab.simulator.accounts[0].sites if str(one.site_id) == site)


def test_an_owner_sees_the_events_of_a_site_and_leaves_one(lab: Lab, owner: Owner) -> None:
    leaving, staying = owner.sites[0], owner.sites[1]
    assert events(owner, leaving) == []
    begin(lab, "event")
    (before,) = events(owner, leaving)
    assert {name: before[name] for name in ("dispatch_id", "programme", "strategy", "stage", "left")} == {
        "dispatch_id": "event",
        "programme": "evening peak",
        "strategy": "export",
        "stage": "planned",
        "left": False,
    }
    lab.pump()
    assert events(owner, leaving)[0]["stage"] == "active"
    assert {mode(lab, site) for site in owner.sites} == {"autonomous"}
    left = owner.call("POST", f"/sites/{leaving}/dispatches/event/opt-out", {"reason": "guests"})
    assert (left.status, left.body) == (200, {"dispatch_id": "event", "energy_site_id": leaving})
    assert events(owner, leaving)[0]["left"]
    later(lab, 3)
    lab.tick()
    lab.pump()
    assert (mode(lab, leaving), mode(lab, staying)) == ("backup", "autonomous")
    assert (events(owner, leaving)[0]["stage"], events(owner, staying)[0]["stage"]) == ("done", "active")
    again = owner.call("POST", f"/sites/{leaving}/dispatches/event/opt-out", {"reason": "guests"})
    assert again.status == 200
    trail = operator(lab, "GET", f"{DISPATCHES}/event/audit").body["entries"]
    said = [(row["actor"], row["energy_site_id"], row["reason"]) for row in trail if row["what"] == "opted_out"]
    assert said == [("owner", leaving, "guests")]


def test_a_site_that_has_left_before_the_start_is_never_commanded(lab: Lab, owner: Owner) -> None:
    begin(lab, "event", start_s=600)
    leaving = owner.sites[2]
    assert owner.call("POST", f"/sites/{leaving}/dispatches/event/opt-out", {}).status == 200
    lab.pump()
    later(lab, 590)
    lab.tick()
    lab.pump()
    assert [mode(lab, site) for site in owner.sites] == ["autonomous", "autonomous", "backup"]


def test_events_that_are_over_are_not_listed_and_cannot_be_left(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    operator(lab, "POST", f"{DISPATCHES}/event/cancel", {})
    lab.pump()
    later(lab, 61)
    lab.tick()
    lab.pump()
    assert operator(lab, "GET", f"{DISPATCHES}/event").body["event"]["state"] == "cancelled"
    assert events(owner, owner.sites[0]) == []
    left = owner.call("POST", f"/sites/{owner.sites[0]}/dispatches/event/opt-out", {})
    assert kind(left) == (404, "not-found")


def test_a_stranger_finds_nothing(lab: Lab, owner: Owner) -> None:
    stranger = enrolled(lab, account=1)
    begin(lab, "event")
    lab.pump()
    for below in ("/dispatches", "/dispatches/event/opt-out"):
        method, sent = ("GET", None) if below == "/dispatches" else ("POST", dict[str, str]())
        # With their own grant: for a site of somebody else under their enrolment, and under its owner's.
        assert kind(stranger.call(method, f"/sites/{owner.sites[0]}{below}", sent)) == (404, "not-found")
        path = f"{owner.path}/sites/{owner.sites[0]}{below}"
        assert kind(lab.call(method, path, sent, grant=stranger.grant)) == (404, "not-found")
        assert kind(lab.call(method, path, sent)) == (404, "not-found")
    # Their own site takes no part in it: its three facts do not hold.
    own = stranger.sites[0]
    assert events(stranger, own) == []
    assert kind(stranger.call("POST", f"/sites/{own}/dispatches/event/opt-out", {})) == (404, "not-found")
    assert {mode(lab, site) for site in owner.sites} == {"autonomous"}


@pytest.mark.parametrize("name", ["none-such", "%2e%2e", "__x__", "a%0Ab", "x" * 250])
def test_an_event_that_there_is_not_cannot_be_left(lab: Lab, owner: Owner, name: str) -> None:
    reply = owner.call("POST", f"/sites/{owner.sites[0]}/dispatches/{name}/opt-out", {})
    assert kind(reply) == (404, "not-found")
    assert kind(owner.call("GET", f"/sites/{name}/dispatches")) == (404, "not-found")


def test_what_leaving_takes_is_checked(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    path = f"/sites/{owner.sites[0]}/dispatches/event/opt-out"
    for sent in ({"because": "x"}, {"reason": "x" * 501}, {"reason": 5}):
        assert kind(owner.call("POST", path, sent)) == (400, "invalid-body")
    assert not events(owner, owner.sites[0])[0]["left"]


def settled(lab: Lab) -> None:
    """What an owner's decision set off runs to its end, without a poll in between."""
    lab.pump()
    later(lab, 3)
    lab.tick()
    lab.pump()


@pytest.mark.parametrize("way", ["opt-out", "operator's opt-out", "withdrawal"])
def test_a_site_that_is_taken_out_of_everything_is_put_back_at_once(lab: Lab, owner: Owner, way: str) -> None:
    begin(lab, "event")
    lab.pump()
    site, other, _ = owner.sites
    ways: dict[str, tuple[str, Callable[[], Reply]]] = {
        "opt-out": ("owner", lambda: owner.call("POST", f"/sites/{site}/opt-out", {})),
        "operator's opt-out": (PRINCIPAL, lambda: operator(lab, "POST", f"{SITES}/{site}/opt-out", {})),
        "withdrawal": ("owner", lambda: owner.call("DELETE", f"/sites/{site}")),
    }
    actor, take_out = ways[way]
    assert take_out().status == 200
    settled(lab)
    assert (mode(lab, site), mode(lab, other)) == ("backup", "autonomous")
    trail = operator(lab, "GET", f"{DISPATCHES}/event/audit").body["entries"]
    (left,) = [row for row in trail if row["what"] == "opted_out"]
    assert (left["energy_site_id"], left["actor"]) == (site, actor)


def test_an_opt_out_that_ends_before_an_event_begins_costs_no_part_in_it(lab: Lab, owner: Owner) -> None:
    begin(lab, "event", start_s=600)
    site = owner.sites[0]
    owner.call("POST", f"/sites/{site}/opt-out", {})
    owner.call("POST", f"/sites/{site}/opt-in", {})
    assert not events(owner, site)[0]["left"]


def test_an_enrolment_that_is_erased_during_an_event_leaves_its_homes_as_they_were(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    assert {mode(lab, site) for site in owner.sites} == {"autonomous"}
    early = owner.call("DELETE")
    assert kind(early) == (409, "site-in-event")
    assert int(early.headers["Retry-After"]) > 0
    assert [site["reason"]["code"] for site in owner.view()["sites"]] == ["owner_opted_out"] * len(owner.sites)
    settled(lab)
    assert {mode(lab, site) for site in owner.sites} == {"backup"}
    assert owner.call("DELETE").body["status"] == "erased"
    assert bootstrap.documents().query("accounts").documents == []


def test_a_withdrawn_site_that_is_not_put_back_yet_keeps_the_tokens_for_it(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    for site in owner.sites:
        assert owner.call("DELETE", f"/sites/{site}").status == 200
    assert kind(owner.call("DELETE")) == (409, "site-in-event")
    settled(lab)
    assert {mode(lab, site) for site in owner.sites} == {"backup"}
    assert owner.call("DELETE").status == 200


def test_an_owner_may_insist_on_being_erased_at_once(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    assert kind(owner.call("DELETE", "?at_once=maybe")) == (400, "invalid-query")
    assert owner.call("DELETE", "?at_once=true").body["status"] == "erased"
    assert bootstrap.documents().query("accounts").documents == []


def test_where_tesla_lets_nobody_in_an_erasure_waits_for_nothing(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    lab.simulator.control.revoke(0)
    (account,) = bootstrap.documents().query("accounts").documents
    with pytest.raises(LoginRequired):
        bootstrap.keeper().access(account.key, instead_of=bootstrap.keeper().access(account.key).token)
    assert owner.call("DELETE").status == 200


# Giving up the account itself


def disconnect(lab: Lab, owner: Owner, query: str = "") -> Reply:
    return lab.call("POST", f"{OAUTH}/disconnect{query}", grant=owner.grant)


def accounts() -> list[str]:
    return [account.key for account in bootstrap.documents().query("accounts").documents]


def test_an_account_that_is_disconnected_during_an_event_leaves_its_homes_as_they_were(
    lab: Lab, owner: Owner
) -> None:
    _order, vehicles = lab.order()
    assert lab.connect(vehicles).status == 200
    begin(lab, "event")
    lab.pump()
    assert {mode(lab, site) for site in owner.sites} == {"autonomous"}
    early = disconnect(lab, owner)
    assert kind(early) == (409, "site-in-event")
    assert int(early.headers["Retry-After"]) > 0
    assert len(accounts()) == 2
    assert {site["reason"]["code"] for site in owner.view()["sites"]} == {"access_revoked"}
    lab.tick()  # the function may not publish the work itself
    settled(lab)
    assert {mode(lab, site) for site in owner.sites} == {"backup"}
    assert disconnect(lab, owner).status == 200
    assert (len(accounts()), owner.view()["state"]) == (1, "disconnected")
    assert lab.call("GET", "/api/v1/tesla/account", grant=vehicles).status == 200
    trail = operator(lab, "GET", f"{DISPATCHES}/event/audit").body["entries"]
    left = [(row["actor"], row["reason"]) for row in trail if row["what"] == "opted_out"]
    assert left == [("owner", "the account is being disconnected")] * len(owner.sites)
    # Back again: nobody has to be opted in for it.
    assert lab.connect(owner.grant, product="energy").status == 200
    assert owner.enrol().status == 200
    ticks(lab)
    assert all(site["counts"] for site in owner.view()["sites"])


def test_who_insists_or_has_no_access_is_disconnected_at_once(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    assert kind(disconnect(lab, owner, "?at_once=maybe")) == (400, "invalid-query")
    assert disconnect(lab, owner, "?at_once=true").status == 200
    assert accounts() == []


def test_where_tesla_lets_nobody_in_disconnecting_waits_for_nothing(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    lab.simulator.control.revoke(0)
    (account,) = accounts()
    with pytest.raises(LoginRequired):
        bootstrap.keeper().access(account, instead_of=bootstrap.keeper().access(account).token)
    assert disconnect(lab, owner).status == 200


def test_an_event_that_has_not_begun_holds_up_no_disconnecting(lab: Lab, owner: Owner) -> None:
    begin(lab, "event", start_s=600)
    assert disconnect(lab, owner).status == 200
    later(lab, 590)
    lab.tick()
    lab.pump()
    assert {mode(lab, site) for site in owner.sites} == {"backup"}


def other_account(lab: Lab, owner: Owner) -> Callable[..., Reply]:
    """Completes the consent of another account for the same enrolment."""
    claim = lab.claim(lab.callback(owner.grant, account=1, product="energy"))
    return lambda **more: lab.call("POST", f"{OAUTH}/complete", {"claim": claim, **more}, grant=owner.grant)


def test_an_enrolment_that_changes_its_account_during_an_event_waits_with_the_same_claim(
    lab: Lab, owner: Owner
) -> None:
    begin(lab, "event")
    lab.pump()
    before, complete = accounts(), other_account(lab, owner)
    assert kind(complete()) == (409, "site-in-event")
    assert accounts() == before, "nothing of the new account is kept yet"
    lab.tick()
    settled(lab)
    assert {mode(lab, site) for site in owner.sites} == {"backup"}
    assert complete().status == 200
    assert len(accounts()) == 1
    assert accounts() != before


def test_an_owner_may_insist_on_changing_the_account_at_once(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    before, complete = accounts(), other_account(lab, owner)
    assert complete(at_once=True).status == 200
    assert len(accounts()) == 1
    assert accounts() != before


# Changes that are not the event's


def said(lab: Lab, site: str) -> list[tuple[str, str, str]]:
    """The trail's rows about changes at a site by somebody else."""
    trail = operator(lab, "GET", f"{DISPATCHES}/event/audit").body["entries"]
    mine = [row for row in trail if row["energy_site_id"] == site and row["what"].startswith("changed")]
    return [(row["actor"], row["what"], row["reason"]) for row in mine]


def to_the_end(lab: Lab) -> None:
    operator(lab, "POST", f"{DISPATCHES}/event/cancel", {})
    settled(lab)
    assert operator(lab, "GET", f"{DISPATCHES}/event").body["event"]["counts"]["unfinished"] == 0


def test_who_changed_a_setting_is_named_only_where_it_is_known(lab: Lab, owner: Owner) -> None:
    begin(lab, "event")
    lab.pump()
    ours, outside, left_alone = owner.sites
    wanted = {"default_real_mode": "self_consumption"}
    assert operator(lab, "PUT", f"{SITES}/{ours}/operation", wanted).body["result"] == "confirmed"
    lab.simulator.control.change_site(outside, SiteChange(mode="self_consumption"))
    to_the_end(lab)
    assert said(lab, ours) == [(PRINCIPAL, "changed_by_operator", "operation")]
    assert said(lab, outside) == [("outside", "changed_outside", "operation")]
    assert said(lab, left_alone) == []
    assert [mode(lab, site) for site in owner.sites] == ["self_consumption", "self_consumption", "backup"]


def test_a_command_of_before_the_event_is_not_taken_for_a_change_during_it(lab: Lab, owner: Owner) -> None:
    site = owner.sites[0]
    operator(lab, "PUT", f"{SITES}/{site}/operation", {"default_real_mode": "backup"})
    begin(lab, "event")
    lab.pump()
    lab.simulator.control.change_site(site, SiteChange(mode="self_consumption"))
    to_the_end(lab)
    assert said(lab, site) == [("outside", "changed_outside", "operation")]


@pytest.mark.parametrize("who", ["operator", "owner"])
def test_a_mode_that_the_event_did_not_touch_is_recorded_when_somebody_changes_it(
    lab: Lab, owner: Owner, who: str
) -> None:
    site = owner.sites[0]
    lab.simulator.control.change_site(site, SiteChange(mode="autonomous"))
    begin(lab, "event")
    lab.pump()
    if who == "operator":
        operator(lab, "PUT", f"{SITES}/{site}/operation", {"default_real_mode": "backup"})
    else:
        lab.simulator.control.change_site(site, SiteChange(mode="backup"))
    to_the_end(lab)
    expected = (PRINCIPAL, "changed_by_operator") if who == "operator" else ("outside", "changed_outside")
    assert said(lab, site) == [(*expected, "operation")]
    rows = operator(lab, "GET", f"{DISPATCHES}/event/sites").body["sites"]
    assert [row["owner_changed"] for row in rows if row["energy_site_id"] == site] == [True]
    assert mode(lab, site) == "backup"

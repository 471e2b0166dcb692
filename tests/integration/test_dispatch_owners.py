"""What owners see of events and decide about them, through the HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.energy_api import Owner, enrolled, established, kind, later, operator, ticks
from tests.lab import Lab
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

SIGNALS = "/api/v1/energy/signals"
DISPATCHES = "/api/v1/energy/dispatches"


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

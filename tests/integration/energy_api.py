"""What the tests of the energy API share: owners who enrol, operators who look, and ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared import bootstrap
from tests.lab import Lab, Reply

ENROLMENTS = "/api/v1/energy/enrolments"
SITES = "/api/v1/energy/sites"
OAUTH = "/api/v1/tesla/oauth"
TICK_S, DAY_S = 300, 86_400


@dataclass(frozen=True, slots=True)
class Owner:
    """An enrolment with its grant, and the account's sites at the simulated Tesla."""

    lab: Lab
    enrolment: str
    grant: str
    sites: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"{ENROLMENTS}/{self.enrolment}"

    def call(self, method: str, below: str = "", body: Any = None) -> Reply:
        return self.lab.call(method, f"{self.path}{below}", body, grant=self.grant)

    def view(self) -> Any:
        reply = self.call("GET")
        assert reply.status == 200, reply.text
        return reply.body

    def enrol(self, *sites: str) -> Reply:
        return self.call("POST", "/sites", {"sites": list(sites)})


def created(lab: Lab, account: int = 0) -> Owner:
    """An enrolment that is not connected yet."""
    reply = lab.call("POST", ENROLMENTS, {})
    assert reply.status == 201, reply.text
    sites = tuple(str(site.site_id) for site in lab.simulator.accounts[account].sites)
    return Owner(lab, reply.body["enrolment_id"], reply.body["grant"], sites)


def connected(lab: Lab, account: int = 0, **options: Any) -> Owner:
    """An enrolment with the owner's consent."""
    owner = created(lab, account)
    reply = lab.connect(owner.grant, account=account, product="energy", **options)
    assert reply.status == 200, reply.text
    return owner


def enrolled(lab: Lab, account: int = 0) -> Owner:
    """An enrolment of all sites of the account."""
    owner = connected(lab, account)
    reply = owner.enrol()
    assert reply.status == 200, reply.text
    return owner


def operator(lab: Lab, method: str, path: str, body: Any = None) -> Reply:
    """A call of the operator, whom the lab admits."""
    return lab.call(method, path, body, headers={"Authorization": "Bearer operator"})


def established(owner: Owner) -> None:
    """The two facts that no consent brings about, recorded by the operator."""
    for site in owner.sites:
        programme = operator(owner.lab, "PUT", f"{SITES}/{site}/programme", {"holds": True, "note": "VPP"})
        utility = operator(owner.lab, "PUT", f"{SITES}/{site}/utility", {"active": True})
        assert (programme.status, utility.status) == (200, 200), programme.text + utility.text


def later(lab: Lab, seconds: float) -> None:
    """Move our clock and the simulated Tesla's together."""
    lab.clock.sleep(seconds)
    lab.simulator.advance(seconds)


def noon(lab: Lab) -> None:
    """Go to the next noon, UTC: the following ticks lie in one day."""
    later(lab, DAY_S + DAY_S / 2 - lab.clock.now().timestamp() % DAY_S)


def ticks(lab: Lab, count: int = 1) -> None:
    """So many ticks, each polled to its end from its first second on: nothing is polled at the end of one."""
    for _ in range(count):
        later(lab, TICK_S - lab.clock.now().timestamp() % TICK_S + 1)
        bootstrap.fleet_tick().start()
        lab.pump()


def kind(reply: Reply) -> tuple[int, str]:
    """Status and problem type."""
    assert reply.headers["Content-Type"] == "application/problem+json", reply.text
    return reply.status, reply.body["type"].rsplit("/", 1)[-1]

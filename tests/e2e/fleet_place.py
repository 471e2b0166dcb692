"""A fleet in a stack of its own, where time passes when told to, on a simulated Tesla whose every secret is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests

from tests.e2e.conftest import Starter
from tests.e2e.place import Place, World, running
from tests.e2e.spied import Secrets, spied
from tests.e2e.tapped import Messages, tapped
from tests.simulator import Call, Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange
from tests.stack.config import DeliveryConfig
from tests.stack.energy_owner import EnergyOwner
from tests.stack.fleet_act import TICK_S, FleetAct
from tests.stack.owner import CLAIM_MARK

ACCOUNTS, SITES = 3, 3
_CHARGED_PERCENT = 80.0
_LATE_S = 20


@dataclass
class Kept:
    """What the service answered to whom, and the secrets among it."""

    secrets: Secrets
    problems: list[str] = field(default_factory=list)
    to_operator: list[str] = field(default_factory=list)

    def session(self, *, operator: bool = False) -> requests.Session:
        """A session whose answers are kept."""
        session = requests.Session()
        session.hooks["response"].append(partial(self._keep, operator=operator))
        return session

    def _keep(self, reply: requests.Response, *_: Any, operator: bool, **__: Any) -> None:
        if reply.url.split("?")[0].endswith("/callback"):
            self.secrets.add("claim", *(part.split("<")[0] for part in reply.text.split(CLAIM_MARK)[1:]))
        elif not reply.ok:
            self.problems.append(f"{reply.headers} {reply.text}")
        elif reply.url.endswith("/initiate"):
            started = reply.json()
            self.secrets.add_link(started["authUrl"])
            self.secrets.add("grant", *filter(None, [started.get("grant")]))
        if operator:
            self.to_operator.append(f"{reply.headers} {reply.text}")


@dataclass
class KeptAct(FleetAct):
    """The second act of the main job; its owners stay."""

    kept: Kept = field(kw_only=True)
    owners: dict[str, EnergyOwner] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The operator's answers are kept too."""
        super().__post_init__()
        self.operator.session = self.kept.session(operator=True)

    def _enrol(self, account: Any) -> list[str]:
        owner = EnergyOwner(self.stack.base_url, account["email"], session=self.kept.session())
        self.owners[owner.email] = owner
        owner.consent()
        return owner.enrol()


@dataclass
class Fleet:
    """The act after it ran, and where it took place."""

    place: Place
    act: KeptAct
    kept: Kept
    messages: Messages

    @property
    def simulator(self) -> Simulator:
        """The simulated Tesla."""
        return self.place.world.simulator

    def sites_of(self, account: int) -> list[str]:
        """Ids of the account's sites."""
        return [str(site.site_id) for site in self.simulator.accounts[account].sites]

    def owner(self, account: int) -> EnergyOwner:
        """The account's owner."""
        return self.act.owners[self.simulator.accounts[account].email]

    def asked_in_a_tick(self) -> list[Call]:
        """The readings that Tesla was asked for during one more tick."""
        before = len(self.simulator.ledger)
        self.act.tick()
        return [call for call in self.simulator.ledger[before:] if call.endpoint == "live_status"]


@contextmanager
def fleet_at_work(starter: Starter) -> Iterator[Fleet]:
    """A fleet of three owners with three charged batteries each that has done the main job's second act.

    It begins at the end of a 5-minute tick, too late for that tick's polls.
    """
    with ExitStack() as opening:
        config = SimulatorConfig(
            client_secret="canary-client-secret",
            accounts=ACCOUNTS,
            vehicles=0,
            sites=SITES,
            programs_endpoint=True,
            remember_consent=False,
        )
        simulator = opening.enter_context(Simulator(config))
        secrets = opening.enter_context(spied(simulator))
        _name(simulator, secrets)
        world, few = World(simulator), DeliveryConfig(attempts=5, backoff_max_s=0.4)
        options = starter.config(tesla=world.greeting(), tick_s=0, settings={"MESSAGE_ATTEMPTS": "5"}, delivery=few)
        place = opening.enter_context(running(options, world))
        messages, kept = opening.enter_context(tapped(place.stack)), Kept(secrets)
        place.stack.advance((TICK_S - _LATE_S - place.stack.clock.now().timestamp()) % TICK_S)
        act = KeptAct(place.stack, lambda _: nullcontext(), kept=kept)
        act.run()
        yield Fleet(place, act, kept, messages)


def _name(simulator: Simulator, secrets: Secrets) -> None:
    """Charge the batteries, and give homes and owners names that can be searched for."""
    for account in simulator.accounts:
        secrets.add("email", account.email)
        for site in account.sites:
            name = f"Canary House {site.site_id}"
            secrets.add("site_name", name)
            payload = {"product": {"site_name": name}, "site_info": {"site_name": name}}
            change = SiteChange(percentage_charged=_CHARGED_PERCENT, payload=payload)
            simulator.control.change_site(str(site.site_id), change)

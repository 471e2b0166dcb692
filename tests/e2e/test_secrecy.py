"""Canaries: an eventful order in a world whose every secret is known, and then a search for them everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from shared.platform.ports import Event
from tests.e2e.conftest import Starter
from tests.e2e.place import QUICK, WITHIN_S, Customer, Place, World, restarted, running, until
from tests.e2e.sinks import sinks
from tests.e2e.spied import FORM_FIELDS, Secrets, spied
from tests.e2e.tapped import Messages, tapped
from tests.simulator import Simulator, SimulatorConfig, authorize
from tests.stack.config import DeliveryConfig

pytestmark = pytest.mark.stack

API = "/api/v1/tesla/oauth"
PERSONAL = ("vin", "email", "name")
IDLE = {"log of partner_key", "log of energy", "log of poll_energy_sites", "log of dispatch_energy"}
"""What an order never calls; `test_fleet` looks at what these write."""


@dataclass
class Watched:
    """A place whose secrets are known; `problems` and `pages` are what its HTTP functions answered."""

    place: Place
    secrets: Secrets
    messages: Messages
    problems: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)

    def owner(self) -> Customer:
        """A new owner whose answers are kept."""
        owner = self.place.customer()
        owner.session.hooks["response"].append(self._keep)
        self.secrets.add("email", owner.email)
        self.secrets.add("name", owner.account.name)
        self.secrets.add("vin", *owner.vins)
        return owner

    def _keep(self, reply: requests.Response, *_: Any, **__: Any) -> None:
        if reply.url.split("?")[0].endswith("/callback"):
            self.pages.append(f"{reply.headers} {reply.text}")
        elif not reply.ok:
            self.problems.append(f"{reply.headers} {reply.text}")


@pytest.fixture(scope="module")
def watched(starter: Starter) -> Iterator[Watched]:
    """A stack of its own on a marked simulator."""
    with ExitStack() as opening:
        marked = SimulatorConfig(client_secret="canary-client-secret", accounts=2, remember_consent=False)
        simulator = opening.enter_context(Simulator(marked))
        secrets = opening.enter_context(spied(simulator))
        world = World(simulator)
        few = DeliveryConfig(attempts=5, backoff_max_s=0.4)
        config = starter.config(tesla=world.greeting(), delivery=few, settings=QUICK | {"MESSAGE_ATTEMPTS": "5"})
        place = opening.enter_context(running(config, world))
        yield Watched(place, secrets, opening.enter_context(tapped(place.stack)))


def _answer(owner: Customer, method: str, path: str, body: Any = None) -> requests.Response:
    """Any answer, refusals included."""
    headers = {"Authorization": f"Bearer {owner.grant}"}
    url = path if path.startswith("http") else f"{owner.base_url}{path}"
    return owner.session.request(method, url, json=body, headers=headers, timeout=WITHIN_S)


def _redirect(watched: Watched, owner: Customer, *, deny: bool = False) -> str:
    """Where Tesla sends the browser, not followed yet."""
    started = owner.call("POST", f"{API}/initiate", {"location": True})
    watched.secrets.add_link(started["authUrl"])
    watched.secrets.add("state", started["state"])
    url = authorize(started["authUrl"], owner.email, deny=deny)
    watched.secrets.add_link(url)
    return url


def _connect(watched: Watched, owner: Customer, stranger: Customer) -> None:
    """A consent with everything that can go wrong around it."""
    watched.secrets.add("grant", owner.grant, stranger.grant)
    _answer(owner, "GET", _redirect(watched, owner, deny=True))
    for spoilt in ("code=x", "error=server_error&code=x"):
        _answer(owner, "GET", _redirect(watched, owner).replace("code=", f"{spoilt}"))
    url = _redirect(watched, owner)
    claim = _answer(owner, "GET", url).text.split('id="claim">')[1].split("<")[0]
    watched.secrets.add("claim", claim)
    _answer(owner, "GET", url)
    _answer(owner, "GET", url.replace("state=", "state=x"))
    _answer(stranger, "POST", f"{API}/complete", {"claim": claim})
    _answer(owner, "POST", f"{API}/complete", {"claim": claim + "x"})
    owner.call("POST", f"{API}/complete", {"claim": claim})
    _answer(owner, "POST", f"{API}/complete", {"claim": claim})


def _fetch(watched: Watched, owner: Customer, stranger: Customer) -> None:
    """An order with failing modules, a refresh of the tokens, a death, a dead letter and a sleeping vehicle."""
    place, simulator = watched.place, watched.place.world.simulator
    owner.vehicles()
    vin = owner.vins[0]
    echo = f'{{"error":"{vin} of {owner.email} is unknown"}}'
    simulator.add_fault("warranty", "status", status=404, body=echo, times=1)
    simulator.add_fault("options", "server_error", times=1)
    simulator.add_fault("release_notes", "html", times=1)
    owner.account.vehicles[0].state = "asleep"
    simulator.advance(30_000)  # the access token has expired, which nobody here knows yet
    restarted(place.stack, "fetch_vehicle", CRASH_AT="fetch_vehicle:blobs.put:3")
    _answer(owner, "POST", f"{owner.path}/selection", {"vehicles": owner.vins})
    owner.select(["v1", "v2"])
    until(lambda: owner.view()["vehicles"][0]["status"] == "waiting", "the sleeping vehicle waits")
    for path in ("", "/vehicles", "/vehicles/v1/report", "/manifest"):
        _answer(stranger, "GET", f"{owner.path}{path}")
    publish = place.stack.messaging.bus.publish
    publish(Event("fetch-vehicle", b'{"order":"nothing"}', {"order": "nothing"}))
    for name, document in place.stores.everything():
        if name == "due" and document.body["topic"] == "refresh-tokens":
            publish(Event("refresh-tokens", document.body["message"]))
    owner.account.vehicles[0].state = "online"
    assert owner.wait(WITHIN_S)["status"] == "completed"
    place.stack.wait_idle()


def _sinks(watched: Watched) -> dict[str, str]:
    """Where a secret could have gone -> all that is there."""
    return sinks(watched.place, watched.messages, watched.problems)


def _leaks(watched: Watched, searched: dict[str, str]) -> dict[str, list[str]]:
    """What was found where. A consent's nonce is stored as it is: it proves an id_token's age, no one's right."""
    known = {"document bodies": ("nonce",)}
    found = {name: watched.secrets.found_in(text, but=known.get(name, ())) for name, text in searched.items()}
    return {name: kinds for name, kinds in found.items() if kinds}


def _check_events_happened(watched: Watched, found: dict[str, str]) -> None:
    """Every kind of secret was there to be found, and every sink has something in it."""
    kinds = {"access_token", "id_token", "state", "nonce", "claim", "grant", *PERSONAL, *FORM_FIELDS}
    assert {kind for kind, values in watched.secrets.values.items() if values} == kinds
    assert {name for name, text in found.items() if not text} <= IDLE
    assert "fetch-vehicle-dead" in found["messages"]
    assert len(watched.pages) >= 5
    assert len(watched.problems) >= 8
    assert len(watched.secrets.values["access_token"]) >= 3
    assert ("fetch_vehicle", -9) in watched.place.stack.deaths


def test_no_secret_is_seen_anywhere(watched: Watched) -> None:
    owner, stranger = watched.owner(), watched.owner()
    for each in (owner, stranger):
        each.order("complete")
    _connect(watched, owner, stranger)
    _fetch(watched, owner, stranger)
    found = _sinks(watched)
    _check_events_happened(watched, found)
    assert _leaks(watched, found) == {}
    # The code is the one thing that the page after the consent is there to show.
    assert [watched.secrets.found_in(page, but=("claim",)) for page in watched.pages] == [[] for _ in watched.pages]
    snapshot = watched.place.stores.blobs.get(f"orders/{owner.order_id}/v1/snapshot.json").decode()
    assert watched.secrets.found_in(snapshot) == ["vin"]
    _answer(owner, "POST", f"{API}/disconnect")
    owner.call("DELETE", owner.path, status=202)
    watched.place.stack.wait_idle()
    assert _leaks(watched, _sinks(watched)) == {}

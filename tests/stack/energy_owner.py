"""A Powerwall owner and an operator: everything over the service's own HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.simulator import authorize
from tests.stack.owner import CLAIM_MARK, TIMEOUT_S, OwnerStuck

OAUTH = "/api/v1/tesla/oauth"
ENERGY = "/api/v1/energy"


@dataclass
class EnergyOwner:
    """One owner with one enrolment. `email` names the account at the simulated Tesla."""

    base_url: str
    email: str
    session: requests.Session = field(default_factory=requests.Session)
    enrolment_id: str = ""
    grant: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API with the enrolment's grant. Raises OwnerStuck for anything but a good answer."""
        headers = {"Authorization": f"Bearer {self.grant}"} if self.grant else {}
        return answered(self.session, method, self.base_url + path, headers, body)

    def consent(self) -> Any:
        """Begin an enrolment by a consent for energy products and bring the claim back; gives what was granted."""
        started = self.call("POST", f"{OAUTH}/initiate", {"product": "energy"})
        self.enrolment_id, self.grant = started["enrolment_id"], started["grant"]
        page = self.session.get(authorize(started["authUrl"], self.email), timeout=TIMEOUT_S)
        if CLAIM_MARK not in page.text:
            raise OwnerStuck(f"the callback answered {page.status_code}: {page.text[-300:]}")
        return self.call("POST", f"{OAUTH}/complete", {"claim": page.text.split(CLAIM_MARK)[1].split("<")[0]})

    def enrol(self) -> list[str]:
        """Enrol every battery of the account; gives their ids."""
        enrolled = self.call("POST", f"{ENERGY}/enrolments/{self.enrolment_id}/sites", {"sites": []})
        return [site["energy_site_id"] for site in enrolled["sites"]]


@dataclass
class Operator:
    """Who runs the fleet; `token` gives an ID token of a principal on the list of operators."""

    base_url: str
    token: Callable[[], str] = field(repr=False)
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call an operator's route below /api/v1/energy. Raises OwnerStuck for anything but a good answer."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        return answered(self.session, method, self.base_url + ENERGY + path, headers, body)

    def file(self, path: str) -> bytes:
        """A file below /api/v1/energy. Raises OwnerStuck."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        reply = self.session.get(self.base_url + ENERGY + path, headers=headers, timeout=TIMEOUT_S)
        if not reply.ok:
            raise OwnerStuck(f"GET {path} answered {reply.status_code}: {reply.text[:500]}")
        return reply.content


def answered(session: requests.Session, method: str, url: str, headers: dict[str, str], body: Any) -> Any:
    """The JSON of a good answer. Raises OwnerStuck."""
    reply = session.request(method, url, json=body, headers=headers, timeout=TIMEOUT_S)
    if not reply.ok:
        raise OwnerStuck(f"{method} {url} answered {reply.status_code}: {reply.text[:500]}")
    return reply.json()

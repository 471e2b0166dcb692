"""A vehicle owner with a browser and a frontend: everything over the service's own HTTP API."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.simulator import authorize

TIMEOUT_S = 60
CLAIM_MARK = 'id="claim">'
_ENDED = ("completed", "failed", "cancelled")


class OwnerStuck(Exception):
    """The service did not do what an owner may expect; the message says what it answered instead."""


@dataclass
class Owner:
    """One owner with one order. `email` names the account at the simulated Tesla."""

    base_url: str
    email: str
    session: requests.Session = field(default_factory=requests.Session)
    order_id: str = ""
    grant: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Call the API with the order's grant; gives the JSON answer. Raises OwnerStuck for any other status."""
        headers = {"Authorization": f"Bearer {self.grant}"} if self.grant else {}
        url = path if path.startswith("http") else f"{self.base_url}{path}"
        reply = self.session.request(method, url, json=body, headers=headers, timeout=TIMEOUT_S)
        if reply.status_code != status:
            raise OwnerStuck(f"{method} {path} answered {reply.status_code}: {reply.text[:500]}")
        return reply.json()

    @property
    def path(self) -> str:
        """The order's path in the API."""
        return f"/api/v1/orders/{self.order_id}"

    def order(self, package: str = "complete", **options: Any) -> str:
        """Create an order; gives its id."""
        created = self.call("POST", "/api/v1/orders", {"package": package, **options}, status=201)
        self.order_id, self.grant = created["order_id"], created["grant"]
        return self.order_id

    def consent(self, *, location: bool = False, untick: tuple[str, ...] = ()) -> Any:
        """Consent at Tesla and bring the claim back; gives what was granted."""
        started = self.call("POST", "/api/v1/tesla/oauth/initiate", {"location": location})
        page = self.session.get(authorize(started["authUrl"], self.email, untick=untick), timeout=TIMEOUT_S)
        if CLAIM_MARK not in page.text:
            raise OwnerStuck(f"the callback answered {page.status_code}: {page.text[-300:]}")
        claim = page.text.split(CLAIM_MARK)[1].split("<")[0]
        return self.call("POST", "/api/v1/tesla/oauth/complete", {"claim": claim})

    def vehicles(self) -> list[Any]:
        """The account's vehicles."""
        listed: list[Any] = self.call("GET", f"{self.path}/vehicles")["vehicles"]
        return listed

    def select(self, vehicles: Sequence[str]) -> Any:
        """Start the work on these vehicles."""
        return self.call("POST", f"{self.path}/selection", {"vehicles": list(vehicles)}, status=202)

    def view(self) -> Any:
        """The order as it stands."""
        return self.call("GET", self.path)

    def wait(self, within_s: float, *, every_s: float = 0.1, seen: Callable[[Any], None] = lambda _: None) -> Any:
        """The order once it has ended; `seen` gets every state on the way. Raises OwnerStuck after `within_s`."""
        deadline = time.monotonic() + within_s
        while True:
            view = self.view()
            seen(view)
            if view["status"] in _ENDED and view["ended_at"]:
                return view
            if time.monotonic() > deadline:
                states = {item["vehicle_id"]: (item["status"], item["reason"]) for item in view["vehicles"]}
                raise OwnerStuck(f"order {self.order_id} is still {view['status']} after {within_s:g} s: {states}")
            time.sleep(every_s)

    def download(self, folder: Path) -> list[Path]:
        """Fetch reports, invoices and manifest into the folder; gives the reports' paths."""
        reports = []
        for vehicle in self.view()["vehicles"]:
            number = vehicle["vehicle_id"]
            if vehicle["report"]:
                link = self.call("GET", f"{self.path}/vehicles/{number}/report")
                reports.append(self._fetch(link["url"], folder / "reports" / f"{number}.pdf"))
            for invoice in self.call("GET", f"{self.path}/vehicles/{number}/invoices")["invoices"]:
                if invoice["url"]:
                    self._fetch(invoice["url"], folder / "invoices" / number / invoice["file_name"])
        headers = {"Authorization": f"Bearer {self.grant}"}
        manifest = self.session.get(f"{self.base_url}{self.path}/manifest", headers=headers, timeout=TIMEOUT_S)
        (folder / "manifest.json").write_bytes(manifest.content)
        return reports

    def _fetch(self, url: str, path: Path) -> Path:
        """Download a signed URL, without the grant."""
        reply = self.session.get(url, timeout=TIMEOUT_S)
        if reply.status_code != requests.codes.ok:
            raise OwnerStuck(f"the download of {path.name} answered {reply.status_code}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(reply.content)
        return path

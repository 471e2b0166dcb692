"""What the service is measured against: a plain script, one Tesla call after another, then the PDFs.

It makes the calls of a complete order with one `requests` session and keeps nothing: no store, no retries, no checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import requests

from shared.accounts.session import PARTNER_SCOPES
from shared.orders.fetching import ok
from shared.orders.invoices import wanted
from shared.orders.packages import HISTORY, MODULES, PACKAGES, Ask
from shared.reports.build import render_report
from shared.reports.snapshot import ModuleResult, Snapshot
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.charging_pages import split_by_vin
from shared.tesla.client import Tally
from tests.simulator import authorize
from tests.stack.config import ROOT

FONTS = ROOT / "functions" / "build_report" / "fonts"
_REDIRECT = "http://127.0.0.1:9/callback"
_SCOPES = ("openid", "offline_access", "vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs")
_PAGE_SIZE = 50
_TIMEOUT_S = 30


class SequentialScript:
    """One owner's vehicles, start to end. `tesla` is a simulator's greeting."""

    def __init__(self, tesla: Mapping[str, Any], email: str) -> None:
        self._tesla, self._email, self._base = tesla, email, str(tesla["eu"])
        self._session = requests.Session()
        self._user = self._partner = ""

    def reports(self) -> list[bytes]:
        """The PDFs of all vehicles."""
        return [render_report(snapshot, fonts=FONTS) for snapshot in self.snapshots()]

    def snapshots(self) -> list[Snapshot]:
        """Everything that a complete order fetches, of every vehicle. Raises requests.HTTPError."""
        self._user = self._consent()
        region = self._ask("user_region", Ask())["response"]
        self._base = region["fleet_api_base_url"]
        vehicles = self._ask("vehicles", Ask(query={"page": "1", "per_page": "100"}))["response"]
        page = self._fetch(HISTORY, Ask(query={"pageNo": "1", "pageSize": str(_PAGE_SIZE)}))
        self._partner = self._token(grant_type="client_credentials", scope=" ".join(PARTNER_SCOPES))
        sessions = split_by_vin([page])
        vins = [vehicle["vin"] for vehicle in vehicles]
        return [self._snapshot(f"v{n}", vin, sessions.get(vin, [])) for n, vin in enumerate(vins, 1)]

    def _consent(self) -> str:
        asked = {
            "response_type": "code",
            "client_id": self._tesla["client_id"],
            "redirect_uri": _REDIRECT,
            "scope": " ".join(_SCOPES),
            "state": "state",
            "nonce": "nonce",
            "prompt_missing_scopes": "true",
        }
        back = authorize(f"{self._tesla['auth']}/oauth2/v3/authorize?{urlencode(asked)}", self._email)
        code = parse_qs(urlsplit(back).query)["code"][0]
        return self._token(grant_type="authorization_code", code=code, redirect_uri=_REDIRECT)

    def _token(self, **form: str) -> str:
        form |= {"client_id": self._tesla["client_id"], "client_secret": self._tesla["client_secret"]}
        url = f"{self._tesla['auth']}/oauth2/v3/token"
        reply = self._session.post(url, data={**form, "audience": self._base}, timeout=_TIMEOUT_S)
        reply.raise_for_status()
        return str(reply.json()["access_token"])

    def _fetch(self, name: str, ask: Ask) -> bytes:
        endpoint = ENDPOINTS[name]
        token = self._partner if endpoint.token == "partner" else self._user
        reply = self._session.request(
            endpoint.method,
            self._base + endpoint.path.format(**ask.path),
            params=dict(ask.query),
            json=ask.json,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_S,
        )
        reply.raise_for_status()
        return reply.content

    def _ask(self, name: str, ask: Ask) -> Any:
        return msgspec.json.decode(self._fetch(name, ask))

    def _snapshot(self, vehicle_id: str, vin: str, sessions: list[msgspec.Raw]) -> Snapshot:
        scopes = frozenset(_SCOPES)
        modules = [MODULES[name] for name in PACKAGES["complete"].modules]
        results = [_result(module.name, self._fetch(module.name, module.ask(vin, scopes))) for module in modules]
        results.append(_result(HISTORY, msgspec.json.encode({"data": sessions})))
        invoices = wanted(sessions)
        for invoice in invoices:
            self._fetch("charging_invoice", Ask(path={"content_id": invoice.content_id}))
        return Snapshot(
            order_id="script",
            vehicle_id=vehicle_id,
            vin=vin,
            package="complete",
            region="eu",
            taken_at=datetime.now(UTC),
            granted_scopes=_SCOPES,
            modules=tuple(results),
            invoices=tuple(msgspec.structs.replace(invoice, status="ok") for invoice in invoices),
        )


def _result(name: str, body: bytes) -> ModuleResult:
    return ok(name, (body, datetime.now(UTC)), Tally(calls=1))

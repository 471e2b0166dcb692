"""The application's side of OAuth against a simulator, for tests of the simulator itself."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from .simulator import Simulator

REDIRECT_URI = "http://127.0.0.1:8080/callback"
SCOPES = "openid offline_access vehicle_device_data vehicle_charging_cmds"
ALL_SCOPES = f"{SCOPES} user_data vehicle_location vehicle_cmds energy_device_data energy_cmds"
VERIFIER = "a-code-verifier-of-at-least-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
TIMEOUT_S = 20


class Application:
    """A registered application that talks to one simulator."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.token_url = f"{sim.urls.auth}/oauth2/v3/token"

    def authorize_url(self, **changes: str | None) -> str:
        """An authorize URL; a change to None leaves the parameter out."""
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.sim.config.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": SCOPES,
            "state": "opaque state",
            "nonce": "a-nonce",
        }
        kept = {name: value for name, value in (query | changes).items() if value is not None}
        return f"{self.sim.urls.auth}/oauth2/v3/authorize?{urlencode(kept)}"

    def consent(self, account: int = 0, *, untick: tuple[str, ...] = (), **changes: str | None) -> dict[str, str]:
        """Query parameters of the callback after the owner allowed."""
        return callback(self.sim.authorize(self.authorize_url(**changes), account, untick=untick))

    def token(self, **form: str) -> requests.Response:
        """POST to the token endpoint with the client's id."""
        body = {"client_id": self.sim.config.client_id, **form}
        return requests.post(self.token_url, data=body, timeout=TIMEOUT_S)

    def exchange(self, code: str, /, **changes: str) -> requests.Response:
        """Exchange a code; audience eu unless told otherwise."""
        form = {
            "grant_type": "authorization_code",
            "client_secret": self.sim.config.client_secret,
            "code": code,
            "audience": self.sim.urls.eu,
            "redirect_uri": REDIRECT_URI,
        }
        return self.token(**(form | changes))

    def refresh(self, token: str, **changes: str) -> requests.Response:
        """Use a refresh token."""
        return self.token(grant_type="refresh_token", refresh_token=token, **changes)

    def partner_token(self, scope: str = "openid vehicle_specs", region: str = "eu") -> str:
        """A partner access token for a region."""
        form = {
            "grant_type": "client_credentials",
            "client_secret": self.sim.config.client_secret,
            "scope": scope,
            "audience": self.sim.urls.fleet(region),
        }
        token: str = self.token(**form).json()["access_token"]
        return token

    def connect(self, account: int = 0, scope: str = SCOPES) -> dict[str, Any]:
        """Consent and exchange: the token answer."""
        answer: dict[str, Any] = self.exchange(self.consent(account, scope=scope)["code"]).json()
        return answer


class FleetClient:
    """Calls to one fleet host with one access token."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base, self._headers = f"{base_url}/api/1/", {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request to /api/1/`path`."""
        return requests.request(method, self._base + path, headers=self._headers, timeout=TIMEOUT_S, **more)

    def get(self, path: str, **query: str | int) -> requests.Response:
        """GET with query parameters."""
        return self.call("GET", path, params=query)

    def post(self, path: str, body: object) -> requests.Response:
        """POST of a JSON body."""
        return self.call("POST", path, json=body)


def callback(url: str) -> dict[str, str]:
    """Query parameters of a redirect URL."""
    return dict(parse_qsl(urlsplit(url).query))

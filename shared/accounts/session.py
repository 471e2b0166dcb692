"""Calls on behalf of one connected account: token, scopes, one forced refresh on 401, region remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.accounts.keeper import TokenKeeper
from shared.platform.ports import Clock
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.client import Access, Answer, FleetClient, Tally, require
from shared.tesla.decode import decode
from shared.tesla.errors import Unauthorized
from shared.tesla.models.users import UserRegion
from shared.tesla.oauth import TeslaAuth
from shared.tesla.regions import Regions

PARTNER_SCOPES = ("openid", "vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs")


class AccountSession:
    """The Fleet API as one account sees it. Safe to use from many threads."""

    def __init__(self, account: str, keeper: TokenKeeper, client: FleetClient, partner: PartnerTokens) -> None:
        self._account, self._keeper, self._client, self._partner = account, keeper, client, partner

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that the owner granted. Raises Disconnected."""
        return frozenset(self._keeper.get(self._account).scopes)

    @property
    def region(self) -> str:
        """The account's region as far as it is known. Raises Disconnected."""
        return self._keeper.get(self._account).region

    def call(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        tally: Tally | None = None,
    ) -> Answer:
        """Call an endpoint of the catalogue by name, with the user's or the application's token as it needs.

        Raises TeslaError.
        """
        endpoint = ENDPOINTS[name]
        access = self._access(endpoint.token)
        require(endpoint, access)
        try:
            answer = self._client.call(endpoint, access, path=path, query=query, json=json, tally=tally)
        except Unauthorized:
            access = self._access(endpoint.token, instead_of=access.token)
            answer = self._client.call(endpoint, access, path=path, query=query, json=json, tally=tally)
        if answer.region != access.region and access.kind == "user":
            self._keeper.remember_region(self._account, answer.region)
        return answer

    def discover_region(self, regions: Regions, tally: Tally) -> str:
        """Ask Tesla where the account lives and remember it; only hosts of the allow list count.

        Raises TeslaError, Undecodable.
        """
        answer = self.call("user_region", tally=tally)
        region = regions.of_url(decode(answer.body, UserRegion).value.fleet_api_base_url or "") or answer.region
        self._keeper.remember_region(self._account, region)
        return region

    def _access(self, kind: str, *, instead_of: str = "") -> Access:
        if kind == "partner":
            return self._partner.access(self.region, instead_of=instead_of)
        return self._keeper.access(self._account, instead_of=instead_of)


class PartnerTokens:
    """The application's own tokens, one per region, kept in this process until shortly before they expire."""

    def __init__(self, auth: TeslaAuth, clock: Clock) -> None:
        self._auth, self._clock = auth, clock
        self._cached: dict[str, tuple[Access, float]] = {}

    def access(self, region: str, *, instead_of: str = "") -> Access:
        """A partner token for the region. Raises TeslaError."""
        cached = self._cached.get(region)
        if cached and cached[1] > self._clock.monotonic() and cached[0].token != instead_of:
            return cached[0]
        tokens = self._auth.partner_token(region, PARTNER_SCOPES)
        access = Access(tokens.access_token, region, frozenset(PARTNER_SCOPES), kind="partner")
        self._cached[region] = (access, self._clock.monotonic() + tokens.expires_in * 0.8)
        return access

"""Calls on behalf of one connected account: token, scopes, one forced refresh on 401, region found and remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from shared.accounts.keeper import TokenKeeper
from shared.platform.ports import Clock
from shared.tesla.catalogue import ENDPOINTS, Endpoint
from shared.tesla.client import Access, Answer, FleetClient, Tally
from shared.tesla.decode import Undecodable, decode
from shared.tesla.errors import Missing, TeslaError, Unauthorized, WrongRegion
from shared.tesla.models.users import UserRegion
from shared.tesla.oauth import TeslaAuth
from shared.tesla.regions import Regions

_REGION = "user_region"
PARTNER_SCOPES = ("openid", "vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs")


class AccountSession:
    """The Fleet API as one account sees it. Safe to use from many threads.

    Where the owner lives is asked of Tesla once. A 421 that names another region is followed, with other tokens where
    these are not for it; a 404 from a region that Tesla never confirmed may mean the same, so the region is asked for
    before anything counts as not found.
    """

    def __init__(
        self, account: str, keeper: TokenKeeper, client: FleetClient, partner: PartnerTokens, regions: Regions
    ) -> None:
        self._account, self._keeper, self._client, self._partner = account, keeper, client, partner
        self._regions = regions

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

        def send(access: Access) -> Answer:
            billed = replace(access, account=self._account)
            return self._client.call(endpoint, billed, path=path, query=query, json=json, tally=tally)

        access = self._access(endpoint.token)
        try:
            return self._answered(endpoint, access, send)
        except (WrongRegion, Missing) as error:
            elsewhere = self._elsewhere(endpoint, access, error, tally)
            if not elsewhere:
                raise
        return self._answered(endpoint, self._access(endpoint.token, elsewhere), send)

    def discover_region(self, tally: Tally) -> str:
        """Where the account lives: as remembered if Tesla said so, else asked of Tesla.

        Only hosts of the allow list count. Raises TeslaError, Undecodable.
        """
        known = self._keeper.get(self._account)
        if known.region_confirmed:
            return known.region
        answer = self.call(_REGION, tally=tally)
        region = self._regions.of_url(decode(answer.body, UserRegion).value.fleet_api_base_url or "")
        if region is not None:
            self._keeper.remember_region(self._account, region)
        return region or answer.region

    def _answered(self, endpoint: Endpoint, access: Access, send: Callable[[Access], Answer]) -> Answer:
        """The answer, after a refresh where Tesla does not take the token; the region that gave it is remembered."""
        try:
            answer = send(access)
        except Unauthorized:
            access = self._access(endpoint.token, access.region, instead_of=access.token)
            answer = send(access)
        # The region endpoint answers everywhere: that says nothing of where the owner lives.
        told = answer.region != access.region or not (access.confirmed or endpoint.name == _REGION)
        if told and access.kind == "user":
            self._keeper.remember_region(self._account, answer.region)
        return answer

    def _elsewhere(
        self, endpoint: Endpoint, access: Access, error: WrongRegion | Missing, tally: Tally | None
    ) -> str:
        """The other region where the call is worth making again, or nothing."""
        if isinstance(error, WrongRegion):
            if error.region is None or error.region == access.region:
                return ""
            if access.kind == "user":  # of the application's own token it tells where the car is known, no more
                self._keeper.remember_region(self._account, error.region)
            return error.region
        if access.confirmed or endpoint.name == _REGION or error.status != HTTPStatus.NOT_FOUND:
            return ""
        try:
            region = self.discover_region(Tally() if tally is None else tally)
        except (TeslaError, Undecodable):
            return ""
        return region if region != access.region else ""

    def _access(self, kind: str, region: str = "", *, instead_of: str = "") -> Access:
        """A user's token is for the region where the owner lives, the application's for any.

        Where nothing may be called for the owner any more, the application's own token does not stand in.
        """
        if kind == "partner":
            return self._partner.access(region or self._keeper.usable(self._account).region, instead_of=instead_of)
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
        access = Access(
            tokens.access_token,
            region,
            frozenset(PARTNER_SCOPES),
            kind="partner",
            audiences=frozenset((region,)),
        )
        self._cached[region] = (access, self._clock.monotonic() + tokens.expires_in * 0.8)
        return access

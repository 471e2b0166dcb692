"""Partner registration: the application made known to Tesla in a region, once per region and domain.

Without it every call answers 412. Tesla fetches the public key from the domain while registering, so the key has to
be reachable first (Tesla, "Partner accounts").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from shared import log
from shared.accounts.session import PartnerTokens
from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.client import FleetClient
from shared.tesla.decode import Undecodable, decode
from shared.tesla.errors import ApplicationRefused, Refused, Rejected, TeslaError
from shared.tesla.models.partner import PartnerAccount

_HINTS = {
    400: "Tesla does not accept the domain: lower case, without https://, on an allowed origin of the application",
    424: "Tesla could not fetch the public key from the domain; check that its /.well-known URL answers",
    401: "Tesla does not accept the client id and secret",
    403: "the application may not do this; check its access and scopes at developer.tesla.com",
}
_SCOPES = "Tesla gives the application no token with these scopes; tick them at developer.tesla.com"


_HOST = re.compile(r"(?=.{4,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")


def plain_host(text: str) -> str:
    """The host in lower case, as Tesla wants it named; empty for what is no plain host (a URL, one with a port)."""
    host = text.strip().lower()
    return host if _HOST.fullmatch(host) else ""


class Registration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the application stands in a region. `detail` says what to do about a failure; the key is PEM or hex."""

    region: str
    domain: str
    status: Literal["registered", "pending", "failed", "not_needed"]
    detail: str = ""
    registered_at: datetime | None = None
    account_id: str = ""
    enterprise_tier: str = ""
    public_key: str = ""


class Registrar:
    """Registers the application and knows where it is registered. `regions`: those that are enabled."""

    def __init__(
        self,
        store: DocumentStore | None,
        client: FleetClient,
        partner: PartnerTokens,
        clock: Clock,
        regions: Sequence[str],
    ) -> None:
        self._records = Collection(store, "registrations", Registration) if store else None
        self._client, self._partner, self._clock, self.regions = client, partner, clock, tuple(regions)

    def register(self, region: str, domain: str) -> Registration:
        """Register in one region; the outcome is remembered and never raised. Repeating it is harmless."""
        if region not in self.regions:
            return Registration(region=region, domain=domain, status="not_needed", detail="the region is not enabled")
        outcome = self._ask(region, domain)
        log.info("partner registration", region=region, status=outcome.status)
        if outcome.status == "registered" or self._known(region, domain).status != "registered":
            self._remember(outcome)
        return outcome

    def status(self, domain: str) -> list[Registration]:
        """How the application stands in every region for the domain, and what is known of other domains."""
        others = [stored.value for stored in self._records.find([])] if self._records else []
        own = [self._known(region, domain) for region in ("eu", "na", "cn")]
        return own + [item for item in others if item.domain != domain]

    def _remember(self, outcome: Registration) -> None:
        if self._records:
            self._records.put(_key(outcome.region, outcome.domain), outcome)

    def _known(self, region: str, domain: str) -> Registration:
        stored = self._records.get(_key(region, domain)) if self._records else None
        if stored is not None:
            return stored.value
        return Registration(
            region=region, domain=domain, status="pending" if region in self.regions else "not_needed"
        )

    def _ask(self, region: str, domain: str) -> Registration:
        try:
            access = self._partner.access(region)
        except Rejected as error:
            # Of the token, not of the domain: the same status means something else there.
            detail = _HINTS[401] if isinstance(error, ApplicationRefused) else _SCOPES
            return Registration(region=region, domain=domain, status="failed", detail=detail)
        except TeslaError as error:
            return Registration(region=region, domain=domain, status="failed", detail=str(error))
        try:
            answer = self._client.call(ENDPOINTS["partner_accounts"], access, json={"domain": domain})
            account = decode(answer.body, PartnerAccount).value
        except Refused as error:
            detail = _HINTS.get(error.status, f"Tesla answered {error.status}")
            return Registration(region=region, domain=domain, status="failed", detail=detail)
        except (TeslaError, Undecodable) as error:
            return Registration(region=region, domain=domain, status="failed", detail=str(error))
        return Registration(
            region=region,
            domain=domain,
            status="registered",
            registered_at=self._clock.now(),
            account_id=account.account_id or "",
            enterprise_tier=account.enterprise_tier or "",
            public_key=account.public_key or "",
        )


def _key(region: str, domain: str) -> str:
    return f"{region}.{domain}"

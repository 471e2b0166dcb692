"""From a connected account to enrolled sites: what Tesla lists, what of it has a battery, what the owner chose.

A product list is not to be trusted to be tidy (Tesla's Fleet API documentation and recorded lists): a replaced
Powerwall or an old solar site stays listed for ever, entries come without type or name, cars stand in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from shared.accounts.connections import Connections
from shared.accounts.keeper import TokenKeeper
from shared.accounts.session import AccountSession
from shared.energy.model import Site
from shared.energy.registry import NewSite, Owner, Registry
from shared.tesla.decode import decode
from shared.tesla.models.energy import Product, Products

Kind = Literal["battery", "solar", "wall_connector", "unknown"]
MOST_SITES = 100
"""Sites of one account that are looked at."""
_LONGEST_NAME = 100


class NotConnected(Exception):
    """The enrolment has no Tesla account yet."""


class SiteNotListed(Exception):
    """The account does not list such a site, or it has no battery; `site_id` names the first of them."""

    def __init__(self, site_id: str) -> None:
        super().__init__("the account lists no such site with a battery")
        self.site_id = site_id


class ListedSite(msgspec.Struct, frozen=True, kw_only=True):
    """A site as the account's product list shows it.

    `values`: whether the list carries present values; a site without any may have been replaced.
    """

    energy_site_id: str
    name: str
    kind: Kind
    values: bool

    @property
    def has_battery(self) -> bool:
        """Whether there is anything to enrol."""
        return self.kind == "battery"


class Enrolling:
    """What an owner does with the sites of an enrolment."""

    def __init__(
        self,
        registry: Registry,
        connections: Connections,
        sessions: Callable[[str], AccountSession],
        keeper: TokenKeeper,
    ) -> None:
        self._registry, self._connections = registry, connections
        self._sessions, self._keeper = sessions, keeper

    def account(self, enrolment: str) -> str:
        """The enrolment's account. Raises NotConnected."""
        account = self._connections.account(enrolment)
        if not account:
            raise NotConnected("no Tesla account is connected to this enrolment")
        return account

    def listed(self, enrolment: str) -> list[ListedSite]:
        """The energy sites of the account. Raises NotConnected, TeslaError, Undecodable."""
        answer = self._sessions(self.account(enrolment)).call("products")
        return listed_sites(decode(answer.body, Products).value.products or ())

    def enrol(self, enrolment: str, wanted: Sequence[str], until: datetime) -> dict[str, Site]:
        """Enrol the wanted sites, or all that have a battery; gives them by id.

        `until`: how long the account's tokens are kept fresh for them. Raises NotConnected, SiteNotListed, SiteTaken,
        TeslaError, Undecodable.
        """
        account = self.account(enrolment)
        found = {site.energy_site_id: site for site in self.listed(enrolment) if site.has_battery}
        for site_id in wanted:
            if site_id not in found:
                raise SiteNotListed(site_id)
        chosen = [found[site_id] for site_id in wanted] if wanted else list(found.values())
        self._keeper.needed(account, until)
        owner = Owner(enrolment, account, self._sessions(account).region)
        return self._registry.enrol(owner, [NewSite(site.energy_site_id, site.name) for site in chosen])


def listed_sites(products: Sequence[Product]) -> list[ListedSite]:
    """The energy sites among an account's products, each once, at most `MOST_SITES`."""
    sites = (_listed(product) for product in products if (product.energy_site_id or 0) > 0)
    return list({site.energy_site_id: site for site in sites}.values())[:MOST_SITES]


def _listed(product: Product) -> ListedSite:
    return ListedSite(
        energy_site_id=str(product.energy_site_id),
        name=(product.site_name or "")[:_LONGEST_NAME],
        kind=_kind(product),
        values=product.percentage_charged is not None or product.energy_left_wh is not None,
    )


def _kind(product: Product) -> Kind:
    """What the entry is, by its type or else by its parts. A pack of 1 Wh is what a site without battery reports."""
    parts = product.components
    if product.resource_type == "solar" or (parts is not None and parts.battery is False and parts.solar):
        return "solar"
    if product.resource_type == "wall_connector":
        return "wall_connector"
    has_battery = product.resource_type == "battery" or bool(parts and parts.battery) or bool(product.battery_type)
    pack_wh = product.total_pack_energy_wh
    return "battery" if has_battery and (pack_wh is None or pack_wh > 1) else "unknown"

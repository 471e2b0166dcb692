"""What tests may do to energy sites: act as their owners, and bring troubles over them."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import msgspec

from .answers import Json
from .config import SimulatorConfig
from .energy_site import EnergySite
from .energy_tariff import tariff
from .energy_troubles import known, set_troubles
from .payload_energy import live_status
from .world import World

_OWNER_SETTINGS = (
    "mode",
    "reserve_percent",
    "export_rule",
    "grid_charging",
    "storm_enabled",
    "storm_active",
    "island_status",
)


class SiteChange(msgspec.Struct, forbid_unknown_fields=True):
    """PATCH of an energy site, as by its owner or the weather: at once, and not counted as a command.

    Attributes:
        tariff: A schedule, the content of tariff_content_v2.
        reachable: False for the trouble `dead_500`, True to lift both kinds of it.
        troubles: All troubles of the site from now on.
        programs: Its programmes: objects with program_id, name and status.
        payload: Keys to add to or replace in live_status, site_info and product.
    """

    mode: str | None = None
    reserve_percent: float | None = None
    percentage_charged: float | None = None
    island_status: str | None = None
    storm_active: bool | None = None
    storm_enabled: bool | None = None
    export_rule: str | None = None
    grid_charging: bool | None = None
    tariff: Json | None = None
    generator_w: int | None = None
    reachable: bool | None = None
    troubles: list[str] | None = None
    programs: list[Json] | None = None
    payload: Json | None = None


class Affliction(msgspec.Struct, forbid_unknown_fields=True):
    """A trouble for the sites named, or for a share of all (0..1) drawn by their numbers; `on` false lifts it."""

    trouble: str
    share: float = 1.0
    sites: list[int] | None = None
    on: bool = True


def change_site(site: EnergySite, change: SiteChange, config: SimulatorConfig) -> Json:
    """Apply a change to an energy site and return its live_status.

    Raises:
        ValueError: no such trouble.
    """
    if settings := _settings(change):
        site.change(**settings)
    if change.generator_w is not None:
        site.built = replace(site.built, generator_w=change.generator_w)
    set_troubles(site, _troubles(site, change), config)
    if change.percentage_charged is not None:
        site.charge_to(change.percentage_charged)
    if change.programs is not None:
        site.programs = change.programs
    site.payload |= change.payload or {}
    return live_status(site, config)


def _settings(change: SiteChange) -> dict[str, Any]:
    """The settings that a change names."""
    named = {name: getattr(change, name) for name in _OWNER_SETTINGS if getattr(change, name) is not None}
    return named | ({"tariff": tariff(change.tariff)} if change.tariff is not None else {})


def _troubles(site: EnergySite, change: SiteChange) -> frozenset[str]:
    """The site's troubles after a change."""
    troubles = site.troubles if change.troubles is None else known(change.troubles)
    if change.reachable is None:
        return troubles
    rest = troubles - {"dead_500", "dead_408"}
    return rest if change.reachable else rest | {"dead_500"}


def afflict_sites(world: World, change: Affliction, config: SimulatorConfig) -> int:
    """Bring a trouble over sites, or lift it; returns how many it concerned.

    Raises:
        KeyError: no such site.
        ValueError: no such trouble.
    """
    trouble = known((change.trouble,))
    sites = _chosen(world, change, config.seed)
    for site in sites:
        set_troubles(site, site.troubles | trouble if change.on else site.troubles - trouble, config)
    return len(sites)


def _chosen(world: World, change: Affliction, seed: int) -> list[EnergySite]:
    """The sites named, or those whose lot falls within the share."""
    if change.sites is not None:
        return [world.sites[str(site_id)][1] for site_id in change.sites]
    lots = ((site, Random(f"{change.trouble}:{seed}:{site.site_id}").random()) for site in world.every_site())
    return [site for site, lot in lots if lot < change.share]

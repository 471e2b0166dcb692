"""What can be wrong with a site, by option for a share of all sites or by the control API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from .config import SimulatorConfig
from .energy_plant import NO_LIMIT_W, Plant
from .energy_site import EnergySite
from .payload_energy import live_status_now

TROUBLES = {
    "stale": "live_status repeats old values under an old timestamp",
    "dead_500": "gateway out of reach: live_status and commands answer 500 upstream internal error",
    "dead_408": "the same, answered with 408",
    "solar_only": "no battery: listed as solar, with little in live_status and site_info",
    "replaced": "a replaced Powerwall: listed without percentage_charged, site_info fails",
    "untyped": "listed without resource_type, name or any component",
    "no_energy_left": "live_status and products lack energy_left and total_pack_energy",
    "storm": "storm mode is active: it charges and holds",
    "off_grid": "islanded: the battery carries the house",
    "inert": "commands are accepted and shown, the battery does not follow",
    "forgetful": "commands are accepted and not even shown",
    "non_export": "the installation may not export from the battery",
    "export_capped": "the grid connection exports 3 kW at most",
}
"""Names with their meaning."""

EXPORT_CAP_W = 3_000
CONDITIONS: dict[str, tuple[str, object, object]] = {
    "storm": ("storm_active", True, False),
    "off_grid": ("island_status", "off_grid", "on_grid"),
}
"""Troubles that are conditions of the site: which setting, with the trouble and without."""


def known(names: Iterable[str]) -> frozenset[str]:
    """The names as a set.

    Raises:
        ValueError: one is not in `TROUBLES`.
    """
    chosen = frozenset(names)
    if unknown := sorted(chosen - TROUBLES.keys()):
        raise ValueError(f"no such trouble: {', '.join(unknown)}")
    return chosen


def set_troubles(site: EnergySite, names: Iterable[str], config: SimulatorConfig) -> None:
    """Give a site exactly these troubles.

    Raises:
        ValueError: there is no such trouble.
    """
    before, after = site.troubles, known(names)
    site.troubles = after
    for name in (before ^ after) & CONDITIONS.keys():
        setting, ill, well = CONDITIONS[name]
        site.change(**{setting: ill if name in after else well})
    plant = _plant(site.built, after)
    if plant != site.plant:
        site.equip(plant)
    if "stale" not in after:
        site.frozen = None
    elif site.frozen is None:
        site.frozen = live_status_now(site, config, config.stale_age_s)


def shares(options: Iterable[str]) -> list[tuple[str, float]]:
    """Names and shares (0..1) of options such as `stale=0.02`.

    Raises:
        ValueError: an unknown name, or shares that are none or add up to more than 1.
    """
    pairs = [option.partition("=") for option in options]
    found = [(name, float(share)) for name, _, share in pairs]
    known(name for name, _ in found)
    if any(share < 0 for _, share in found) or sum(share for _, share in found) > 1 + 1e-9:
        raise ValueError("shares of troubles are from 0 to 1 and add up to 1 at most")
    return found


def afflict(sites: Iterable[EnergySite], config: SimulatorConfig) -> int:
    """Give each site the trouble that its number draws, none to most; returns how many got one.

    Raises:
        ValueError: as `shares`.
    """
    chosen, count = shares(config.trouble), 0
    for site in sites if chosen else ():
        lot = Random(f"trouble:{config.seed}:{site.site_id}").random()
        for name, share in chosen:
            lot -= share
            if lot < 0:
                set_troubles(site, (name,), config)
                count += 1
                break
    return count


def _plant(plant: Plant, troubles: frozenset[str]) -> Plant:
    """The devices that these troubles leave."""
    limit_w = plant.export_limit_w
    if "export_capped" in troubles:
        limit_w = min(limit_w, EXPORT_CAP_W)
    if "non_export" in troubles:
        limit_w = 0
    if "solar_only" in troubles:
        panels_w = plant.solar_peak_w or 5_000.0
        return replace(plant, power_w=0, capacity_wh=0.0, export_limit_w=NO_LIMIT_W, solar_peak_w=panels_w)
    return plant if limit_w == plant.export_limit_w else replace(plant, export_limit_w=limit_w)

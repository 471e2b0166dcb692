"""What sites can really deliver and what they were told: the truth that tests and benches measure against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import msgspec

from .energy_physics import Settings, WindowAt, steps
from .energy_site import EnergySite, Life
from .energy_tariff import FLAT, Phase, Window

Strategy = Literal["self_consumption", "export"]
TRUTH_STEP_S = 300
HOURS = (1, 2, 3)
_EVENT = Window(Phase.PEAK, 1.0, 1.0)
_LOST = frozenset({"dead_500", "dead_408", "inert", "forgetful", "solar_only"})
"""Troubles with which a command delivers nothing to the grid, whatever the battery holds."""


class SiteTruth(msgspec.Struct, frozen=True):
    """One site as it really is. Power in W (+ discharges), energy in Wh, truths by hours as text.

    Attributes:
        self_consumption_w: Average discharge over the next hours if set to self_consumption now.
        export_w: The same with autonomous and a tariff whose peak, selling at the buy price, is these hours.
        acting_mode: The mode that the battery follows, which may lag behind `mode`.
        commands: Accepted commands by endpoint.
    """

    energy_site_id: int
    at_s: float
    mode: str
    acting_mode: str
    reserve_percent: float
    export_rule: str
    tariff_digest: str | None
    energy_wh: float
    capacity_wh: float
    power_w: int
    battery_w: int
    solar_w: int
    load_w: int
    self_consumption_w: dict[str, float]
    export_w: dict[str, float]
    troubles: list[str]
    commands: dict[str, int]


def deliverable_w(site: EnergySite, strategy: Strategy, hours: Sequence[float] = HOURS) -> dict[float, float]:
    """Average discharge (W) over each number of hours from now on, simulated forward on a copy.

    What charges in between does not count against it. Zero for sites that no command can use.
    """
    if _LOST & site.troubles or not site.settings.on_grid or site.settings.storming:
        return dict.fromkeys(hours, 0.0)
    settings, window_at = _dispatched(site.life(), strategy)
    return _averages(site, settings, window_at, hours)


def _dispatched(life: Life, strategy: Strategy) -> tuple[Settings, WindowAt]:
    """Settings and tariff window of a site under a strategy."""
    if strategy == "self_consumption":
        return replace(life.settings, mode="self_consumption"), lambda _: FLAT
    return replace(life.settings, mode="autonomous"), lambda _: _EVENT


def _averages(
    site: EnergySite, settings: Settings, window_at: WindowAt, hours: Sequence[float]
) -> dict[float, float]:
    present = site.present()
    start_s, found = present.at_s, dict.fromkeys(hours, 0.0)
    span = (start_s, start_s + max(hours) * 3600)
    for step in steps(present.plant, settings, present.energy_wh, span, window_at=window_at, step_s=TRUTH_STEP_S):
        given_w = max(0, step.flows.battery_w)
        for hour in hours if given_w else ():
            shared_s = min(step.span_s, max(0.0, start_s + hour * 3600 - step.at_s))
            found[hour] += given_w * shared_s / (hour * 3600)
    return found


def truth_of(site: EnergySite, hours: Sequence[float] = HOURS) -> SiteTruth:
    """The truth about one site; `hours` may be empty to leave the forward runs out."""
    present, settings = site.present(), site.settings
    return SiteTruth(
        energy_site_id=site.site_id,
        at_s=present.at_s,
        mode=settings.mode,
        acting_mode=site.life().settings.mode,
        reserve_percent=settings.reserve_percent,
        export_rule=settings.export_rule,
        tariff_digest=settings.tariff.digest if settings.tariff else None,
        energy_wh=present.energy_wh,
        capacity_wh=present.plant.capacity_wh,
        power_w=present.plant.power_w,
        battery_w=present.flows.battery_w,
        solar_w=present.flows.solar_w,
        load_w=present.flows.load_w,
        self_consumption_w=_named(site, "self_consumption", hours),
        export_w=_named(site, "export", hours),
        troubles=sorted(site.troubles),
        commands=dict(site.commands),
    )


def _named(site: EnergySite, strategy: Strategy, hours: Sequence[float]) -> dict[str, float]:
    if not hours:
        return {}
    return {f"{hour:g}": round(power_w, 1) for hour, power_w in deliverable_w(site, strategy, hours).items()}


def fleet_truth(sites: Iterable[EnergySite], hours: Sequence[float] = HOURS) -> list[SiteTruth]:
    """The truth about many sites; with hours about half a millisecond each."""
    return [truth_of(site, hours) for site in sites]

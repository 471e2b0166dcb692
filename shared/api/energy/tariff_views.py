"""A tariff as people need it: what it says now, when a battery is expected to discharge, and whether that holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.energy.desk import EnergyDesk
from shared.energy.model import Site
from shared.energy.settings_of_site import tariff_of
from shared.energy.tariffs.checks import problems
from shared.energy.tariffs.completing import completed
from shared.energy.tariffs.windows import Window, peak_windows, price_at
from shared.tesla.models.site_info import SiteInfo

WINDOW_DAYS = 7
FOLLOWS = "autonomous"
"""The one mode in which a site follows its tariff."""


class PriceView(msgspec.Struct, frozen=True, kw_only=True):
    """What a kWh costs and earns at that moment."""

    at: datetime
    label: str
    buy: float
    sell: float
    currency: str


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What a tariff brings about at a site.

    Attributes:
        mode: The site's operating mode, as read now; empty where Tesla did not say.
        has_effect: Whether the site follows its tariff in that mode.
        words: The same as a sentence.
        time_zone: Of the windows; UTC where the site's is not known.
        peak_windows: When a battery that follows the tariff is expected to discharge, over the next 7 days, in the
            site's own zone, ends excluded; prices per kWh.
    """

    mode: str
    has_effect: bool
    words: str
    time_zone: str
    peak_windows: list[Window]


class TariffView(msgspec.Struct, frozen=True, kw_only=True):
    """The tariff that a site has at Tesla (null: none), what is wrong with it, and what it says of this moment."""

    energy_site_id: str
    tariff: dict[str, Any] | None
    problems: list[str]
    price_now: PriceView | None
    expected: Expectation


def present_tariff(desk: EnergyDesk, site_id: str, site: Site) -> TariffView:
    """The site's tariff, asked of Tesla now. Raises TeslaError, Undecodable."""
    info = desk.commands.info(site.account, site_id)
    content, now = tariff_of(info), desk.clock.now()
    return TariffView(
        energy_site_id=site_id,
        tariff=content,
        problems=[str(problem) for problem in problems(completed(content))] if content else [],
        price_now=_price_now(content, zone_of(info), now) if content else None,
        expected=expectation(content, info, now),
    )


def expectation(content: Mapping[str, Any] | None, info: SiteInfo | None, now: datetime) -> Expectation:
    """What the tariff brings about at a site with these settings (None: they could not be read)."""
    zone, mode = zone_of(info), (info.default_real_mode or "") if info else ""
    windows = _windows(content, zone, now) if content else []
    return Expectation(
        mode=mode,
        has_effect=bool(content) and mode == FOLLOWS,
        words=_words(mode, has_tariff=bool(content), has_peak=bool(windows)),
        time_zone=zone.key,
        peak_windows=windows,
    )


def zone_of(info: SiteInfo | None) -> ZoneInfo:
    """The site's time zone, or UTC where Tesla names none that is known."""
    name = ((info.installation_time_zone or "") if info else "").strip()
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder of names
        return ZoneInfo("UTC")


def _words(mode: str, *, has_tariff: bool, has_peak: bool) -> str:
    if not has_tariff:
        return "The site has no tariff."
    if mode == FOLLOWS and not has_peak:
        return (
            f"The site follows its tariff, which has no peak in {WINDOW_DAYS} days: no discharge is to be expected."
        )
    if mode == FOLLOWS:
        return "The site follows its tariff: its battery is expected to discharge in the peak windows."
    if not mode:
        return f"The site's mode is not known; it follows its tariff in the mode {FOLLOWS} only."
    return f"In the mode {mode} the tariff has no effect; the site follows it in the mode {FOLLOWS} only."


def _windows(content: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> list[Window]:
    """The windows that are not over yet, in order."""
    first = now.astimezone(zone).date()
    days = (peak_windows(content, first + timedelta(days=ahead), zone) for ahead in range(WINDOW_DAYS))
    return [window for day in days for window in day if window.end.astimezone(UTC) > now]


def _price_now(content: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> PriceView | None:
    local = now.astimezone(zone)
    price = price_at(content, local)
    currency = content.get("currency")
    if price is None:
        return None
    return PriceView(at=local, **price._asdict(), currency=currency if isinstance(currency, str) else "")

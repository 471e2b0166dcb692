"""Setting writes of energy sites, counted per site: so many a day, so many tariff changes a month.

Counted one by one: the limits are a handful, and whoever writes a setting waits for the site anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import msgspec

from shared.platform.documents import Collection, Stored
from shared.platform.limits import MAX_PAGE
from shared.platform.ports import Clock, DocumentStore, Where
from shared.tesla.counting import change_or_create
from shared.tesla.errors import PlanLimitReached
from shared.tesla.plan_limits import PlanLimits

_KEPT = timedelta(days=40)
"""Longer than a month, over which tariffs are counted."""


class SiteWrites(msgspec.Struct, frozen=True, kw_only=True):
    """A site's writes on its last day with any, and its tariff changes in its last month with any."""

    day: str = ""
    writes: int = 0
    month: str = ""
    tariffs: int = 0
    expires_at: datetime

    def at(self, today: date) -> SiteWrites:
        """The same counts as they stand on a day: those of an earlier day or month are over."""
        day, month = today.isoformat(), f"{today:%Y-%m}"
        writes = self.writes if self.day == day else 0
        tariffs = self.tariffs if self.month == month else 0
        return msgspec.structs.replace(self, day=day, writes=writes, month=month, tariffs=tariffs)


class Left(NamedTuple):
    """Setting writes of a site that a day still allows, and tariff changes that its month does; None: any number."""

    writes: int | None
    tariffs: int | None


class SettingWrites:
    """Keeps setting writes within the plan, over all processes. Collection: `setting_writes`, by site."""

    def __init__(self, store: DocumentStore, clock: Clock, limits: PlanLimits) -> None:
        self._sites = Collection(store, "setting_writes", SiteWrites)
        self._clock, self._limits = clock, limits

    def take(self, energy_site_id: str, *, tariff: bool = False, restore: bool = False) -> None:
        """Count a setting write that is about to be sent; a tariff counts as a write and as a tariff change.

        A `restore` is counted and never refused. Without limits nothing is stored.

        Raises PlanLimitReached, having counted nothing; its `again_at` says when the write is allowed.
        """
        if not self._limited:
            return
        now = self._clock.now().astimezone(UTC)

        def change(site: SiteWrites) -> SiteWrites:
            current = site.at(now.date())
            if not restore:
                self._check(current, now, tariff=tariff)
            return msgspec.structs.replace(
                current,
                writes=current.writes + 1,
                tariffs=current.tariffs + tariff,
                expires_at=now + _KEPT,
            )

        change_or_create(self._sites, energy_site_id, SiteWrites(expires_at=now + _KEPT), change, self._clock)

    def left(self, on: date) -> Callable[[str], Left]:
        """What each site may still be set on that day (UTC), by its id: one query for all, none without limits."""
        used = {stored.key: stored.value.at(on) for stored in self._of_month(on)} if self._limited else {}
        day, month = self._limits.site_writes_per_day, self._limits.site_tariffs_per_month

        def of(energy_site_id: str) -> Left:
            site = used.get(energy_site_id)
            writes, tariffs = (site.writes, site.tariffs) if site else (0, 0)
            return Left(_rest(day, writes), _rest(month, tariffs))

        return of

    @property
    def _limited(self) -> bool:
        return bool(self._limits.site_writes_per_day or self._limits.site_tariffs_per_month)

    def _of_month(self, on: date) -> Iterator[Stored[SiteWrites]]:
        return self._sites.find([Where("month", "==", f"{on:%Y-%m}")], page_size=MAX_PAGE)

    def _check(self, site: SiteWrites, now: datetime, *, tariff: bool) -> None:
        """Raises PlanLimitReached for the limit that lasts longest."""
        day, tariffs = self._limits.site_writes_per_day, self._limits.site_tariffs_per_month
        if tariff and tariffs and site.tariffs >= tariffs:
            raise PlanLimitReached("tariff changes of a site a month", _next_month(now), now)
        if day and site.writes >= day:
            raise PlanLimitReached("setting writes of a site a day", _midnight(now) + timedelta(days=1), now)


def _rest(limit: int, used: int) -> int | None:
    return max(0, limit - used) if limit else None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _next_month(moment: datetime) -> datetime:
    return (_midnight(moment).replace(day=1) + timedelta(days=32)).replace(day=1)

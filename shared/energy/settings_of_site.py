"""What can be set at a site: how each setting is written, checked before, and read back after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared.energy.model import ExportRule, Mode
from shared.energy.tariffs.checks import problems
from shared.energy.tariffs.same import same
from shared.tesla.catalogue import Endpoint, EnergyAction
from shared.tesla.models.site_info import SiteInfo

_MODES = ("self_consumption", "backup", "autonomous")
_RULES = ("battery_ok", "pv_only", "never")
_HIGHEST_PARTIAL, _FULL = 80.0, 100.0


class BadSetting(Exception):
    """The value cannot be set; the message says why. Nothing was sent. `problems` lists every fault of a tariff."""

    def __init__(self, message: str, found: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = found


class Setting(msgspec.Struct, frozen=True):
    """One setting and the value it is to have."""

    action: EnergyAction
    value: Any
    read: Callable[[SiteInfo], Any]
    matches: Callable[[Any, Any], bool] = lambda wanted, found: bool(wanted == found)

    @property
    def is_tariff(self) -> bool:
        """Whether it counts as a tariff change."""
        return self.action is EnergyAction.TARIFF

    def body(self, endpoint: Endpoint) -> Any:
        """The JSON body of the write."""
        if self.action is EnergyAction.GRID_IMPORT_EXPORT:
            return {"customer_preferred_export_rule": self.value}
        return endpoint.body_with(self.value)

    def holds(self, info: SiteInfo) -> bool:
        """Whether the site has the value."""
        return self.matches(self.value, self.read(info))


def mode(value: Mode) -> Setting:
    """The operating mode. Raises BadSetting."""
    if value not in _MODES:
        raise BadSetting(f"default_real_mode is one of {', '.join(_MODES)}")
    return Setting(EnergyAction.OPERATION, value, lambda info: info.default_real_mode)


def reserve(percent: float) -> Setting:
    """The backup reserve: 0 to 80 percent, or 100. Raises BadSetting.

    Since firmware 25.18.4 sites refuse 81 to 99 percent or snap them to 80 (reported by several clients).
    """
    if not (0 <= percent <= _HIGHEST_PARTIAL or percent == _FULL):
        raise BadSetting("backup_reserve_percent is 0 to 80, or 100; Powerwalls turn 81 to 99 into 80")
    # As a whole number wherever it is one: a strictly typed server takes 20.0 for no integer.
    wanted = int(percent) if percent == int(percent) else percent
    return Setting(EnergyAction.BACKUP, wanted, lambda info: info.backup_reserve_percent, _same_percent)


def storm_mode(*, enabled: bool) -> Setting:
    """Storm Watch."""

    def read(info: SiteInfo) -> bool | None:
        return info.user_settings.storm_mode_enabled if info.user_settings else None

    return Setting(EnergyAction.STORM_MODE, enabled, read)


def export_rule(value: ExportRule) -> Setting:
    """What may flow into the grid. Raises BadSetting."""
    if value not in _RULES:
        raise BadSetting(f"customer_preferred_export_rule is one of {', '.join(_RULES)}")

    def read(info: SiteInfo) -> str | None:
        return info.components.customer_preferred_export_rule if info.components else None

    return Setting(EnergyAction.GRID_IMPORT_EXPORT, value, read)


def tariff(schedule: Mapping[str, Any]) -> Setting:
    """The utility tariff. Raises BadSetting with everything that is wrong with it."""
    found = problems(schedule)
    if found:
        raise BadSetting("the tariff cannot be used", tuple(str(problem) for problem in found))
    return Setting(EnergyAction.TARIFF, dict(schedule), tariff_of, _same_tariff)


def tariff_of(info: SiteInfo) -> dict[str, Any] | None:
    """The tariff that the site has."""
    return info.tariff_content_v2 or info.tariff_content


def _same_percent(wanted: float, found: Any) -> bool:
    return isinstance(found, int | float) and abs(wanted - found) < 1


def _same_tariff(wanted: Any, found: Any) -> bool:
    return isinstance(found, dict) and same(wanted, found)

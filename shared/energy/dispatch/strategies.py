"""The one table from what is asked to what is done at a site.

| strategy | mode | export rule | tariff | what to expect |
|---|---|---|---|---|
| load_relief, discharge | self_consumption | as it is | as it is | the house's own load, never more |
| hold, preserve | backup | as it is | as it is | nothing discharged; the battery may charge |
| export | autonomous | battery_ok | the event's window | all that the site can give, into the grid too |

Tesla has no set-point and no "stop now": a mode says what the battery follows, the number of sites says how many kW.
Sources: Tesla's Fleet API documentation, energy endpoints (operation, time_of_use_settings, grid_import_export); that
export follows the tariff and needs `battery_ok` is reported by operators of single homes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.records import Snapshot, Touch, is_event_tariff
from shared.energy.model import ExportRule, Mode, RosterSite
from shared.tesla.catalogue.endpoint import Endpoint
from shared.tesla.catalogue.energy import EnergyAction

_EXPORT_RULE: ExportRule = "battery_ok"
_IDLE_W = 100.0
_DELIVERING_SHARE = 0.5


class Expect(Enum):
    """What a site delivers under a strategy."""

    LOAD_OFFSET = "load_offset"
    """The house's net load."""
    NOTHING = "nothing"
    EXPORT = "export"
    """Load and export, as far as rating, energy and the site's export limit go."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    mode: Mode
    expect: Expect
    export_rule: ExportRule | None = None
    event_tariff: bool = False

    @property
    def most_writes(self) -> int:
        """Commands that a site needs at most."""
        return 1 + (self.export_rule is not None) + self.event_tariff


_LOAD = Row("self_consumption", Expect.LOAD_OFFSET)
_HOLD = Row("backup", Expect.NOTHING)
TABLE: Mapping[Strategy, Row] = MappingProxyType(
    {
        Strategy.LOAD_RELIEF: _LOAD,
        Strategy.DISCHARGE: _LOAD,
        Strategy.HOLD: _HOLD,
        Strategy.PRESERVE: _HOLD,
        Strategy.EXPORT: Row("autonomous", Expect.EXPORT, export_rule=_EXPORT_RULE, event_tariff=True),
    }
)


def as_exporting(site: RosterSite) -> RosterSite:
    """The site as it is while an export event runs: its export rule is changed for that time, where that can be."""
    parts = site.equipment
    if parts is None or not parts.export_rule or parts.export_rule == _EXPORT_RULE or parts.non_export:
        return site
    return replace(site, equipment=replace(parts, export_rule=_EXPORT_RULE))


def touches(strategy: Strategy, found: Snapshot, event_tariff: str = "") -> tuple[Touch, ...]:
    """The settings to change, in order: the mode last, because it makes the others work.

    A setting that has the wanted value already is not touched, and so never "restored" either. `event_tariff` is the
    key of the window's tariff for this site.
    """
    row = TABLE[strategy]
    wanted: list[tuple[EnergyAction, str]] = []
    if row.export_rule is not None and not found.non_export:
        wanted.append((EnergyAction.GRID_IMPORT_EXPORT, row.export_rule))
    if row.event_tariff:
        wanted.append((EnergyAction.TARIFF, event_tariff))
    wanted.append((EnergyAction.OPERATION, row.mode))
    return tuple(
        Touch(action, found.value(action), value) for action, value in wanted if found.value(action) != value
    )


def refusal(strategy: Strategy, found: Snapshot) -> str:
    """Why the site is not commanded although it was planned: what cannot be put back is not changed; "" if fine."""
    row = TABLE[strategy]
    if not found.mode:
        return "mode_unknown"
    if row.event_tariff and (not found.tariff or is_event_tariff(found.tariff)):
        return "no_tariff_to_restore"
    if row.event_tariff and not found.time_zone:
        return "time_zone_unknown"  # the event's hours could not be told
    if row.export_rule is not None and not found.non_export and not found.export_rule:
        return "export_rule_unknown"
    return ""


def body(endpoint: Endpoint, action: EnergyAction, value: Any) -> Any:
    """The JSON body that sets a value: a mode, an export rule, or a tariff's content."""
    if action is EnergyAction.GRID_IMPORT_EXPORT:
        return {"customer_preferred_export_rule": value}
    return endpoint.body_with(value)


def delivering(strategy: Strategy, expected_w: float, battery_power_w: float) -> bool:
    """Whether a measured power shows that the site does what the strategy expects of it."""
    if TABLE[strategy].expect is Expect.NOTHING:
        return battery_power_w <= _IDLE_W
    return battery_power_w >= _DELIVERING_SHARE * expected_w and battery_power_w > 0

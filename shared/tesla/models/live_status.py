"""What an energy site does now.

Source: Tesla's Fleet API documentation, energy endpoints, and recorded answers.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from shared.tesla.wire import Instant, Integer, Number, WireModel


class WallConnector(WireModel, frozen=True, kw_only=True):
    """A wall connector of the site. Its power is negative while a car feeds the house."""

    din: str | None = None
    vin: str | None = None
    wall_connector_state: Integer | None = None
    wall_connector_fault_state: Integer | None = None
    wall_connector_power_w: Number | None = field(default=None, name="wall_connector_power")
    ocpp_status: Integer | None = None
    powershare_session_state: Integer | None = None


class LiveStatus(WireModel, frozen=True, kw_only=True):
    """The answer of ``live_status``: W, Wh and percent (0-100).

    Signs: `battery_power_w` is positive while discharging, `grid_power_w` while importing; solar + battery +
    grid + generator make the load. `timestamp` grows old when the gateway is dead. Many sites leave out
    `energy_left_wh`; a site without battery may report zeros. `grid_services_active` is no reliable sign of
    an event.
    """

    solar_power_w: Number | None = field(default=None, name="solar_power")
    battery_power_w: Number | None = field(default=None, name="battery_power")
    load_power_w: Number | None = field(default=None, name="load_power")
    grid_power_w: Number | None = field(default=None, name="grid_power")
    generator_power_w: Number | None = field(default=None, name="generator_power")
    grid_services_power_w: Number | None = field(default=None, name="grid_services_power")  # the grid's sign
    grid_services_active: bool | None = None
    energy_left_wh: Number | None = field(default=None, name="energy_left")
    total_pack_energy_wh: Number | None = field(default=None, name="total_pack_energy")
    percentage_charged: Number | None = None
    backup_capable: bool | None = None
    backup_reserve_percent: Number | None = None  # seldom present: see site_info
    programs: tuple[Any, ...] | dict[str, Any] | None = None  # seldom present, shape undocumented: kept as sent
    grid_status: str | None = None  # Active, Inactive, Unknown
    island_status: str | None = None  # on_grid, off_grid, off_grid_intentional, off_grid_unintentional, ...
    storm_mode_active: bool | None = None
    battery_breaker_open: bool | None = None
    wall_connectors: tuple[WallConnector, ...] | None = None
    timestamp: Instant | None = None

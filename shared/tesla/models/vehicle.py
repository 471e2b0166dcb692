"""Vehicles as Tesla's inventory shows them, without live state.

Source: Tesla's Fleet API documentation, vehicle endpoints.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from shared.tesla.wire import Integer, WireModel


class GranularAccess(WireModel, frozen=True, kw_only=True):
    """What the owner withholds."""

    hide_private: bool | None = None  # True: no location, whatever the scopes


class Vehicle(WireModel, frozen=True, kw_only=True):
    """One entry of the vehicle list, the base object of one vehicle, and the outer fields of vehicle_data.

    `id` is accepted in paths in place of the VIN. `state` is ``online``, ``asleep`` or ``offline``; recent
    firmware says ``offline`` for cars that sleep. `display_name` may be empty.
    """

    id: Integer | None = None
    vehicle_id: Integer | None = None
    user_id: Integer | None = None
    id_s: str | None = None
    vin: str | None = None
    display_name: str | None = None
    state: str | None = None
    access_type: str | None = None
    in_service: bool | None = None
    color: str | None = None
    option_codes: str | None = None  # comma separated
    granular_access: GranularAccess | None = None
    calendar_enabled: bool | None = None
    api_version: Integer | None = None
    ble_autopair_enrolled: bool | None = None
    command_signing: str | None = None
    release_notes_supported: bool | None = None
    mobile_access_disabled: bool | None = None


class Pagination(WireModel, frozen=True, kw_only=True):
    """Where a page of the vehicle list stands. `per_page` echoes what was used; Tesla's default is 100."""

    previous: Integer | None = None
    next: Integer | None = None
    current: Integer | None = None
    per_page: Integer | None = None
    count: Integer | None = None
    pages: Integer | None = None


class VehicleList(WireModel, frozen=True, kw_only=True):
    """One page of the account's vehicles."""

    wire_list: ClassVar[bool] = True

    vehicles: tuple[Vehicle, ...] | None = field(default=None, name="response")
    pagination: Pagination | None = None
    count: Integer | None = None

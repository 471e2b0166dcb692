"""The account behind a token. Personal data: not for logs.

Source: Tesla's Fleet API documentation, user endpoints.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from shared.tesla.wire import Integer, WireModel


class UserMe(WireModel, frozen=True, kw_only=True):
    """Who the owner is."""

    email: str | None = None
    full_name: str | None = None
    profile_image_url: str | None = None
    vault_uuid: str | None = None


class UserRegion(WireModel, frozen=True, kw_only=True):
    """Where the owner's account lives. Check `fleet_api_base_url` against the known hosts before it is used."""

    region: str | None = None
    fleet_api_base_url: str | None = None


class UserOrder(WireModel, frozen=True, kw_only=True, rename="camel"):
    """One order at Tesla."""

    vehicle_map_id: Integer | None = None
    reference_number: str | None = None
    vin: str | None = None
    order_status: str | None = None
    order_substatus: str | None = None
    model_code: str | None = None
    country_code: str | None = None
    locale: str | None = None
    mkt_options: str | None = None  # option codes, comma separated
    is_b2b: bool | None = field(default=None, name="isB2b")


class UserOrders(WireModel, frozen=True, kw_only=True):
    """The account's orders."""

    wire_list: ClassVar[bool] = True

    orders: tuple[UserOrder, ...] | None = field(default=None, name="response")
    count: Integer | None = None


class Signaling(WireModel, frozen=True, kw_only=True):
    """Flags of the connection to the owner's app."""

    enabled: bool | None = None
    subscribe_connectivity: bool | None = None
    use_auth_token: bool | None = None


class FeatureConfig(WireModel, frozen=True, kw_only=True):
    """Features switched on for the account."""

    signaling: Signaling | None = None

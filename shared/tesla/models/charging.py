"""Paid charging sessions: the owner's history and the business account's list.

Tesla records Superchargers and other paid sites only; charging at home is never listed.

Source: Tesla's Fleet API documentation, charging endpoints.
"""

from __future__ import annotations

from shared.tesla.wire import Instant, Integer, Number, WireModel


class ChargingFee(WireModel, frozen=True, kw_only=True, rename="camel"):
    """One fee of a session. Money in `currency_code`, rates per `uom` (``kwh`` or ``min``), usage in `uom`.

    `fee_type` is ``CHARGING``, ``PARKING`` or ``CONGESTION``; `pricing_type` ``PAYMENT``, ``NO_CHARGE`` or
    ``CREDIT``. The tiers are null where the site has one price.
    """

    session_fee_id: Integer | None = None
    fee_type: str | None = None
    currency_code: str | None = None
    pricing_type: str | None = None
    rate_base: Number | None = None
    rate_tier1: Number | None = None
    rate_tier2: Number | None = None
    rate_tier3: Number | None = None
    rate_tier4: Number | None = None
    usage_base: Number | None = None
    usage_tier1: Number | None = None
    usage_tier2: Number | None = None
    usage_tier3: Number | None = None
    usage_tier4: Number | None = None
    total_base: Number | None = None
    total_tier1: Number | None = None
    total_tier2: Number | None = None
    total_tier3: Number | None = None
    total_tier4: Number | None = None
    total_due: Number | None = None
    net_due: Number | None = None
    uom: str | None = None
    is_paid: bool | None = None
    status: str | None = None


class ChargingInvoice(WireModel, frozen=True, kw_only=True, rename="camel"):
    """A PDF that can be fetched by `content_id`."""

    file_name: str | None = None
    content_id: str | None = None
    invoice_type: str | None = None


class ChargingSession(WireModel, frozen=True, kw_only=True, rename="camel"):
    """One session of the owner's history. Times keep the site's own offset from UTC."""

    session_id: Integer | None = None
    vin: str | None = None
    site_location_name: str | None = None
    charge_start_date_time: Instant | None = None
    charge_stop_date_time: Instant | None = None
    unlatch_date_time: Instant | None = None
    country_code: str | None = None
    billing_type: str | None = None
    vehicle_make_type: str | None = None
    fees: tuple[ChargingFee, ...] | None = None
    invoices: tuple[ChargingInvoice, ...] | None = None


class ChargingHistory(WireModel, frozen=True, kw_only=True, rename="camel"):
    """One page of the history. Do not end on `total_results`: it has been seen to count the page, not the history."""

    data: tuple[ChargingSession, ...] | None = None
    total_results: Integer | None = None
    has_more_data: bool | None = None

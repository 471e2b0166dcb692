"""Charging sessions of a business account's fleet.

The shape is that of the OCPI standard's charge detail record, whose units (kWh, hours) Tesla does not
restate.

Source: Tesla's Fleet API documentation, charging endpoints.
"""

from __future__ import annotations

from shared.tesla.wire import Instant, Number, WireModel


class SessionCost(WireModel, frozen=True, kw_only=True):
    """What a session cost, in the currency of its tariffs."""

    excl_vat: Number | None = None
    incl_vat: Number | None = None
    vat: Number | None = None


class SessionLocation(WireModel, frozen=True, kw_only=True):
    """Where a session took place."""

    country: str | None = None
    name: str | None = None


class SessionDimension(WireModel, frozen=True, kw_only=True):
    """One measured quantity of a period, such as ``ENERGY``."""

    type: str | None = None
    volume: Number | None = None


class SessionPeriod(WireModel, frozen=True, kw_only=True):
    """A stretch of a session with its quantities."""

    start_date_time: Instant | None = None
    dimensions: tuple[SessionDimension, ...] | None = None


class PriceComponent(WireModel, frozen=True, kw_only=True):
    """One price of a tariff, per unit of its `type`."""

    type: str | None = None
    price: Number | None = None
    step_size: Number | None = None
    vat: Number | None = None


class TariffElement(WireModel, frozen=True, kw_only=True):
    """Prices that hold together."""

    price_components: tuple[PriceComponent, ...] | None = None


class SessionTariffs(WireModel, frozen=True, kw_only=True):
    """The tariff a session was billed by."""

    currency: str | None = None
    elements: tuple[TariffElement, ...] | None = None


class BusinessSession(WireModel, frozen=True, kw_only=True):
    """One charging session of a fleet car."""

    id: str | None = None
    vin: str | None = None
    model: str | None = None
    start_date_time: Instant | None = None
    stop_date_time: Instant | None = None
    total_energy: Number | None = None  # kWh in OCPI; Tesla names no unit
    total_time: Number | None = None  # hours in OCPI; Tesla names no unit
    total_cost: SessionCost | None = None
    location: SessionLocation | None = None
    charging_periods: tuple[SessionPeriod, ...] | None = None
    tariffs: SessionTariffs | None = None


class ChargingSessions(WireModel, frozen=True, kw_only=True):
    """One window of a business account's sessions."""

    data: tuple[BusinessSession, ...] | None = None

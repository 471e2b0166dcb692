"""What the owner should care about: service, alerts, warranty.

Source: Tesla's Fleet API documentation, vehicle and charging endpoints.
"""

from __future__ import annotations

from typing import ClassVar

from shared.tesla.wire import Instant, Integer, Number, WireModel


class ServiceData(WireModel, frozen=True, kw_only=True):
    """The state of a service visit. No visit is answered with an empty object."""

    wire_may_be_empty: ClassVar[bool] = True

    service_status: str | None = None  # in_service, car_in_repair
    service_etc: Instant | None = None  # estimated time of completion
    service_visit_number: str | None = None
    status_id: Integer | None = None


class Alert(WireModel, frozen=True, kw_only=True):
    """One alert the car raised. `audience` names who it is meant for (``customer``, ``service-fix``, ...)."""

    name: str | None = None
    time: Instant | None = None
    audience: tuple[str, ...] | None = None
    user_text: str | None = None


class RecentAlerts(WireModel, frozen=True, kw_only=True):
    """The car's recent alerts."""

    recent_alerts: tuple[Alert, ...] | None = None


class Warranty(WireModel, frozen=True, kw_only=True, rename="camel"):
    """One warranty: it ends by date or at `expiration_odometer`, in `odometer_unit` (``MI`` or ``KM``)."""

    warranty_type: str | None = None
    warranty_display_name: str | None = None
    expiration_date: Instant | None = None
    expiration_odometer: Number | None = None
    odometer_unit: str | None = None
    warranty_expired_on: Instant | None = None
    coverage_age_in_years: Number | None = None


class WarrantyDetails(WireModel, frozen=True, kw_only=True, rename="camel"):
    """All warranties of one car by state."""

    active_warranty: tuple[Warranty, ...] | None = None
    upcoming_warranty: tuple[Warranty, ...] | None = None
    expired_warranty: tuple[Warranty, ...] | None = None

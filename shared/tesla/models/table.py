"""Which model reads the answer of which endpoint, by the endpoint's name in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.tesla.models.business_charging import ChargingSessions
from shared.tesla.models.care import RecentAlerts, ServiceData, WarrantyDetails
from shared.tesla.models.charging import ChargingHistory
from shared.tesla.models.energy import Products
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.models.product import FleetStatus, ReleaseNotes, VehicleOptions, VehicleSpecs
from shared.tesla.models.site_info import SiteInfo
from shared.tesla.models.users import FeatureConfig, UserMe, UserOrders, UserRegion
from shared.tesla.models.vehicle import Vehicle, VehicleList
from shared.tesla.models.vehicle_data import VehicleData
from shared.tesla.wire import WireModel

MODELS: Mapping[str, type[WireModel]] = MappingProxyType(
    {
        "vehicles": VehicleList,
        "vehicle": Vehicle,
        "vehicle_data": VehicleData,
        "service_data": ServiceData,
        "charging_history": ChargingHistory,
        "charging_sessions": ChargingSessions,
        "recent_alerts": RecentAlerts,
        "warranty": WarrantyDetails,
        "options": VehicleOptions,
        "specs": VehicleSpecs,
        "release_notes": ReleaseNotes,
        "fleet_status": FleetStatus,
        "user_me": UserMe,
        "user_region": UserRegion,
        "user_orders": UserOrders,
        "feature_config": FeatureConfig,
        "products": Products,
        "site_info": SiteInfo,
        "live_status": LiveStatus,
    }
)

"""The endpoint catalogue: every call that this project knows of the Fleet API, as data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.tesla.catalogue.accounts import PARTNER, USERS
from shared.tesla.catalogue.charging import CHARGING
from shared.tesla.catalogue.endpoint import Contract, Endpoint, Price
from shared.tesla.catalogue.energy import ENERGY, ENERGY_SCOPES, EnergyAction, energy_endpoint
from shared.tesla.catalogue.vehicles import VEHICLES

__all__ = ["ENDPOINTS", "ENERGY_SCOPES", "Contract", "Endpoint", "EnergyAction", "Price", "energy_endpoint"]

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {item.name: item for item in (*VEHICLES, *CHARGING, *USERS, *PARTNER, *ENERGY)}
)
"""Every endpoint by its name."""

"""Which scopes exist: Tesla's published ones, and the energy pair of either contract."""

from __future__ import annotations

from .config import DATA_SCOPES, FIXED_SCOPES, PARTNER_SCOPES, SimulatorConfig

ENERGY_SCOPES = {
    "published": ("energy_device_data", "energy_cmds"),
    "brief": ("energy:read", "energy:write"),
}
"""Read and write scope of energy sites, by contract."""

ANY_ENERGY_READ = frozenset(pair[0] for pair in ENERGY_SCOPES.values())
ANY_ENERGY_WRITE = frozenset(pair[1] for pair in ENERGY_SCOPES.values())

LABELS = {
    "user_data": "Profile Information",
    "vehicle_device_data": "Vehicle Information",
    "vehicle_location": "Vehicle Location",
    "vehicle_cmds": "Vehicle Commands",
    "vehicle_charging_cmds": "Vehicle Charging Management",
    "energy_device_data": "Energy Product Information",
    "energy_cmds": "Energy Product Settings",
    "energy:read": "Energy Product Information",
    "energy:write": "Energy Product Settings",
}
"""What the consent page calls a scope."""


def grantable(config: SimulatorConfig) -> frozenset[str]:
    """Scopes an owner can grant to this application, the fixed ones included."""
    known = {*DATA_SCOPES, *ENERGY_SCOPES[config.energy_contract]}
    return frozenset(FIXED_SCOPES) | (known & set(config.scope) if config.scope else known)


def requestable(config: SimulatorConfig) -> frozenset[str]:
    """Scopes that do not make an authorize request fail; partner scopes pass and are not granted."""
    return grantable(config) | frozenset(PARTNER_SCOPES)


def partner_scopes(config: SimulatorConfig) -> frozenset[str]:
    """Scopes a partner token may carry: those the application owns, and the partner-only ones."""
    owned = set(PARTNER_SCOPES) & set(config.scope) if config.scope else set(PARTNER_SCOPES)
    return grantable(config) | frozenset(owned)

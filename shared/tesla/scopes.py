"""OAuth scopes: what is asked of an owner, and what a granted set of them amounts to.

Energy scopes have two names each, by contract; whichever was granted counts for the other (see `catalogue.energy`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from shared.tesla.catalogue import ENERGY_SCOPES, Contract

ALWAYS = ("openid", "offline_access")
"""Asked for with every product: an identity, and a refresh token."""
DEVICE, LOCATION = "vehicle_device_data", "vehicle_location"
_NOT_IN_USER_TOKENS = (*ALWAYS, "vehicle_specs")
"""Asked for, but no user token need carry them: their absence costs an owner nothing."""
_OTHER_NAME: Mapping[str, str] = MappingProxyType(
    {
        mine: other
        for contract in Contract
        for mine, other in zip(ENERGY_SCOPES[contract], ENERGY_SCOPES[contract.other], strict=True)
    }
)


def energy_scopes(contract: Contract) -> tuple[str, ...]:
    """What an owner of energy sites is asked for under the contract."""
    return (*ALWAYS, *ENERGY_SCOPES[contract])


def energy_family(scopes: Collection[str]) -> Contract | None:
    """The contract whose energy scopes are among these, or None."""
    return next((contract for contract, pair in ENERGY_SCOPES.items() if set(pair).intersection(scopes)), None)


def holds(granted: Collection[str], scope: str) -> bool:
    """Whether the scope was granted, under either of its names."""
    return scope in granted or _OTHER_NAME.get(scope) in granted


def missing(asked: Iterable[str], granted: Collection[str]) -> tuple[str, ...]:
    """What was asked for, matters, and was not granted."""
    return tuple(scope for scope in asked if scope not in _NOT_IN_USER_TOKENS and not holds(granted, scope))

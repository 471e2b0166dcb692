"""The topic functions: which message each takes and what runs it.

Each name is one function of the manifest, and each has its home in `_HOMES`. A home is loaded when its function is
asked for: no function pays at its first message for what the others import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.handlers.dispatch import dispatch_energy as dispatch_energy
    from shared.handlers.due import housekeeping as housekeeping
    from shared.handlers.orders import fetch_order as fetch_order
    from shared.handlers.polls import poll_energy_sites as poll_energy_sites
    from shared.handlers.reports import build_report as build_report
    from shared.handlers.ticks import start_energy_tick as start_energy_tick
    from shared.handlers.tokens import refresh_tokens as refresh_tokens
    from shared.handlers.vehicles import fetch_vehicle as fetch_vehicle

_HOMES = {
    "build_report": "reports",
    "dispatch_energy": "dispatch",
    "fetch_order": "orders",
    "fetch_vehicle": "vehicles",
    "housekeeping": "due",
    "poll_energy_sites": "polls",
    "refresh_tokens": "tokens",
    "start_energy_tick": "ticks",
}

if not TYPE_CHECKING:  # to type checkers every name would be one

    def __getattr__(name: str) -> object:
        """The function of that name, kept here from then on. Raises AttributeError."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    """Every function, also those that nobody has asked for yet."""
    return [*globals(), *(name for name in _HOMES if name not in globals())]

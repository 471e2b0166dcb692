"""Whether two tariffs say the same: the one that was sent, and the one that Tesla gives back.

Tesla leaves out keys whose value is zero or empty, may write midnight as hour 24, and may add keys of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = (
    "code", "name", "utility", "currency", "daily_charges", "demand_charges", "energy_charges", "seasons",
    "sell_tariff",
)  # fmt: skip
"""What makes a tariff; the version is Tesla's."""
_LARGEST = 1e15
_MIDNIGHT_HOUR = 24
_DEEPEST = 20


def same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether both say the same; no tariff is the same as an empty one."""
    return canonical(one) == canonical(other)


def canonical(tariff: Mapping[str, Any] | None) -> dict[str, Any]:
    """The tariff in the one form that all its spellings have: known keys, without zeros and empties.

    Periods of a label come in a fixed order. Numbers have six digits, as Tesla's may come back through a shorter
    format. The result is for comparison and digests, not for sending.
    """
    kept = {key: tariff[key] for key in _KEPT if key in tariff} if tariff else {}
    plain = _plain(kept, 0)
    return plain if isinstance(plain, dict) else {}


def _plain(value: object, depth: int) -> object:
    """The value without zero-valued keys; beyond any tariff's depth nothing is compared."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        entries = ((str(key), _entry(key, item, depth)) for key, item in value.items())
        # bool(): zero, empty text, empty object and empty list are all what Tesla leaves out.
        return {key: item for key, item in entries if item}
    if isinstance(value, (list, tuple)):
        return sorted((_plain(item, depth + 1) for item in value), key=_order)
    if isinstance(value, (int, float)):
        # Neither NaN nor an endless integer is a price, but both have to be equal to themselves.
        return float(f"{value:.6g}") if abs(value) <= _LARGEST else repr(value)
    return value


def _entry(key: object, item: object, depth: int) -> object:
    """Midnight as an end is hour 0."""
    return 0 if key == "toHour" and item == _MIDNIGHT_HOUR else _plain(item, depth + 1)


def _order(item: object) -> str:
    return repr(sorted(item.items(), key=repr)) if isinstance(item, dict) else repr(item)

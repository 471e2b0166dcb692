"""A tariff as it was read, with what Tesla leaves out of an answer: keys whose value is zero, objects that are empty.

Without this, a sound tariff that ends a period at midnight reads like one that does not say when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PERIOD = ("fromDayOfWeek", "toDayOfWeek", "fromHour", "fromMinute", "toHour", "toMinute")


def completed(tariff: Mapping[str, Any]) -> dict[str, Any]:
    """The tariff with explicit zeros, to check what Tesla gave back. Takes any object, changes nothing in place."""
    full = {"demand_charges": {}, **_priced(tariff)}
    sold = tariff.get("sell_tariff")
    return {**full, "sell_tariff": _priced(sold)} if isinstance(sold, Mapping) else full


def _priced(side: Mapping[str, Any]) -> dict[str, Any]:
    """One side, buying or selling: its periods with all their keys, and a price for each label that has periods."""
    seasons = {name: _season(content) for name, content in _object(side, "seasons").items()}
    charges = dict(_object(side, "energy_charges"))
    for name, season in seasons.items():
        labels = _object(season, "tou_periods")
        known = charges.get(name)
        if labels and isinstance(known, Mapping):
            charges[name] = {**known, "rates": {**dict.fromkeys(labels, 0), **_object(known, "rates")}}
    filled = {"seasons": seasons, "energy_charges": charges}
    return {**side, **{key: value for key, value in filled.items() if isinstance(side.get(key), Mapping)}}


def _season(content: Any) -> Any:
    groups = _object(content, "tou_periods")
    return (
        {**content, "tou_periods": {label: _group(group) for label, group in groups.items()}} if groups else content
    )


def _group(group: Any) -> Any:
    periods = group.get("periods") if isinstance(group, Mapping) else None
    if not isinstance(periods, list):
        return group
    return {**group, "periods": [_period(period) for period in periods]}


def _period(period: Any) -> Any:
    return {**dict.fromkeys(_PERIOD, 0), **period} if isinstance(period, Mapping) else period


def _object(content: Any, key: str) -> Mapping[str, Any]:
    found = content.get(key) if isinstance(content, Mapping) else None
    return found if isinstance(found, Mapping) else {}

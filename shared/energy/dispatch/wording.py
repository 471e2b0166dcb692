"""What the codes in answers to signals mean, as sentences for whoever sent the signal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from shared.energy.reasons import Reason, words

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "owner_limit": "The site has taken part in as many events this month as its owner allows.",
        "in_another_event": "Another event has the site at that time.",
        "released_before": "The site took part in this event and has been let go; it is not called again.",
        "writes_used_up": "The site's settings may not be written any more today.",
        "tariff_changes_used_up": "The site's tariff may not be changed any more this month.",
        "no_tariff_to_restore": "The site has no tariff that could be put back after an export event.",
        "not_enough_power": "The eligible sites cannot carry the whole target to the end of the event.",
        "too_late_for_all": "Calls are limited: not every site can be commanded in time; see earliest_start.",
        "calls_used_up": "The calls that are left of the day's limit do not suffice for every site.",
        "hold_delivers_nothing": "Holding keeps batteries from discharging; no kW are delivered by it.",
    }
)


def words_of(codes: Iterable[str]) -> dict[str, str]:
    """Each code with its sentence; a code that has none stands for itself."""
    return {code: _sentence(code) for code in codes}


def _sentence(code: str) -> str:
    if code in TEXTS:
        return TEXTS[code]
    try:
        return words(Reason(code))
    except ValueError:
        return code.replace("_", " ")

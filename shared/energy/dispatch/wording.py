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
        "writes_used_up": "The site's settings may not be written so often any more on that day (others need some).",
        "tariff_changes_used_up": "The site's tariff may not be changed any more that month (others need it).",
        "no_tariff_to_restore": "The site has no tariff that could be put back after an export event.",
        "not_enough_power": "The eligible sites cannot carry the whole target to the end of the event.",
        "too_late_for_all": "Calls are limited: not every site can be commanded in time; see earliest_start.",
        "calls_used_up": "The calls that are left of the day's limit do not suffice for every site.",
        "hold_delivers_nothing": "Holding keeps batteries from discharging; no kW are delivered by it.",
    }
)
_AT_SITES: Mapping[str, str] = MappingProxyType(
    {
        "near_reserve": "The battery came near the reserve that has to be kept, so its event ended early.",
        "steered": "The others delivered enough without the site.",
        "outranked_by": "An event of higher priority, or an earlier one, took the site.",
        "opted_out": "The site was taken out of this event.",
        "owner_changed": "Somebody changed a setting during the event, and it stands.",
        "never_commanded": "The event was over before the site was commanded.",
        "not_in_the_new_plan": "A later plan of the event needed the site no more.",
        "not_told": "Tesla's answers left out what had to be read.",
        "not_taken": "Tesla accepted the commands, and nothing changed.",
    }
)


def site_words(reason: str) -> str:
    """Why a site's event ended or failed, as a sentence; empty for what names itself. `reason`: as in its record."""
    code = reason.partition(" ")[0] if reason.startswith("outranked_by ") else reason
    return _AT_SITES.get(code) or (words(Reason(code)) if code in set(Reason) else "")


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

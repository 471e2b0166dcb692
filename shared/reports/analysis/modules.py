"""What became of each module, in words for the owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.reports.snapshot import ModuleResult, ModuleStatus

TITLES: Mapping[str, str] = {
    "vehicle": "Vehicle record",
    "vehicle_data": "Live vehicle data",
    "charging_history": "Charging history",
    "recent_alerts": "Recent alerts",
    "service_data": "Service status",
    "warranty": "Warranty",
    "options": "Options",
    "specs": "Specifications",
    "release_notes": "Release notes",
    "fleet_status": "Fleet status",
}
"""Modules by the name of their endpoint in the catalogue."""


@dataclass(frozen=True)
class Outcome:
    """One module's line in the report: `state` is a word, `reason` is empty when there is nothing to explain."""

    result: ModuleResult
    title: str
    state: str
    reason: str
    complete: bool


def title_of(module: str) -> str:
    """The module's name for the owner."""
    return TITLES.get(module, module.replace("_", " ").capitalize())


def reason_of(result: ModuleResult) -> str:
    """Why a module is missing: the sentence the snapshot carries for the owner, else its code in words."""
    code = (result.reason or "no reason was recorded").replace("_", " ")
    return result.detail or f"{code[:1].upper()}{code[1:]}."


def outcome_of(result: ModuleResult, unreadable: str | None, lost: tuple[str, ...]) -> Outcome:
    """The outcome of a module, given what reading its answer brought to light."""
    title = title_of(result.module)
    if result.status is not ModuleStatus.OK:
        state = "Failed" if result.status is ModuleStatus.FAILED else "Not fetched"
        return Outcome(result, title, state, reason_of(result), complete=False)
    if unreadable is not None:
        return Outcome(
            result, title, "Unreadable", f"Tesla's answer could not be read: {unreadable}.", complete=False
        )
    if lost:
        return Outcome(result, title, "Partly read", _lost_words(lost), complete=True)
    return Outcome(result, title, "Complete", "", complete=True)


def _lost_words(lost: tuple[str, ...]) -> str:
    """Which fields could not be read."""
    shown = ", ".join(lost[:6])
    return f"{len(lost)} unreadable field(s) left out: {shown}" + (" …" if len(lost) > 6 else "")  # noqa: PLR2004

"""Every reading of an answer as label and value, grouped as Tesla groups them.

It reads the answer as it came, not through the models, so that a field nobody has modelled yet is shown too. What
tells where the car was, what was played in it, whose phone was paired or how to reach its account is withheld.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.reports.analysis.field_words import title_of

MAX_GROUPS = 30
MAX_ROWS = 300
MAX_DEPTH = 4
WITHHELD = "withheld"

_PRIVATE = re.compile(
    r"latitude|longitude|^heading$|^active_route|^gps|^native_|destination|now_playing|a2dp|bluetooth|home_?link"
    r"|token|user_id|^id(_s)?$|^vehicle_id$|email|phone|address|^location|pin_code$|cached_data|nearby|geo|(^|_)(lat|lon|lng)$"
)


@dataclass(frozen=True)
class Group:
    """One of Tesla's groups, such as ``charge_state``: labels and raw values in Tesla's order."""

    name: str
    rows: tuple[tuple[str, Any], ...]
    left_out: int = 0

    @property
    def title(self) -> str:
        """The group's name in words."""
        return title_of(self.name)


def groups_of(payload: Any, own_name: str) -> list[Group]:
    """The groups of an unwrapped answer; its plain values come first as the group `own_name`."""
    if not isinstance(payload, dict):
        return []
    plain = {key: value for key, value in payload.items() if not _is_group(key, value)}
    groups = [_group(own_name, plain)] if plain else []
    groups.extend(_group(key, value) for key, value in payload.items() if _is_group(key, value))
    return groups[:MAX_GROUPS]


def _is_group(key: str, value: Any) -> bool:
    """Whether a member of the answer is one of Tesla's groups of readings."""
    return isinstance(value, dict) and key.endswith(("_state", "_settings", "_config", "_data"))


def _group(name: str, fields: dict[str, Any]) -> Group:
    """A bounded group."""
    rows = list(_rows(fields, "", 1))
    return Group(name, tuple(rows[:MAX_ROWS]), max(0, len(rows) - MAX_ROWS))


def _rows(fields: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Dotted names and plain values, depth first."""
    for key, value in fields.items():
        name = f"{prefix}{key}"
        if _PRIVATE.search(key.lower()):
            yield name, None if value is None else WITHHELD
        elif isinstance(value, dict) and depth < MAX_DEPTH:
            yield from _rows(value, f"{name}.", depth + 1)
        else:
            yield name, value

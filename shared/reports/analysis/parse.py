"""Figures out of texts."""

from __future__ import annotations

import re

_FIGURE = re.compile(r"-?\d{1,9}(?:[.,]\d{1,6})?")


def leading_figure(text: str | float | None) -> float | None:
    """The first figure in ``"82.3kWh"``, ``"100%"`` or ``571``; None if there is none."""
    if text is None or isinstance(text, int | float):
        return text
    found = _FIGURE.search(text)
    return float(found.group().replace(",", ".")) if found else None

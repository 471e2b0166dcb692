"""Values of the energy actions in words."""

from __future__ import annotations

from datetime import UTC, datetime


def in_utc(moment: datetime) -> str:
    """The moment in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

"""Why a message is given up, as its handler is told."""

from __future__ import annotations

from typing import Final

TOO_OLD: Final = "too_old"
"""It is older than messages may get; it was not executed."""
ATTEMPTS_EXHAUSTED: Final = "attempts_exhausted"
"""It failed as often as it may; it becomes a dead letter."""

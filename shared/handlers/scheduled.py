"""What functions share whose work comes back by itself: the scheduler's message, and giving a message up."""

from __future__ import annotations

import msgspec

from shared import log


class Tick(msgspec.Struct, frozen=True):
    """What the scheduler publishes: nothing."""


def given_up(message: msgspec.Struct, reason: str) -> None:
    """Log that the message will not be executed. Nothing is lost: the due list brings the work back."""
    log.warning("message given up", kind=type(message).__name__, reason=reason)

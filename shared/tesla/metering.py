"""The meter of the work in progress, so that every call of it is checked and counted wherever it is made.

Like the ids of a log record, it is bound once where a piece of work begins; threads that take over the context take
it along. Calls outside any metered work are neither limited nor written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared import log
from shared.platform.errors import PlatformError
from shared.tesla.ledger import Meter

_CURRENT: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Count the calls made inside on this meter, and close it at the end."""
    before = _CURRENT.set(meter)
    try:
        yield
    finally:
        _CURRENT.reset(before)
        _close(meter)


def current_meter() -> Meter | None:
    """The meter of the work in progress."""
    return _CURRENT.get()


def _close(meter: Meter) -> None:
    """Write the ledger. The work is done and its outcome must not depend on the books: a failure is logged."""
    try:
        meter.close()
    except PlatformError as error:
        log.warning("ledger not written", error=type(error).__name__)

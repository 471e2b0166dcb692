"""Dispatches of energy sites."""

from __future__ import annotations

from shared.edge.push import PushHandler
from shared.energy.dispatch.desk import DispatchDesk
from shared.energy.dispatch.model import DispatchMessage
from shared.platform.errors import WorkBusy


def dispatch_energy(desk: DispatchDesk) -> PushHandler[DispatchMessage]:
    """One dispatch as a whole, or one shard of it, one step further."""
    return PushHandler(DispatchMessage, desk.run, desk.expired, retry_on=(WorkBusy,))

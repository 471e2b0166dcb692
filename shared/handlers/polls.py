"""Polls of energy sites."""

from __future__ import annotations

from shared.edge.push import PushHandler
from shared.energy.poller import Poller, PollShard


def poll_energy_sites(poller: Poller) -> PushHandler[PollShard]:
    """One shard of the fleet at one tick."""
    return PushHandler(PollShard, poller.run, poller.expired)

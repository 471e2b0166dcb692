"""Ticks of the fleet of energy sites."""

from __future__ import annotations

from collections.abc import Callable

from shared import log
from shared.edge.push import PushHandler
from shared.energy.tick import FleetTick
from shared.handlers.scheduled import Tick, given_up


def start_energy_tick(tick: FleetTick, stop: Callable[[], object] | None = None) -> PushHandler[Tick]:
    """The 5-minute tick of the fleet: close the one before, then one message per shard.

    `stop` comes first where there is one: it ends what runs although nothing may run any more.
    """

    def run(_tick: Tick) -> None:
        if stop is not None:
            stop()
        log.info("tick started", shards=tick.start())

    return PushHandler(Tick, run, given_up)

"""The due list, once a minute."""

from __future__ import annotations

from shared import log
from shared.edge.push import PushHandler
from shared.handlers.scheduled import Tick, given_up
from shared.platform.due import DueList


def housekeeping(due: DueList) -> PushHandler[Tick]:
    """Publishes what is due, nothing else."""

    def run(_tick: Tick) -> None:
        count = due.publish_due()
        if count:
            log.info("due items published", count=count)

    return PushHandler(Tick, run, given_up)

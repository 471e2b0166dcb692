"""What Cloud Scheduler does: a message without content to every scheduled topic, on its cron line or more often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from shared.platform.errors import PlatformError
from shared.platform.ports import Event, EventBus
from tests.stack.cron import parse_cron, until_next_minute

_NOTHING = b"{}"
"""Pub/Sub refuses a message with neither data nor attributes."""

log = logging.getLogger(__name__)


class Scheduler:
    """Publishes to the scheduled topics."""

    def __init__(self, bus: EventBus, schedules: Mapping[str, str], tick_s: float | None) -> None:
        """Use topic -> cron line; `tick_s`: None follows the lines, 0 never runs by itself, n every n seconds.

        Raises:
            BadCronLine: A line cannot be read.
        """
        self._bus, self._tick_s = bus, tick_s
        self._lines = {topic: parse_cron(line) for topic, line in schedules.items()}

    async def run(self) -> None:
        """Tick until cancelled."""
        while self._tick_s != 0:
            await asyncio.sleep(self._tick_s or until_next_minute(datetime.now(UTC)))
            moment = datetime.now(UTC)
            topics = [topic for topic, line in self._lines.items() if self._tick_s or line.matches(moment)]
            try:
                await asyncio.to_thread(self.tick, topics)
            except PlatformError as error:
                log.warning("a tick was lost: %s", error)

    def tick(self, topics: list[str] | None = None) -> list[str]:
        """Publish to those topics, or to all scheduled ones; gives the message ids. Raises PlatformError."""
        wanted = self._lines if topics is None else topics
        return [self._bus.publish(Event(topic, _NOTHING)) for topic in wanted]

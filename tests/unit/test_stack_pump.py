"""What a pump does with messages that it pulled too late to deliver."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

from shared.platform.ports import Delivery, Event
from tests.stack.config import DeliveryConfig
from tests.stack.pump import Pump, Subscription


class _SlowQueue:
    """One message, which a pull gives only once it is let go."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()
        self.returned: list[str] = []

    def pull(self, topic: str, *, limit: int, lease_s: float) -> list[Delivery]:
        """Raises AssertionError if it was never let go."""
        self.asked.set()
        assert (limit, lease_s, self.answer.wait(30)) == (1, 60, True)
        return [Delivery(Event(topic, b"{}"), "m1", datetime.now(UTC), 1, "receipt")]

    def ack(self, delivery: Delivery) -> None:
        """Nobody may acknowledge."""
        raise AssertionError(delivery)

    def nack(self, delivery: Delivery, *, delay_s: float) -> None:
        """Noted."""
        assert delay_s == 0
        self.returned.append(delivery.message_id)


async def _post(_subscription: Subscription, delivery: Delivery) -> bool:
    raise AssertionError(delivery)


async def _closed_while_pulling(queue: _SlowQueue) -> None:
    subscription = Subscription(
        topic="t", name="s", url="http://127.0.0.1:1", concurrency=1, timeout_s=1, attempts=8, lease_s=60
    )
    pump = Pump(subscription, queue, _post, DeliveryConfig(), long_poll=False)
    running = asyncio.create_task(pump.run())
    await asyncio.to_thread(queue.asked.wait, 30)
    await pump.close(1)
    queue.answer.set()
    await running


def test_what_is_pulled_while_it_closes_is_given_back_at_once() -> None:
    queue = _SlowQueue()
    asyncio.run(_closed_while_pulling(queue))
    assert queue.returned == ["m1"]

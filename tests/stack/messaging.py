"""What the deliverer and the scheduler need from a backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.platform.ports import Delivery, EventBus, EventQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Messaging:
    """Publishing, pulling and noticing.

    Attributes:
        bus: Publishes.
        queue: Pulls, for every topic and its dead letters.
        changed: Whether anything was written since the last call; None when a pull itself waits for messages.
        quiet_s: A queue that gave nothing for so long is empty.
        close: Gives connections back.
    """

    bus: EventBus
    queue: EventQueue
    changed: Callable[[], bool] | None
    quiet_s: float
    close: Callable[[], None]


def drain(queue: EventQueue, topic: str) -> list[Delivery]:
    """Pull and acknowledge until the topic gives nothing more. Raises NotFound for an unknown topic."""
    taken: list[Delivery] = []
    while found := queue.pull(topic, limit=100, lease_s=60):
        for delivery in found:
            queue.ack(delivery)
        taken += found
    return taken

"""The way of one topic's messages to its function."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from asyncio import Event as Flag
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.platform.errors import PlatformError
from shared.platform.ports import Delivery, EventQueue
from tests.stack.config import DeliveryConfig

_LOOK_S = 1.0
_SHUFFLED_AT_ONCE = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A topic and the function it is pushed to.

    Attributes:
        topic: The topic's id.
        name: The subscription's full resource name.
        url: Where the function listens.
        concurrency: Most requests at a time.
        timeout_s: Longest wait for an answer.
        attempts: Deliveries before a message is a dead letter.
        lease_s: How long a pulled message stays ours.
    """

    topic: str
    name: str
    url: str
    concurrency: int
    timeout_s: float
    attempts: int
    lease_s: float


class Pump:
    """Pulls one topic, has every message posted, and acknowledges or returns it."""

    def __init__(
        self,
        subscription: Subscription,
        queue: EventQueue,
        post: Callable[[Subscription, Delivery], Awaitable[bool]],
        config: DeliveryConfig,
        *,
        long_poll: bool,
    ) -> None:
        """`post` says whether the function took the message; `long_poll`: a pull waits for messages by itself."""
        self.subscription = subscription
        self._queue, self._post, self._config, self._long_poll = queue, post, config, long_poll
        self._random = random.Random(f"{config.seed}:{subscription.topic}")
        self._posts = asyncio.Semaphore(subscription.concurrency)
        self._most_held = subscription.concurrency * (_SHUFFLED_AT_ONCE if config.shuffle_s else 1)
        self._held: set[asyncio.Task[None]] = set()
        self._returned: set[str] = set()
        self._wake, self._open = Flag(), Flag()
        self._open.set()
        self._closing = False
        self.last_activity = time.monotonic()
        self.empty_at = 0.0

    async def run(self) -> None:
        """Move messages until `close`."""
        while not self._closing:
            self._wake.clear()
            if not await self._pull():
                await self._rest()

    async def close(self, grace_s: float) -> None:
        """Pull no more; what is not answered within `grace_s` is given back."""
        self._closing = True
        self.wake()
        if self._held:
            await asyncio.wait(self._held, timeout=grace_s)
        for task in self._held:
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)

    def wake(self) -> None:
        """Look for messages now."""
        self._wake.set()

    def pause(self) -> None:
        """Begin no delivery until `resume`."""
        self._open.clear()

    def resume(self) -> None:
        """Deliver again."""
        self._open.set()
        self.wake()

    @property
    def busy(self) -> bool:
        """Whether messages are being delivered or wait to be delivered again."""
        return bool(self._held or self._returned)

    async def _pull(self) -> bool:
        free = self._most_held - len(self._held)
        if not self._open.is_set() or free <= 0:
            return False
        started, subscription = time.monotonic(), self.subscription
        try:
            found = await asyncio.to_thread(
                self._queue.pull, subscription.topic, limit=free, lease_s=subscription.lease_s
            )
        except PlatformError as error:
            log.warning("pull of %s failed: %s", subscription.topic, error)
            await asyncio.sleep(_LOOK_S)
            return False
        if self._closing:
            await asyncio.gather(*(self._settle(self._queue.nack, delivery, delay_s=0) for delivery in found))
            return False
        for delivery in found:
            self._take(delivery)
        if not found:
            self.empty_at = started
        return bool(found)

    def _take(self, delivery: Delivery) -> None:
        self._returned.discard(delivery.message_id)
        task = asyncio.create_task(self._deliver(delivery))
        self._held.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._held.discard(task)
        self.last_activity = time.monotonic()
        self.wake()

    async def _rest(self) -> None:
        """Until something may have changed. A pull that waits by itself is repeated at once, unless it may not be."""
        if self._long_poll and self._open.is_set() and len(self._held) < self._most_held:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), _LOOK_S)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            taken = await asyncio.gather(*(self._copy(delivery) for _ in range(self._config.duplicate)))
        except asyncio.CancelledError:
            await self._settle(self._queue.nack, delivery, delay_s=0)
            raise
        if all(taken):
            await self._settle(self._queue.ack, delivery)
        else:
            await self._return(delivery)

    async def _copy(self, delivery: Delivery) -> bool:
        if self._config.shuffle_s:
            await asyncio.sleep(self._random.uniform(0, self._config.shuffle_s))
        async with self._posts:
            await self._open.wait()
            return await self._post(self.subscription, delivery)

    async def _return(self, delivery: Delivery) -> None:
        """Give the message back for later, or at once if that makes it a dead letter."""
        if delivery.attempt >= self.subscription.attempts:
            await self._settle(self._queue.nack, delivery, delay_s=0)
            return
        delay_s = backoff_s(self._config, delivery.attempt)
        await self._settle(self._queue.nack, delivery, delay_s=delay_s)
        self._returned.add(delivery.message_id)
        asyncio.get_running_loop().call_later(delay_s + 0.001, self.wake)

    async def _settle(self, call: Callable[..., None], delivery: Delivery, **named: float) -> None:
        """Acknowledge or return; when that fails the lease runs out and the message comes again."""
        try:
            await asyncio.to_thread(call, delivery, **named)
        except PlatformError as error:
            log.warning("message %s of %s: %s", delivery.message_id, self.subscription.topic, error)


def backoff_s(config: DeliveryConfig, attempt: int) -> float:
    """Pause after the given attempt (1 is the first): exponential between the least and the most."""
    return min(config.backoff_max_s, config.backoff_min_s * 2.0 ** min(attempt - 1, 32))

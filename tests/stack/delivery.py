"""Message delivery: for every topic a pump that pushes to its function, as a push subscription does.

2xx acknowledges; anything else, a broken connection and a timeout return the message with exponential backoff until
its attempts are used up and it becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import ClientError, ClientSession, ClientTimeout

from shared.platform.ports import Delivery
from tests.stack.config import DeliveryConfig
from tests.stack.envelope import envelope
from tests.stack.gateway import new_session
from tests.stack.messaging import Messaging
from tests.stack.pump import Pump, Subscription

_WATCH_S = 0.01
_MOST_RECORDS = 200_000
_MOST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """One push request. `status` is 0 when no answer came; `error` then, or when it was not 2xx, says why."""

    topic: str
    message_id: str
    attempt: int
    status: int
    error: str
    started: datetime
    duration_s: float


class NotIdle(Exception):
    """Messages are still on their way."""


class Deliverer:
    """Runs the pumps and keeps a record of every attempt."""

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        messaging: Messaging,
        token: Callable[[], str],
        config: DeliveryConfig,
    ) -> None:
        """Push every subscription; `token` gives the bearer of the pushing account."""
        self.attempts: deque[Attempt] = deque(maxlen=_MOST_RECORDS)
        self._messaging, self._token, self._config = messaging, token, config
        self._subscriptions = subscriptions
        self._pumps: list[Pump] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Begin to deliver."""
        self._session = new_session(limit=0)
        queue, long_poll = self._messaging.queue, self._messaging.changed is None
        self._pumps = [
            Pump(each, queue, self._post, self._config, long_poll=long_poll) for each in self._subscriptions
        ]
        self._tasks = [asyncio.create_task(pump.run()) for pump in self._pumps]
        if self._messaging.changed:
            self._tasks.append(asyncio.create_task(self._watch(self._messaging.changed)))

    async def stop(self, grace_s: float) -> None:
        """Finish or return what is under way."""
        await asyncio.gather(*(pump.close(grace_s) for pump in self._pumps))
        for task in self._tasks[len(self._pumps) :]:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks)
        if self._session:
            await self._session.close()

    def pause(self) -> None:
        """Hold every message back; requests under way go on."""
        for pump in self._pumps:
            pump.pause()

    def resume(self) -> None:
        """Deliver again."""
        for pump in self._pumps:
            pump.resume()

    async def wait_idle(self, timeout_s: float) -> None:
        """Return once no message is waiting or under way. Raises NotIdle after `timeout_s`.

        Messages that were published before the call count; dead letters and what is due later do not.
        """
        called = time.monotonic()
        while not self._is_idle_since(called):
            if time.monotonic() - called > timeout_s:
                raise NotIdle(f"still busy after {timeout_s:g} s: {', '.join(self._busy(called))}")
            for pump in self._pumps:
                pump.wake()
            await asyncio.sleep(_WATCH_S)

    def _is_idle_since(self, called: float) -> bool:
        for task in self._tasks:
            if task.done():
                task.result()
        return not self._busy(called)

    def _busy(self, called: float) -> list[str]:
        """Topics that were not seen empty since anything last happened anywhere."""
        latest = max([called, *(pump.last_activity for pump in self._pumps)]) + self._messaging.quiet_s
        return [pump.subscription.topic for pump in self._pumps if pump.busy or pump.empty_at < latest]

    async def _watch(self, changed: Callable[[], bool]) -> None:
        """Wake the pumps when somebody wrote."""
        while True:
            if changed():
                for pump in self._pumps:
                    pump.wake()
            await asyncio.sleep(_WATCH_S)

    async def _post(self, subscription: Subscription, delivery: Delivery) -> bool:
        """One push request; whether the function took the message."""
        started, moment = datetime.now(UTC), time.monotonic()
        status, error = await self._answer(subscription, delivery)
        duration_s = time.monotonic() - moment
        self.attempts.append(
            Attempt(subscription.topic, delivery.message_id, delivery.attempt, status, error, started, duration_s)
        )
        return 200 <= status < 300

    async def _answer(self, subscription: Subscription, delivery: Delivery) -> tuple[int, str]:
        if self._session is None:
            return 0, "the stack is stopping"
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        try:
            async with self._session.post(
                f"{subscription.url}/",
                data=envelope(delivery, subscription.name),
                headers=headers,
                timeout=ClientTimeout(total=subscription.timeout_s),
            ) as answer:
                body = await answer.read()
                return answer.status, "" if answer.ok else body[:_MOST_ERROR].decode(errors="replace")
        except TimeoutError:
            return 0, f"no answer within {subscription.timeout_s:g} s"
        except ClientError as error:
            return 0, f"{type(error).__name__}: {error}"

"""An event loop in a thread of its own, for use from code that waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_WAITING_CALLS = 48
"""Threads for calls that wait: every topic's pull may hold one."""


class LoopThread:
    """Runs coroutines and calls on its loop and waits for their answers."""

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(_WAITING_CALLS, "stack-call"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """The coroutine's answer. Raises what it raises, TimeoutError after `timeout_s`."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        finally:
            future.cancel()

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The answer of a function called on the loop."""

        async def called() -> T:
            return function(*arguments)

        return self.run(called())

    def stop(self) -> None:
        """End the loop and its thread."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

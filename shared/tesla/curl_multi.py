"""A libcurl multi handle with its kept connections, driven by the sockets that are ready.

libcurl says which sockets it waits for and when it wants to be called in any case. pycurl's own waiting is `select`,
which ends at 1,024 descriptors, and its `perform` looks at every transfer each time.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator
from typing import Any

from shared.tesla.curl_transfer import Transfer, libcurl
from shared.tesla.many import Ask, Told

_READ_WRITE = {1: selectors.EVENT_READ, 2: selectors.EVENT_WRITE, 3: selectors.EVENT_READ | selectors.EVENT_WRITE}
"""libcurl's CURL_POLL_IN, _OUT and _INOUT; its CSELECT bits have the values of the selectors' own."""


class CurlMulti:
    """Transfers under way and idle handles for the next. Belongs to one thread at a time."""

    def __init__(self, make: Callable[[], Transfer]) -> None:
        curl = libcurl()
        self._make, self._multi = make, curl.CurlMulti()
        self._idle: list[Transfer] = []
        self._active: dict[Any, Transfer] = {}
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}
        self._call_at_s: float | None = None
        self._multi.setopt(curl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(curl.M_TIMERFUNCTION, self._call_in)

    @property
    def under_way(self) -> int:
        """How many transfers."""
        return len(self._active)

    def keep(self, connections: int) -> None:
        """How many connections stay open for later transfers."""
        self._multi.setopt(libcurl().M_MAXCONNECTS, connections)

    def start(self, ask: Ask, *, timeout_s: float, now_s: float) -> None:
        """Begin one. Raises ValueError when it cannot be sent as it stands."""
        transfer = self._idle.pop() if self._idle else self._make()
        try:
            transfer.begin(ask, timeout_s=timeout_s, now_s=now_s)
        except ValueError:
            self._idle.append(transfer)
            raise
        self._active[transfer.easy] = transfer
        self._multi.add_handle(transfer.easy)

    def step(self, wait_s: float) -> None:
        """Move on what can be moved on; wait for that, at most so many seconds."""
        now_s = time.monotonic()
        if self._call_at_s is not None and self._call_at_s <= now_s:
            self._call_at_s = None
            _, running = self._multi.socket_action(libcurl().SOCKET_TIMEOUT, 0)
            if running < len(self._active):  # something ended: nobody shall wait for it
                wait_s = 0.0
        if self._call_at_s is not None:
            wait_s = min(wait_s, self._call_at_s - now_s)
        for key, events in self._selector.select(max(0.0, wait_s)):
            self._multi.socket_action(key.fd, events)

    def ended(self) -> Iterator[tuple[Ask, Told]]:
        """What has ended since the last time."""
        left = 1
        while left:
            left, good, bad = self._multi.info_read()
            now_s = time.monotonic()
            ends = [(easy, 0) for easy in good] + [(easy, error) for easy, error, _ in bad]
            told = [self._ended(easy, error, now_s) for easy, error in ends]
            yield from told

    def abandon(self) -> list[tuple[Ask, Told]]:
        """Give up what is under way, with the connections that it runs over."""
        now_s, timed_out = time.monotonic(), libcurl().E_OPERATION_TIMEDOUT
        return [self._ended(easy, timed_out, now_s) for easy in list(self._active)]

    def close(self) -> None:
        """Close connections and handles."""
        self.abandon()
        for transfer in self._idle:
            transfer.easy.close()
        self._idle.clear()
        self._multi.close()
        self._selector.close()

    def _ended(self, easy: Any, error: int, now_s: float) -> tuple[Ask, Told]:
        self._multi.remove_handle(easy)
        transfer = self._active.pop(easy)
        self._idle.append(transfer)
        return transfer.ask, transfer.end(error, now_s)

    def _call_in(self, wait_ms: int) -> None:
        self._call_at_s = None if wait_ms < 0 else time.monotonic() + wait_ms / 1000

    def _watch(self, what: int, socket: int, _multi: object, _data: object) -> None:
        wanted, before = _READ_WRITE.get(what), self._watched.get(socket)
        if wanted == before:
            return
        if wanted is None:
            del self._watched[socket]
            self._selector.unregister(socket)
            return
        (self._selector.modify if before else self._selector.register)(socket, wanted)
        self._watched[socket] = wanted

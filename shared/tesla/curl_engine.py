"""The engine behind `shared.tesla.many`: libcurl's multi interface in the caller's thread, connections kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.tesla.agenda import Agenda
from shared.tesla.curl_multi import CurlMulti
from shared.tesla.curl_transfer import Transfer
from shared.tesla.many import Ask, Hear, Told

_LONGEST_WAIT_S = 1.0


class CurlEngine:
    """An `Engine`. Every request is sent at most once, over HTTP/1.1, verified, past no proxy, with no cookies.

    Keeps as many connections as its last run had at a time, for about two minutes. One that the other side closed
    less than a second ago may still be used: that request ends as `connection_lost`, as nothing is sent again. A TLS
    connection takes about 100 KB of memory. `body_bytes` bounds a decoded answer. `ca_file`: PEM of the authorities
    that are believed, certifi's when None.
    """

    def __init__(self, *, body_bytes: int, ca_file: str | None = None) -> None:
        self._body_bytes, self._ca_file = body_bytes, ca_file
        self._idle: list[CurlMulti] = []
        self._lock = threading.Lock()

    def run(
        self,
        asks: Iterable[Ask],
        hear: Hear,
        *,
        concurrency: int,
        timeout_s: float,
        deadline_s: float,
        per_second: float = 0.0,
    ) -> None:
        """See `Engine.run`. Raises ValueError for a concurrency below 1, and what `asks` and `hear` raise."""
        if concurrency < 1:
            raise ValueError("at least one request at a time")
        with self._borrowed() as multi:
            multi.keep(concurrency)
            agenda = Agenda(asks, per_second=per_second)
            _Run(multi, agenda, hear, concurrency, timeout_s, deadline_s).to_its_end()

    def close(self) -> None:
        """Close the connections of runs that have ended."""
        with self._lock:
            idle, self._idle = self._idle, []
        for multi in idle:
            multi.close()

    @contextmanager
    def _borrowed(self) -> Iterator[CurlMulti]:
        """A multi handle for this thread alone; whatever happens, nothing stays under way in it."""
        with self._lock:
            multi = self._idle.pop() if self._idle else CurlMulti(self._transfer)
        try:
            yield multi
        finally:
            multi.abandon()
            with self._lock:
                self._idle.append(multi)

    def _transfer(self) -> Transfer:
        import certifi

        return Transfer(body_bytes=self._body_bytes, ca_file=self._ca_file or certifi.where())


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over a multi handle."""

    multi: CurlMulti
    agenda: Agenda
    hear: Hear
    concurrency: int
    timeout_s: float
    deadline_s: float

    def to_its_end(self) -> None:
        while (now_s := time.monotonic()) < self.deadline_s:
            self._start(now_s)
            if not self.multi.under_way and self.agenda.next_s() is None:
                return
            self.multi.step(self._wait_s(now_s))
            for ask, told in self.multi.ended():
                self._tell(ask, told)
        self._give_up()

    def _start(self, now_s: float) -> None:
        """Everything whose turn it is."""
        while self.multi.under_way < self.concurrency and (ask := self.agenda.take(now_s)) is not None:
            try:
                self.multi.start(ask, timeout_s=self.timeout_s, now_s=now_s)
            except ValueError:
                self.hear(ask, Told(0, failure="not_sent"))

    def _wait_s(self, now_s: float) -> float:
        """How long nothing has to be started for."""
        until_s = min(self.deadline_s, now_s + _LONGEST_WAIT_S)
        next_s = self.agenda.next_s()
        if next_s is not None and self.multi.under_way < self.concurrency:
            until_s = min(until_s, next_s)
        return until_s - now_s

    def _tell(self, ask: Ask, told: Told) -> None:
        following = self.hear(ask, told)
        if following is not None and told.failure != "not_sent":
            self.agenda.add(following)

    def _give_up(self) -> None:
        """The deadline has come."""
        for ask, told in self.multi.abandon():
            self._tell(ask, told)
        for ask in self.agenda.rest():
            self.hear(ask, Told(0, failure="not_sent"))

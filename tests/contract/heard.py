"""Runs of an engine against a peer, and what was heard of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

from shared.tesla.many import Ask, Engine, Told
from tests.contract.peer import Peer

LONG_S = 60.0
SECRET = "a-very-secret-token"


class Heard:
    """Every end, in order; `follow` gives what comes next."""

    def __init__(self, follow: Callable[[Ask, Told], Ask | None] = lambda _ask, _told: None) -> None:
        self.ends: list[tuple[Ask, Told]] = []
        self.threads: set[int] = set()
        self._follow = follow

    def __call__(self, ask: Ask, told: Told) -> Ask | None:
        self.ends.append((ask, told))
        self.threads.add(threading.get_ident())
        return self._follow(ask, told)

    def counts(self) -> Counter[str]:
        """How often each key was heard."""
        return Counter(ask.key for ask, _ in self.ends)

    def keys(self) -> list[str]:
        return [ask.key for ask, _ in self.ends]

    def told(self, key: str) -> Told:
        """The only end of the key."""
        (found,) = [told for ask, told in self.ends if ask.key == key]
        return found


def run(
    engine: Engine, asks: Iterable[Ask], heard: Heard | None = None, *, concurrency: int = 8,
    timeout_s: float = LONG_S, within_s: float = LONG_S, per_second: float = 0.0,
) -> Heard:  # fmt: skip
    """Run with generous limits; gives what was heard."""
    heard = heard or Heard()
    deadline_s = time.monotonic() + within_s
    engine.run(
        asks, heard, concurrency=concurrency, timeout_s=timeout_s, deadline_s=deadline_s, per_second=per_second
    )
    return heard


def get(peer: Peer, path: str, not_before_s: float = 0.0) -> Ask:
    """A read of what the path says; the path is its key."""
    return Ask(path, "GET", f"{peer.url}/{path}", SECRET, not_before_s=not_before_s)

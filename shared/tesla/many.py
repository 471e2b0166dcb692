"""Many calls to Tesla side by side: what is asked, how it ended, and the port that engines stand behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

import msgspec

Failure = Literal["", "timed_out", "connection_lost", "too_large", "unreadable", "not_sent"]
"""Why there is no answer; empty where there is one.

`not_sent` is certain: the deadline came first, or the request cannot be sent as it stands. After `timed_out` and
`connection_lost` it is unknown whether Tesla executed the request. `too_large` and `unreadable` (a broken encoding)
are answers that were not taken.
"""


class Ask(msgspec.Struct, frozen=True, gc=False):
    """One request to make; it goes to the wire at most once.

    Attributes:
        key: The caller's name for it.
        method: HTTP method in capitals.
        url: Absolute, http or https, quoted, query included.
        token: Bearer token; empty: no Authorization header.
        body: JSON, if any.
        not_before_s: Moment of `time.monotonic` before which it is not sent.
    """

    key: str
    method: str
    url: str
    token: str
    body: bytes | None = None
    not_before_s: float = 0.0

    def __repr__(self) -> str:
        """Name and method: the token is a secret, the URL may name a site."""
        return f"Ask({self.key!r}, {self.method})"


class Told(msgspec.Struct, frozen=True, gc=False):
    """How a request ended.

    Attributes:
        status: HTTP status, redirects as they came; 0: no answer.
        body: Decoded from its transfer encoding; empty without an answer.
        retry_after_s: What an error status asks to wait, None where it does not say.
        failure: See `Failure`.
        seconds: From the start of the request to its end; 0 when not sent.
    """

    status: int
    body: bytes = b""
    retry_after_s: float | None = None
    failure: Failure = ""
    seconds: float = 0.0

    def __repr__(self) -> str:
        """Without the body, which tells about a home."""
        return f"Told({self.status}, {len(self.body)} bytes, {self.failure!r})"


Hear = Callable[[Ask, Told], Ask | None]
"""Takes the end of one request; may give the request to make next (a retry, a read-back)."""


class Engine(Protocol):
    """Makes requests side by side. Safe to use from many threads, each with a run of its own."""

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
        """Make all requests and those that `hear` gives. Every one of them ends in exactly one call of `hear`.

        At the deadline what is under way ends as `timed_out` and the rest as `not_sent`; no request follows one that
        was not sent. Redirects are answers like any other. When `hear` or `asks` raises, the run ends with that error
        and what is under way is given up.

        Args:
            asks: Finite; taken when there is room to start one, so that it may be a generator. One whose time has not
                come waits aside and does not hold the others.
            hear: Called in this thread, in the order in which requests end. What it takes, everybody waits for.
            concurrency: Requests under way at a time, at least 1.
            timeout_s: For one request, connecting included.
            deadline_s: Moment of `time.monotonic`.
            per_second: Starts a second of this run, evenly spread; 0: unlimited.
        """
        ...

"""The pause of all refreshes when Tesla's token endpoint asks to wait: the limit is the application's.

One 429 holds back every refresh of every instance for as long as it says, so that each account does not learn it by a
call of its own. Consents and the application's own tokens are not held back: they are few, a code does not live long,
and whoever consents waits for the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus

from shared import log
from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore
from shared.tesla.breaker import Hold
from shared.tesla.errors import RateLimited

_KEY = "tokens"
_LONGEST_S = 600.0
"""Then refreshes try again whatever Tesla said: access tokens live for eight hours and must not all expire."""


class TokenPause:
    """Watches refreshes. Collection: `breakers`; one small read per refresh."""

    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._holds, self._clock = Collection(store, "breakers", Hold), clock

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Make a refresh inside. Raises RateLimited instead while all of them pause."""
        self._check()
        try:
            yield
        except RateLimited as error:
            self._hold(error.retry_after_s)
            raise

    def _check(self) -> None:
        found, now = self._holds.get(_KEY), self._clock.now()
        if found is not None and now < found.value.until:
            left_s = (found.value.until - now).total_seconds()
            raise RateLimited(HTTPStatus.TOO_MANY_REQUESTS, "", left_s)

    def _hold(self, wait_s: float) -> None:
        now = self._clock.now()
        until = now + timedelta(seconds=min(wait_s, _LONGEST_S))
        self._holds.put(_KEY, Hold(until=until, opened_at=now))
        log.warning("token calls limited, refreshes pause", until=until.isoformat())

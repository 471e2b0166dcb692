"""The circuit breaker for Tesla's billing limit, one for the application over all its instances.

Over the limit Tesla refuses everything, and bills each refusal (402, 403 `EXCEEDED_LIMIT`). One such answer therefore
holds all calls back for a while, whoever makes them; the token endpoint is not concerned. When the time is over one
call goes through to see: a usable answer lets all of them go on, another refusal holds them back anew.

The state is one document. Instances look at it every few seconds, so some more calls may be refused by Tesla before
the last of them knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec

from shared import log
from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, VersionChanged
from shared.platform.ports import Clock, DocumentStore
from shared.tesla import errors

_KEY = "billing"
_LOOK_S = 15.0
_PROBE = timedelta(seconds=120)
"""Longer than a call with its retries: whoever probes and dies holds up the others only that long."""
_TELLS_NOTHING = (errors.Unauthorized, errors.RateLimited, errors.ServerError)
"""Answers that may come before Tesla looks at the bill."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Calls are held back until then. No document: they are not."""

    until: datetime
    opened_at: datetime


class Breaker:
    """Watches calls. `hold_s`: how long one refusal holds all calls back. Collection: `breakers`."""

    def __init__(self, store: DocumentStore, clock: Clock, hold_s: float) -> None:
        self._holds = Collection(store, "breakers", Hold)
        self._clock, self._hold_for = clock, timedelta(seconds=hold_s)
        self._seen: tuple[float, Stored[Hold] | None] | None = None

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Make a call inside. Raises HeldBack instead while calls are held back."""
        probe = self._admit()
        try:
            yield
        except errors.LimitExceeded as error:
            self._hold(probe, error.status)
            raise
        except errors.Refused as error:
            if probe is not None and not isinstance(error, _TELLS_NOTHING):
                self._release(probe)
            raise
        if probe is not None:
            self._release(probe)

    def check(self) -> None:
        """Raises HeldBack while calls are held back. It makes none: the next `watch` is still the one that probes."""
        seen = self._look()
        if seen is not None:
            self._check(seen)

    def _admit(self) -> Stored[Hold] | None:
        """The hold that this call is to probe, or None where nothing is held back. Raises HeldBack."""
        seen = self._look()
        if seen is None:
            return None
        self._check(seen)
        current = self._note(self._holds.get(_KEY))  # what was seen may be over
        if current is None:
            return None
        now = self._check(current)
        try:
            probed = self._holds.replace(current, msgspec.structs.replace(current.value, until=now + _PROBE))
        except VersionChanged:
            raise errors.HeldBack(_PROBE.total_seconds()) from None  # another call was quicker
        return self._note(probed)

    def _check(self, hold: Stored[Hold]) -> datetime:
        """Now, if the hold's time is over. Raises HeldBack."""
        now = self._clock.now()
        if now < hold.value.until:
            raise errors.HeldBack((hold.value.until - now).total_seconds())
        return now

    def _hold(self, probe: Stored[Hold] | None, status: int) -> None:
        """Hold all calls back, for longer if this one was to see whether that is over."""
        now = self._clock.now()
        until = now + self._hold_for
        try:
            if probe is not None:
                self._note(self._holds.replace(probe, msgspec.structs.replace(probe.value, until=until)))
                log.warning("billing limit still reached", status=status, until=until.isoformat())
                return
            self._note(self._holds.create(_KEY, Hold(until=until, opened_at=now)))
        except (AlreadyExists, VersionChanged):
            self._note(self._holds.get(_KEY))  # another call was quicker
            return
        log.error(
            "billing limit reached, calls to Tesla are held back",
            status=status,
            until=until.isoformat(),
            mend="raise the billing limit or add a payment method at developer.tesla.com",
        )

    def _release(self, probe: Stored[Hold]) -> None:
        """Tesla answers again: nothing is held back any more."""
        try:
            self._holds.delete(_KEY, version=probe.version)
        except VersionChanged:
            self._note(self._holds.get(_KEY))
            return
        self._note(None)
        log.info("billing limit is over")

    def _look(self) -> Stored[Hold] | None:
        """The hold as known in this process, at most some seconds old."""
        if self._seen is None or self._clock.monotonic() >= self._seen[0] + _LOOK_S:
            return self._note(self._holds.get(_KEY))
        return self._seen[1]

    def _note(self, hold: Stored[Hold] | None) -> Stored[Hold] | None:
        self._seen = (self._clock.monotonic(), hold)
        return hold

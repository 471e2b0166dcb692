"""Quotas that all processes share: at most so many until a moment, handed out in portions.

A process takes a portion of a quota out of the store and draws on it, so that a call rarely costs a write. Portions
grow while a process goes on asking, up to a small part of the quota: what a process that ends has not used is lost,
on the safe side, and should not be much. A quota of a few a day is handed out one by one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore
from shared.tesla.counting import change_or_create
from shared.tesla.errors import PlanLimitReached

_FIRST_PORTION = 8
"""About what the report on one vehicle asks for."""
_LARGEST_PORTION, _LARGEST_PART = 100, 10
_KEPT = timedelta(days=1)


class Quota(msgspec.Struct, frozen=True):
    """At most `limit` until `ends_at`, counted under `key`; `name` says to people which limit it is."""

    name: str
    key: str
    limit: int
    ends_at: datetime

    @property
    def largest_portion(self) -> int:
        """How many one process takes at most at a time."""
        return max(1, min(_LARGEST_PORTION, self.limit // _LARGEST_PART))


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a quota were handed out."""

    taken: int
    expires_at: datetime


@dataclass(slots=True)
class _Held:
    """What this process has of a quota. `spent`: the store has no more of it."""

    ends_at: datetime
    portion: int
    left: int = 0
    spent: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Allowances:
    """Takes from quotas, safe over threads and processes. Collection: `allowances`."""

    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._taken = Collection(store, "allowances", Allowance)
        self._clock, self._lock = clock, threading.Lock()
        self._held: dict[str, _Held] = {}

    def take(self, quota: Quota, *, forced: bool = False) -> None:
        """Take one; `forced` takes it beyond the limit too, and counts it.

        Raises PlanLimitReached when the quota is used up, and VersionChanged, Unavailable of the store.
        """
        held = self._of(quota)
        with held.lock:
            if not held.left:
                held.left = self._reserve(quota, held, least=int(forced))
            held.left -= 1

    def give_back(self, quota: Quota) -> None:
        """What was taken was not used; it stays with this process."""
        held = self._of(quota)
        with held.lock:
            held.left += 1

    def _of(self, quota: Quota) -> _Held:
        with self._lock:
            held = self._held.get(quota.key)
            if held is None:
                now = self._clock.now()
                self._held = {key: item for key, item in self._held.items() if item.ends_at > now}
                held = _Held(quota.ends_at, min(_FIRST_PORTION, quota.largest_portion))
                self._held[quota.key] = held
            return held

    def _reserve(self, quota: Quota, held: _Held, *, least: int) -> int:
        """A portion out of the store, or what is left of it, but at least `least` whatever is left."""
        if held.spent and not least:
            raise PlanLimitReached(quota.name, quota.ends_at, self._clock.now())
        got = 0

        def change(allowance: Allowance) -> Allowance:
            nonlocal got
            got = max(min(held.portion, quota.limit - allowance.taken), least)
            return msgspec.structs.replace(allowance, taken=allowance.taken + got) if got else allowance

        empty = Allowance(taken=0, expires_at=quota.ends_at + _KEPT)
        change_or_create(self._taken, quota.key, empty, change, self._clock)
        if not got:
            held.spent = True
            raise PlanLimitReached(quota.name, quota.ends_at, self._clock.now())
        held.portion = min(held.portion * 2, quota.largest_portion)
        return got

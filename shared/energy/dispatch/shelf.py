"""Tariffs of a dispatch: kept once by their content, and named by a key that Tesla's spellings share.

A site's own tariff is put back after the event; records hold its key only. It is kept as long as evidence, counted
from the end of the last event that changed it, and for every day on which a site still waits for it (`renew`): it
outlives whatever has to be put back. A tariff that was only seen is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.energy.dispatch.model import Retention
from shared.energy.dispatch.records import EVENT_TARIFF, Snapshot, is_event_tariff
from shared.energy.tariffs.event import EVENT_NAME, event_tariff
from shared.energy.tariffs.same import canonical
from shared.platform.documents import Collection
from shared.platform.errors import AlreadyExists, NotFound
from shared.platform.ports import DocumentStore
from shared.typed import from_json

_WRITERS = 16
_UTC = "UTC"


class KeptTariff(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff as Tesla gave it, JSON."""

    content: bytes
    expires_at: datetime | None = None


def tariff_key(content: Mapping[str, Any] | None) -> str:
    """The same for all spellings of a tariff; "" for none. Those of events' tariffs are marked as such."""
    return _key_of(msgspec.json.encode(content)) if content else ""


@lru_cache(maxsize=1024)
def _key_of(spelling: bytes) -> str:
    """Homes of one utility have the same few tariffs, spelt alike, and working one out takes a millisecond."""
    plain = canonical(from_json(spelling, dict[str, Any]))
    key = hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:32]
    if plain.get("name") == EVENT_NAME:
        return f"{EVENT_TARIFF}{key}"
    return key if plain else ""


class Shelf:
    """Tariffs by key. What is `put` is at hand; what an event sets or replaces is stored by `flush`.

    Collection: `dispatch_tariffs`.
    """

    def __init__(self, store: DocumentStore, retention: Retention | None = None) -> None:
        self._kept = Collection(store, "dispatch_tariffs", KeptTariff)
        self._retention = retention or Retention()
        self._at_hand: dict[str, Mapping[str, Any]] = {}
        self._unstored: dict[str, datetime] = {}

    def put(self, content: Mapping[str, Any] | None) -> str:
        """The key of the tariff, which can be asked for from now on; "" for none."""
        key = tariff_key(content)
        if key and content is not None and key not in self._at_hand:
            self._at_hand[key] = content
        return key

    def flush(self) -> None:
        """Store what events set or replace and is not stored yet. Raises Unavailable."""
        if not self._unstored:
            return
        with ThreadPoolExecutor(_WRITERS) as pool:
            todo = self._unstored.items()
            runs = [pool.submit(copy_context().run, self._store, key, until) for key, until in todo]
            for run in runs:
                run.result()
        self._unstored.clear()

    def get(self, key: str) -> Mapping[str, Any]:
        """The tariff. Raises NotFound."""
        if key not in self._at_hand:
            stored = self._kept.get(key)
            if stored is None:
                raise NotFound("no such tariff was kept")
            self._at_hand[key] = from_json(stored.value.content, dict[str, Any])
        return self._at_hand[key]

    def for_event(self, found: Snapshot, start: datetime, end: datetime) -> str:
        """The key of the event's tariff for a site with these settings; it and the site's own are to be stored."""
        base = self.get(found.tariff) if found.tariff else None
        ours = self.put(event_tariff(base, start, end, ZoneInfo(found.time_zone or _UTC)))
        for key in filter(None, (found.tariff, ours)):
            self._unstored[key] = self._until(key, end)
        return ours

    def renew(self, keys: Iterable[str], now: datetime) -> None:
        """Keep these, where they are there, as long as if their event ended now. Raises Unavailable."""
        for key in keys:
            with suppress(NotFound):
                self._kept.update(key, partial(_kept_until, until=self._until(key, now)))

    def _until(self, key: str, end: datetime) -> datetime:
        """Events' tariffs are never put back, and there are new ones for every event."""
        return self._retention.work(end) if is_event_tariff(key) else self._retention.evidence(end)

    def _store(self, key: str, until: datetime) -> None:
        value = KeptTariff(content=msgspec.json.encode(self._at_hand[key]), expires_at=until)
        try:
            self._kept.create(key, value)
        except AlreadyExists:
            try:
                self._kept.update(key, partial(_kept_until, until=until))
            except NotFound:  # it expired in this moment
                self._kept.put(key, value)


def _kept_until(value: KeptTariff, until: datetime) -> KeptTariff:
    """The tariff, kept until then at least; one of an earlier release does not say until when it was."""
    known = value.expires_at
    return value if known is not None and known >= until else msgspec.structs.replace(value, expires_at=until)


def known_zone(name: str | None) -> str:
    """The name of a time zone that there is, "" for any other."""
    try:
        return ZoneInfo(name).key if name else ""
    except (KeyError, ValueError, OSError):
        return ""

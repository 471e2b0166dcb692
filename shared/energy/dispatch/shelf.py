"""Tariffs of a dispatch: kept once by their content, and named by a key that Tesla's spellings share.

A site's own tariff has to outlive everything, because it is put back after the event; records hold its key only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.energy.dispatch.records import EVENT_TARIFF, Snapshot
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
    """Tariffs by key. What is `put` is at hand at once and stored by `flush`. Collection: `dispatch_tariffs`."""

    def __init__(self, store: DocumentStore) -> None:
        self._kept = Collection(store, "dispatch_tariffs", KeptTariff)
        self._at_hand: dict[str, Mapping[str, Any]] = {}
        self._unstored: set[str] = set()

    def put(self, content: Mapping[str, Any] | None) -> str:
        """The key of the tariff, which can be asked for from now on; "" for none."""
        key = tariff_key(content)
        if key and content is not None and key not in self._at_hand:
            self._at_hand[key] = content
            self._unstored.add(key)
        return key

    def flush(self) -> None:
        """Store what was put and is not stored yet. Raises Unavailable."""
        if not self._unstored:
            return
        with ThreadPoolExecutor(_WRITERS) as pool:
            runs = [pool.submit(copy_context().run, self._store, key) for key in self._unstored]
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
        """The key of the event's tariff for a site with these settings."""
        base = self.get(found.tariff) if found.tariff else None
        return self.put(event_tariff(base, start, end, ZoneInfo(found.time_zone or _UTC)))

    def _store(self, key: str) -> None:
        try:
            self._kept.create(key, KeptTariff(content=msgspec.json.encode(self._at_hand[key])))
        except AlreadyExists:
            return


def known_zone(name: str | None) -> str:
    """The name of a time zone that there is, "" for any other."""
    try:
        return ZoneInfo(name).key if name else ""
    except (KeyError, ValueError, OSError):
        return ""

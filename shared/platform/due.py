"""The durable to-do list: what must happen later, or again until it is done.

An item is written with or before the state change that needs it and deleted when that work is complete.
`publish_due` runs every minute; it publishes what is due and moves it on, so that work whose message was lost or
whose worker died is published again. Outbox, deferral, refresh plan and sweep are all this one list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from shared import log
from shared.platform.documents import Collection, Stored
from shared.platform.errors import PlatformError, Unavailable, VersionChanged
from shared.platform.ports import Clock, DocumentStore, Event, EventBus, Where

_PUBLISHERS = 16
_BATCH = 200


class DueItem(msgspec.Struct, frozen=True, kw_only=True):
    """A message to publish at a time. `subject` is what erasure finds it by."""

    at: datetime
    topic: str
    message: bytes
    subject: str = ""
    attributes: dict[str, str] = {}


class DueList:
    """Writes and publishes due items. `again_s`: published work still unfinished is published again after that.

    `per_run`: of some topics only so many are published in one run, because no more can be worked off until the next;
    the rest stays due and holds up nothing else.
    """

    def __init__(
        self,
        store: DocumentStore,
        bus: EventBus,
        clock: Clock,
        *,
        again_s: int,
        grace_s: int,
        per_run: Mapping[str, int] | None = None,
    ) -> None:
        self._items = Collection(store, "due", DueItem)
        self._per_run = dict(per_run or {})
        self._bus, self._clock = bus, clock
        self._again, self._grace = timedelta(seconds=again_s), timedelta(seconds=grace_s)

    def plan(self, key: str, at: datetime, event: Event, *, subject: str = "") -> None:
        """Publish the event at `at`, instead of whatever the key held before."""
        self._items.put(key, _item(at, event, subject))

    def expect(self, key: str, event: Event, *, subject: str = "") -> None:
        """Publish after the grace time, unless `send` or `done` comes first; precedes the change that needs it."""
        self.plan(key, self._clock.now() + self._grace, event, subject=subject)

    def send(self, key: str, event: Event, *, subject: str = "") -> None:
        """Publish now, and again until `done(key)`: the item is stored first, so nothing is lost in between."""
        self.expect(key, event, subject=subject)
        self._bus.publish(event)

    def done(self, key: str) -> None:
        """The work of the key is complete."""
        self._items.delete(key)

    def forget(self, subject: str) -> None:
        """Delete every item of a subject."""
        for stored in list(self._items.find([Where("subject", "==", subject)])):
            self._items.delete(stored.key)

    def publish_due(self, *, limit: int = 5000) -> int:
        """Publish what is due, oldest first, up to `limit` items, side by side; gives the number published."""
        due, count = islice(self._due(), limit), 0
        with ThreadPoolExecutor(_PUBLISHERS) as pool:
            # Batch by batch: when the store or the bus is down, the first failure ends the run.
            while batch := list(islice(due, _BATCH)):
                runs = [pool.submit(copy_context().run, self._publish, stored) for stored in batch]
                for run in runs:
                    run.result()
                count += len(batch)
        return count

    def _due(self) -> Iterator[Stored[DueItem]]:
        """What is due, oldest first, without what is too much of its topic."""
        left, where = dict(self._per_run), [Where("at", "<=", self._clock.now())]
        for stored in self._items.find(where, order_by="at", page_size=_BATCH):
            topic = stored.value.topic
            if topic in left:
                left[topic] -= 1
            if left.get(topic, 0) >= 0:
                yield stored

    def _publish(self, stored: Stored[DueItem]) -> None:
        item = stored.value
        # Published first, moved on second: dying in between publishes twice, the other way round not at all.
        try:
            self._bus.publish(Event(item.topic, item.message, item.attributes))
        except Unavailable:
            raise
        except PlatformError as error:
            # No such topic, or no right to it: the items behind this one must not wait until somebody mends that.
            log.error("due item cannot be published", topic=item.topic, error=type(error).__name__)
        try:
            self._items.replace(stored, msgspec.structs.replace(item, at=self._clock.now() + self._again))
        except VersionChanged:
            return  # finished or planned anew meanwhile: nothing to move on


def _item(at: datetime, event: Event, subject: str) -> DueItem:
    attributes: Mapping[str, str] = event.attributes
    return DueItem(at=at, topic=event.topic, message=event.data, subject=subject, attributes=dict(attributes))

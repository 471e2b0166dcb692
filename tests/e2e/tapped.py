"""Every message that a stack ever carried, dead letters included, although acknowledged ones are deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from shared.platform.gcp import clients
from shared.platform.gcp.events import PubSubQueue
from tests.stack.embedded import EVENTS_FILE
from tests.stack.messaging import drain
from tests.stack.stack import Stack

Messages = Callable[[], list[tuple[str, bytes, str]]]
"""Gives (topic, data, attributes as text) of every message since the tap was set."""

_ARCHIVE = """
CREATE TABLE archive (topic TEXT, data BLOB, attributes BLOB);
CREATE TRIGGER keep AFTER INSERT ON messages
BEGIN INSERT INTO archive VALUES (NEW.topic, NEW.data, NEW.attributes); END;
"""
_MARK = "-archive"


@contextmanager
def tapped(stack: Stack) -> Iterator[Messages]:
    """Keep a copy of every message from now on."""
    with _embedded(stack) if stack.config.backend == "embedded" else _emulated(stack) as messages:
        yield messages


@contextmanager
def _embedded(stack: Stack) -> Iterator[Messages]:
    with closing(sqlite3.connect(stack.state_dir / EVENTS_FILE, timeout=30, check_same_thread=False)) as connection:
        connection.executescript(_ARCHIVE)

        def messages() -> list[tuple[str, bytes, str]]:
            rows = connection.execute("SELECT topic, data, attributes FROM archive").fetchall()
            return [(topic, data, bytes(attributes).decode()) for topic, data, attributes in rows]

        yield messages


@contextmanager
def _emulated(stack: Stack) -> Iterator[Messages]:
    project, manifest = stack.environment["GOOGLE_CLOUD_PROJECT"], stack.manifest
    subscriber = clients.subscriber_client(stack.environment)
    topics = [*manifest.topics(), *(f"{name}-dead" for name in manifest.topics()), *manifest.outward_topics]
    for topic in topics:
        name = f"projects/{project}/subscriptions/{topic}{_MARK}"
        request = {"name": name, "topic": f"projects/{project}/topics/{topic}", "ack_deadline_seconds": 60}
        subscriber.create_subscription(request=request)

    def messages() -> list[tuple[str, bytes, str]]:
        queue = PubSubQueue(subscriber, project, wait_s=0.5)
        kept = [(topic, delivery) for topic in topics for delivery in drain(queue, topic + _MARK)]
        return [(topic, delivery.event.data, repr(dict(delivery.event.attributes))) for topic, delivery in kept]

    try:
        yield messages
    finally:
        subscriber.transport.close()

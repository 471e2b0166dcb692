"""EventBus and EventQueue in one SQLite file, with Pub/Sub's semantics.

A message is a row that stays until it is acknowledged. A pull moves the moment the row is due to the end of the lease
and gives it a new receipt, so a consumer that dies loses nothing: the row comes due again by itself.
"""

from __future__ import annotations

import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from shared.platform.embedded.dead_letters import bury_exhausted, bury_expired
from shared.platform.embedded.sqlite import Database
from shared.platform.errors import NotFound
from shared.platform.limits import check_event, check_topic
from shared.platform.ports import Clock, Delivery, Event
from shared.typed import from_json

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS topics (
    name TEXT PRIMARY KEY, attempts INTEGER, dead_topic TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, data BLOB NOT NULL, attributes BLOB NOT NULL,
    published_us INTEGER NOT NULL, due_us INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, receipt TEXT
);
CREATE INDEX IF NOT EXISTS messages_due ON messages (topic, due_us);
CREATE INDEX IF NOT EXISTS messages_tried ON messages (topic, attempt);
"""
_DECLARE: Final = """
INSERT INTO topics VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET attempts = excluded.attempts, dead_topic = excluded.dead_topic
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_Row = tuple[int, bytes, bytes, int, int]


class SqliteEvents:
    """Topics and their messages in a SQLite file that many threads and processes may share."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        """Use the file at `path`, which is made at the first use; `clock` says what is due."""
        self._database = Database(path, _SCHEMA)
        self._clock = clock

    def declare(self, topic: str, *, attempts: int, dead_letter: bool = True) -> None:
        """Make a topic known to every process that opens the file; again, to change it.

        Args:
            topic: Its id.
            attempts: Deliveries before a message moves to ``<topic>-dead``, which is declared with it.
            dead_letter: False: no such topic, messages are delivered until they are acknowledged.

        Raises:
            ValueError: No topic id, or less than one attempt.
        """
        check_topic(topic)
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1: {attempts}")
        dead_topic = f"{topic}-dead" if dead_letter else None
        with self._database.transaction() as connection:
            connection.execute(_DECLARE, (topic, attempts if dead_letter else None, dead_topic))
            if dead_topic:
                connection.execute(_DECLARE, (dead_topic, None, None))

    def publish(self, event: Event) -> str:
        """Store the message; gives its id. Raises NotFound for a topic that was not declared."""
        check_event(event)
        now = self._now_us()
        row = (event.topic, event.data, msgspec.json.encode(event.attributes), now, now)
        with self._database.transaction() as connection:
            _require(connection, event.topic)
            insert = "INSERT INTO messages (topic, data, attributes, published_us, due_us) VALUES (?, ?, ?, ?, ?)"
            return str(connection.execute(insert, row).lastrowid)

    def pull(self, topic: str, *, limit: int, lease_s: float) -> list[Delivery]:
        """Up to `limit` deliveries that are due now, the longest due first. Raises NotFound."""
        now = self._now_us()
        if not self._anything_due(topic, now):
            return []
        with self._database.transaction() as connection:
            bury_expired(connection, topic, now)
            rows = _due(connection, topic, now, limit)
            return [_lease(connection, topic, row, now + _microseconds(lease_s)) for row in rows]

    def ack(self, delivery: Delivery) -> None:
        """The message is done; nothing happens if it was delivered again meanwhile."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM messages WHERE id = ? AND receipt = ?", _identity(delivery))

    def nack(self, delivery: Delivery, *, delay_s: float) -> None:
        """Give the message back, to be delivered again not before `delay_s`."""
        due = self._now_us() + _microseconds(delay_s)
        update = "UPDATE messages SET due_us = ?, receipt = NULL WHERE id = ? AND receipt = ?"
        with self._database.transaction() as connection:
            if connection.execute(update, (due, *_identity(delivery))).rowcount:
                bury_exhausted(connection, int(delivery.message_id), self._now_us())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _anything_due(self, topic: str, now_us: int) -> bool:
        """A look without the write lock, so that idle pullers do not hold up the publishers."""
        query = """
            SELECT 1 FROM messages WHERE due_us <= ?2
            AND (topic = ?1 OR topic IN (SELECT name FROM topics WHERE dead_topic = ?1)) LIMIT 1
        """
        with self._database.read() as connection:
            _require(connection, topic)
            return connection.execute(query, (topic, now_us)).fetchone() is not None

    def _now_us(self) -> int:
        return (self._clock.now() - _EPOCH) // _MICROSECOND


def _require(connection: sqlite3.Connection, topic: str) -> None:
    if connection.execute("SELECT 1 FROM topics WHERE name = ?", (topic,)).fetchone() is None:
        raise NotFound(f"topic {topic}")


def _due(connection: sqlite3.Connection, topic: str, now_us: int, limit: int) -> list[_Row]:
    query = """
        SELECT id, data, attributes, published_us, attempt FROM messages
        WHERE topic = ? AND due_us <= ? ORDER BY due_us, id LIMIT ?
    """
    return connection.execute(query, (topic, now_us, limit)).fetchall()


def _lease(connection: sqlite3.Connection, topic: str, row: _Row, until_us: int) -> Delivery:
    identity, data, attributes, published_us, attempt = row
    receipt = secrets.token_hex(8)
    update = "UPDATE messages SET attempt = attempt + 1, due_us = ?, receipt = ? WHERE id = ?"
    connection.execute(update, (until_us, receipt, identity))
    event = Event(topic, data, from_json(attributes, dict[str, str]))
    published = _EPOCH + published_us * _MICROSECOND
    return Delivery(event, str(identity), published, attempt + 1, receipt)


def _identity(delivery: Delivery) -> tuple[int, str]:
    return int(delivery.message_id), delivery.receipt


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)

"""What happens to messages that have had all their deliveries: they move to ``<topic>-dead``.

A dead letter keeps its data and attributes and says in two more where it comes from and how often it was tried. All
functions run inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from shared.typed import from_json

TOPIC_ATTRIBUTE: Final = "dead_letter_topic"
"""Names the topic the message was published to."""

ATTEMPTS_ATTRIBUTE: Final = "dead_letter_attempts"
"""Says how often it was delivered there."""

# CROSS JOIN holds SQLite to this order: a topic, then its tried messages by index, however long the queue is.
_EXHAUSTED: Final = """
    SELECT m.id, m.topic, m.data, m.attributes, m.attempt, t.dead_topic FROM topics t
    CROSS JOIN messages m ON m.topic = t.name AND m.attempt >= t.attempts WHERE t.dead_topic IS NOT NULL AND
"""

_Row = tuple[int, str, bytes, bytes, int, str]


def bury_expired(connection: sqlite3.Connection, topic: str, now_us: int) -> None:
    """Move the messages whose last lease has run out: those of `topic`, or those that end in `topic`."""
    condition = "(t.name = ?1 OR t.dead_topic = ?1) AND m.due_us <= ?2"
    for row in connection.execute(_EXHAUSTED + condition, (topic, now_us)).fetchall():
        _bury(connection, row, now_us)


def bury_exhausted(connection: sqlite3.Connection, message_id: int, now_us: int) -> None:
    """Move one message if it was given back after its last delivery."""
    for row in connection.execute(_EXHAUSTED + "m.id = ?", (message_id,)).fetchall():
        _bury(connection, row, now_us)


def _bury(connection: sqlite3.Connection, row: _Row, now_us: int) -> None:
    identity, topic, data, attributes, attempt, dead_topic = row
    marks = {TOPIC_ATTRIBUTE: topic, ATTEMPTS_ATTRIBUTE: str(attempt)}
    marked = msgspec.json.encode(from_json(attributes, dict[str, str]) | marks)
    insert = "INSERT INTO messages (topic, data, attributes, published_us, due_us) VALUES (?, ?, ?, ?, ?)"
    connection.execute(insert, (dead_topic, data, marked, now_us, now_us))
    connection.execute("DELETE FROM messages WHERE id = ?", (identity,))

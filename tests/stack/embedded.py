"""The embedded backend's side of the stack: where its files lie, its messages and its signed downloads."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from shared.manifest import Manifest
from shared.platform.clock import OffsetClock
from shared.platform.embedded.events import SqliteEvents
from tests.stack.config import StackConfig
from tests.stack.messaging import Messaging
from tests.stack.state import clock_file

EVENTS_FILE = "events.db"
BLOBS_FOLDER = "blobs"
URL_KEY_SECRET = "local-url-key"
"""Names that `shared.bootstrap` uses below STATE_DIR, and the secret that signs URLs."""


def embedded_messaging(config: StackConfig, manifest: Manifest) -> Messaging:
    """Declare every topic and open the queue."""
    path = config.state_dir.resolve() / EVENTS_FILE
    events = SqliteEvents(path, OffsetClock(clock_file(config.state_dir)))
    for name, (_, topic) in manifest.topics().items():
        events.declare(name, attempts=config.attempts(topic))
    for name in manifest.outward_topics:
        events.declare(name, attempts=1, dead_letter=False)
    watch = _Watch(path)

    def close() -> None:
        watch.close()
        events.close()

    return Messaging(bus=events, queue=events, changed=watch.changed, quiet_s=0.0, close=close)


class _Watch:
    """Notices that another connection wrote to a SQLite file, for a few microseconds a look."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._version = 0

    def changed(self) -> bool:
        """Whether anything was committed since the last call."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, version
        return bool(version != before)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

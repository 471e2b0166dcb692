"""SQLite as several threads and processes share it.

WAL lets readers go on while one writes; every write takes its lock at the start (``BEGIN IMMEDIATE``), so two writers
queue up instead of failing half way. A killed process leaves its open transaction unwritten and nothing locked.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.platform.errors import Unavailable

BUSY_TIMEOUT_S: Final = 20.0
"""How long a writer waits for the others."""


class Database:
    """A pool of connections to one file; a connection serves one thread at a time."""

    def __init__(self, path: Path | str, schema: str) -> None:
        """Open the file at its first use.

        Args:
            path: The file; its folder is made if it is missing.
            schema: ``CREATE ... IF NOT EXISTS`` statements, run once per process.
        """
        self._path = Path(path)
        self._schema = schema
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._owner = 0

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for single statements. Raises Unavailable when SQLite cannot answer."""
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path.name}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed at the end, rolled back on any exception. Raises Unavailable."""
        with self.read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the idle connections; the next use opens new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._owner != os.getpid():
                # SQLite forbids carrying a connection over a fork; the parent's stay open and unused here.
                self._idle = [self._prepare()]
                self._owner = os.getpid()
            if self._idle:
                return self._idle.pop()
        return self._open()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    def _prepare(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._open()
        _enter_wal(connection)
        connection.executescript(f"BEGIN IMMEDIATE; {self._schema} COMMIT;")
        return connection


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for the lock that the very first switch needs, so this does."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return

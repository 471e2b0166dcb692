"""DocumentStore in one SQLite file.

A document is one row; beside it every top-level field has a row in an index whose bytes sort as Firestore sorts, so
a query walks an index range and never reads a document it does not return.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.platform.bodies import plain_body
from shared.platform.cursors import Cursors, Position
from shared.platform.embedded.field_index import Selection, index_fields, select
from shared.platform.embedded.sqlite import Database
from shared.platform.errors import AlreadyExists, VersionChanged
from shared.platform.limits import check_key, check_query
from shared.platform.ports import Body, Document, Page, Version, Where

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (collection, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fields (
    collection TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (collection, name, value, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fields_of_document ON fields (collection, key);
"""


class SqliteDocuments:
    """Documents in a SQLite file that many threads and processes may share."""

    def __init__(self, path: Path | str) -> None:
        """Use the file at `path`, which is made at the first use."""
        self._database = Database(path, _SCHEMA)

    def create(self, collection: str, key: str, body: Body) -> Version:
        """Store a new document. Raises AlreadyExists."""
        check_key(collection, key)
        plain = plain_body(body)
        with self._database.transaction() as connection:
            if _version(connection, collection, key) is not None:
                raise AlreadyExists(f"{collection}/{key}")
            return _write(connection, collection, key, plain)

    def get(self, collection: str, key: str) -> Document | None:
        """The document, or None."""
        check_key(collection, key)
        query = "SELECT key, version, body FROM documents WHERE collection = ? AND key = ?"
        with self._database.read() as connection:
            row = connection.execute(query, (collection, key)).fetchone()
        return None if row is None else _document(*row)

    def put(self, collection: str, key: str, body: Body) -> Version:
        """Store the document whatever was there before."""
        check_key(collection, key)
        plain = plain_body(body)
        with self._database.transaction() as connection:
            return _write(connection, collection, key, plain)

    def replace(self, collection: str, key: str, body: Body, *, version: Version) -> Version:
        """Store a new body if the document is still at `version`. Raises VersionChanged."""
        check_key(collection, key)
        plain = plain_body(body)
        with self._database.transaction() as connection:
            if _version(connection, collection, key) != version:
                raise VersionChanged(f"{collection}/{key}")
            return _write(connection, collection, key, plain)

    def delete(self, collection: str, key: str, *, version: Version | None = None) -> None:
        """Delete the document; with `version` only that one (raises VersionChanged)."""
        check_key(collection, key)
        with self._database.transaction() as connection:
            if version is not None and _version(connection, collection, key) != version:
                raise VersionChanged(f"{collection}/{key}")
            connection.execute("DELETE FROM documents WHERE collection = ? AND key = ?", (collection, key))
            connection.execute("DELETE FROM fields WHERE collection = ? AND key = ?", (collection, key))

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Documents that meet every condition, by one field, then key. Raises InvalidCursor."""
        check_key(collection)
        check_query(where, order_by, limit, descending=descending)
        cursors = Cursors(collection, where, order_by, descending=descending)
        selection = Selection(collection, where, order_by, descending, cursors.decode(cursor))
        with self._database.read() as connection:
            rows = select(connection, selection, limit + 1)
        documents = [_document(key, version, body) for _, key, version, body in rows[:limit]]
        if len(rows) <= limit:
            return Page(documents, None)
        value, key = rows[limit - 1][:2]
        return Page(documents, cursors.encode(Position(value, key)))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _version(connection: sqlite3.Connection, collection: str, key: str) -> Version | None:
    query = "SELECT version FROM documents WHERE collection = ? AND key = ?"
    row = connection.execute(query, (collection, key)).fetchone()
    return None if row is None else str(row[0])


def _write(connection: sqlite3.Connection, collection: str, key: str, plain: dict[str, Any]) -> Version:
    version = secrets.token_hex(12)
    row = (collection, key, version, msgspec.msgpack.encode(plain))
    connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", row)
    index_fields(connection, collection, key, plain)
    return version


def _document(key: str, version: Version, body: bytes) -> Document:
    return Document(key, msgspec.msgpack.decode(body), version)

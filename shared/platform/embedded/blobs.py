"""BlobStore in a folder.

Bytes lie in files under ``objects/`` that are written once under a random name; ``index.sqlite`` says which file is
the present generation of which object. The index row is the moment an object changes: a crash before it leaves a file
nobody knows (swept later), never half an object. Names never reach the file system.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from shared.platform.embedded.signed_urls import UrlSigner
from shared.platform.embedded.sqlite import Database
from shared.platform.errors import AlreadyExists, NotFound, VersionChanged
from shared.platform.limits import check_object_name
from shared.platform.ports import BlobInfo, Clock

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    generation INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
    content_type TEXT NOT NULL, updated_us INTEGER NOT NULL, file TEXT NOT NULL UNIQUE
);
"""
_COLUMNS: Final = "name, size, content_type, generation, updated_us"
_ORPHAN_AGE: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class FolderBlobs:
    """Objects in a folder that many threads and processes may share."""

    def __init__(self, folder: Path | str, *, base_url: str, signing_key: bytes, clock: Clock) -> None:
        """Use `folder`, which is made at the first use.

        Args:
            folder: Where index and objects lie.
            base_url: The gateway's address in signed URLs.
            signing_key: Signs them; at least 16 bytes.
            clock: Dates objects and signatures.
        """
        self._files = Path(folder) / "objects"
        self._index = Database(Path(folder) / "index.sqlite", _SCHEMA)
        self._clock = clock
        self._signer = UrlSigner(base_url, signing_key, clock)

    def put(self, name: str, data: bytes, *, content_type: str, if_generation: int | None = None) -> BlobInfo:
        """Store an object, whatever is there or only over generation n (0: none).

        Raises:
            AlreadyExists: `if_generation` is 0 and the object exists.
            VersionChanged: The object is not at `if_generation`.
        """
        check_object_name(name)
        file = self._write(data)
        row = (name, len(data), content_type, (self._clock.now() - _EPOCH) // _MICROSECOND, file.name)
        try:
            replaced, info = self._register(row, if_generation)
        except (AlreadyExists, VersionChanged):
            file.unlink()
            raise
        if replaced:
            (self._files / replaced).unlink(missing_ok=True)
        return info

    def get(self, name: str) -> bytes:
        """The whole object. Raises NotFound."""
        with self._open(name) as file:
            return file.read()

    def stream(self, name: str, *, chunk_bytes: int = 262_144) -> Iterator[bytes]:
        """The object in pieces, all of one generation. Raises NotFound at the first piece."""
        with self._open(name) as file:
            while chunk := file.read(chunk_bytes):
                yield chunk

    def stat(self, name: str) -> BlobInfo | None:
        """What is known of the object, or None."""
        check_object_name(name)
        with self._index.read() as connection:
            return _stat(connection, name)

    def list(self, prefix: str) -> list[BlobInfo]:
        """All objects whose name starts with `prefix`, by name."""
        query = f"SELECT {_COLUMNS} FROM objects WHERE substr(name, 1, ?) = ? ORDER BY name"  # noqa: S608  constant
        with self._index.read() as connection:
            return [_info(*row) for row in connection.execute(query, (len(prefix), prefix))]

    def delete(self, name: str) -> None:
        """Delete the object; a missing one is no error."""
        check_object_name(name)
        with self._index.transaction() as connection:
            file = _file(connection, name)
            connection.execute("DELETE FROM objects WHERE name = ?", (name,))
        if file:
            (self._files / file).unlink(missing_ok=True)

    def signed_url(self, name: str, *, expires_in_s: int, download_name: str | None = None) -> str:
        """A URL of the local gateway that anyone may GET until it expires (at most 7 days)."""
        check_object_name(name)
        return self._signer.sign(name, expires_in_s=expires_in_s, download_name=download_name)

    def sweep(self) -> int:
        """Remove files that no object refers to and that are a day old; gives their number."""
        if not self._files.is_dir():
            return 0
        oldest = (self._clock.now() - _ORPHAN_AGE).timestamp()
        old = [file for file in self._files.iterdir() if file.stat().st_mtime < oldest]
        with self._index.read() as connection:
            known = {row[0] for row in connection.execute("SELECT file FROM objects")}
        orphans = [file for file in old if file.name not in known]
        for file in orphans:
            file.unlink(missing_ok=True)
        return len(orphans)

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def _write(self, data: bytes) -> Path:
        self._files.mkdir(parents=True, exist_ok=True)
        path = self._files / secrets.token_hex(16)
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return path

    def _register(
        self, row: tuple[str, int, str, int, str], if_generation: int | None
    ) -> tuple[str | None, BlobInfo]:
        """Make `row` the present generation; gives the file it replaces and what is known of the new object."""
        name = row[0]
        insert = "INSERT INTO objects (name, size, content_type, updated_us, file) VALUES (?, ?, ?, ?, ?)"
        with self._index.transaction() as connection:
            present = _stat(connection, name)
            _check_generation(name, present.generation if present else 0, if_generation)
            replaced = _file(connection, name)
            connection.execute("DELETE FROM objects WHERE name = ?", (name,))
            generation = connection.execute(insert, row).lastrowid or 0
        return replaced, _info(*row[:3], generation, row[3])

    def _open(self, name: str) -> BinaryIO:
        """The present generation's file; again if it was replaced between the look and the opening."""
        check_object_name(name)
        while file := self._present(name):
            try:
                return (self._files / file).open("rb")
            except FileNotFoundError:
                if self._present(name) == file:
                    raise
        raise NotFound(f"object {name}")

    def _present(self, name: str) -> str | None:
        with self._index.read() as connection:
            return _file(connection, name)


def _check_generation(name: str, present: int, expected: int | None) -> None:
    if expected is None or expected == present:
        return
    raise AlreadyExists(f"object {name}") if expected == 0 else VersionChanged(f"object {name}")


def _stat(connection: sqlite3.Connection, name: str) -> BlobInfo | None:
    query = f"SELECT {_COLUMNS} FROM objects WHERE name = ?"  # noqa: S608  constant
    row = connection.execute(query, (name,)).fetchone()
    return None if row is None else _info(*row)


def _file(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT file FROM objects WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _info(name: str, size: int, content_type: str, generation: int, updated_us: int) -> BlobInfo:
    return BlobInfo(name, size, content_type, generation, _EPOCH + updated_us * _MICROSECOND)

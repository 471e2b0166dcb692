"""What a running stack has stored: every document and every object, of either backend."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.gcp import clients
from shared.platform.gcp.blobs import GcsBlobs
from shared.platform.gcp.documents import FirestoreDocuments
from shared.platform.ports import BlobStore, Document, DocumentStore
from tests.stack.embedded import BLOBS_FOLDER
from tests.stack.stack import Stack

_PAGE = 500
_ADMIN = [("authorization", "Bearer owner")]
"""Firestore's emulator lists collections for nobody else."""


@dataclass(frozen=True, slots=True)
class Stores:
    """A stack's stores, opened beside its functions. `collections` names every collection that has a document."""

    documents: DocumentStore
    blobs: BlobStore
    collections: Callable[[], list[str]]

    def everything(self) -> list[tuple[str, Document]]:
        """Every document with its collection."""
        return [(name, document) for name in self.collections() for document in self._all(name)]

    def objects(self, order_id: str) -> list[str]:
        """Names of the order's objects."""
        return [info.name for info in self.blobs.list(f"orders/{order_id}/")]

    def mentions(self, text: str) -> list[tuple[str, str]]:
        """(collection, key) of every document that holds the text in its key or in a field."""
        return [(name, item.key) for name, item in self.everything() if text in item.key or text in repr(item.body)]

    def _all(self, collection: str) -> Iterator[Document]:
        cursor: str | None = None
        while True:
            page = self.documents.query(collection, limit=_PAGE, cursor=cursor)
            yield from page.documents
            cursor = page.cursor
            if cursor is None:
                return


@contextmanager
def open_stores(stack: Stack) -> Iterator[Stores]:
    """The stores of a running stack."""
    with _embedded(stack) if stack.config.backend == "embedded" else _emulated(stack) as stores:
        yield stores


@contextmanager
def _embedded(stack: Stack) -> Iterator[Stores]:
    path = stack.state_dir / "documents.db"
    documents = SqliteDocuments(path)
    folder, key = stack.state_dir / BLOBS_FOLDER, b"reads objects only"
    blobs = FolderBlobs(folder, base_url=stack.base_url, signing_key=key, clock=SystemClock())
    with closing(documents), closing(blobs):
        yield Stores(documents, blobs, lambda: _sqlite_collections(str(path)))


def _sqlite_collections(path: str) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT DISTINCT collection FROM documents ORDER BY 1")]


@contextmanager
def _emulated(stack: Stack) -> Iterator[Stores]:
    environ = stack.environment
    project = environ["GOOGLE_CLOUD_PROJECT"]
    client = clients.firestore_client(environ)
    parent = f"projects/{project}/databases/(default)/documents"
    bucket = clients.storage_client(environ).bucket(environ["BUCKET"])
    try:
        yield Stores(
            FirestoreDocuments(client, project=project),
            GcsBlobs(bucket),
            lambda: sorted(client.list_collection_ids(request={"parent": parent}, metadata=_ADMIN)),
        )
    finally:
        client.transport.close()

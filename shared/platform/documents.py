"""Typed collections: one msgspec struct per collection over the document store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from shared.platform.errors import NotFound, VersionChanged
from shared.platform.ports import Document, DocumentStore, Where
from shared.typed import from_plain

T = TypeVar("T")

_NATIVE = (bytes, datetime)
_ATTEMPTS = 12


class Stored(msgspec.Struct, Generic[T], frozen=True):
    """A value as read from the store, with the version that a later write must name."""

    key: str
    value: T
    version: str


class Collection(Generic[T]):
    """The documents of one collection as values of one struct type.

    Fields unknown to the struct are ignored and fields it gained take their defaults, so that two releases can read
    each other's documents.
    """

    def __init__(self, store: DocumentStore, name: str, kind: type[T]) -> None:
        self._store, self._name, self._kind = store, name, kind

    def create(self, key: str, value: T) -> Stored[T]:
        """Store a new value. Raises AlreadyExists."""
        return Stored(key, value, self._store.create(self._name, key, _body(value)))

    def get(self, key: str) -> Stored[T] | None:
        """The stored value, or None."""
        document = self._store.get(self._name, key)
        return None if document is None else self._stored(document)

    def put(self, key: str, value: T) -> Stored[T]:
        """Store the value whatever was there."""
        return Stored(key, value, self._store.put(self._name, key, _body(value)))

    def replace(self, stored: Stored[T], value: T) -> Stored[T]:
        """Store a new value over the one read. Raises VersionChanged."""
        version = self._store.replace(self._name, stored.key, _body(value), version=stored.version)
        return Stored(stored.key, value, version)

    def update(self, key: str, change: Callable[[T], T]) -> Stored[T]:
        """Read, change and replace, again while others write in between. A change that gives back the same object
        writes nothing. Raises NotFound, and VersionChanged when others never stop.
        """
        for _ in range(_ATTEMPTS):
            stored = self.get(key)
            if stored is None:
                raise NotFound(f"no document in {self._name}")
            value = change(stored.value)
            if value is stored.value:
                return stored
            try:
                return self.replace(stored, value)
            except VersionChanged:
                continue
        raise VersionChanged(f"a document in {self._name} kept changing")

    def delete(self, key: str, *, version: str | None = None) -> None:
        """Delete the document. Raises VersionChanged if a version is named and is no longer the current one."""
        self._store.delete(self._name, key, version=version)

    def find(
        self, where: Sequence[Where], *, order_by: str | None = None, page_size: int = 200
    ) -> Iterator[Stored[T]]:
        """Every match, page by page. Documents changed meanwhile may be met in either state."""
        cursor: str | None = None
        while True:
            page = self._store.query(self._name, where, order_by=order_by, limit=page_size, cursor=cursor)
            yield from map(self._stored, page.documents)
            cursor = page.cursor
            if cursor is None:
                return

    def page(self, *, cursor: str | None, limit: int) -> tuple[list[Stored[T]], str | None]:
        """Documents in the order of their keys, with the cursor of the next page. Raises InvalidCursor."""
        page = self._store.query(self._name, limit=limit, cursor=cursor)
        return [self._stored(document) for document in page.documents], page.cursor

    def _stored(self, document: Document) -> Stored[T]:
        value = from_plain(document.body, self._kind, native=_NATIVE)
        return Stored(document.key, value, document.version)


def _body(value: Any) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(value, builtin_types=_NATIVE)
    return body

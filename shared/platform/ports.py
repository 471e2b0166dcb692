"""The ports: what the domain needs from storage, messages, secrets and time.

Two adapter sets implement them, ``embedded`` (SQLite, folder, environment) and ``gcp``; one contract suite holds
both to the semantics written here. Errors are those of `shared.platform.errors`, nothing else leaves a port.

Documents are flat or nested mappings of None, bool, int (64 bit), float, str, bytes, timezone-aware datetimes (kept
to the microsecond, given back in UTC; years 1-9998), lists (none directly in a list) and string-keyed mappings.
Collections and keys are 1-200 characters of ``A-Z a-z 0-9 . _ - :`` (keys never ``.`` or ``..``, never ``__x__``).
What breaks these rules is the caller's mistake and raises ValueError or TypeError.

The values here are structs: a dataclass takes half a millisecond to define, and every function defines them all
before its first answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

Body = Mapping[str, Any]
Version = str
"""Opaque; equal only to itself. It changes with every write of the document."""

Operator = Literal["==", "<", "<=", ">", ">="]


class Where(msgspec.Struct, frozen=True):
    """A condition on one top-level field; documents without the field never match.

    Ranges compare within one type only: numbers, strings or datetimes. Equality also takes None, bools and bytes.
    Compared strings and bytes have at most 1500 bytes.
    """

    field: str
    operator: Operator
    value: Any


class Document(msgspec.Struct, frozen=True):
    """A stored document as read: its key, its fields and the version that a later write must name."""

    key: str
    body: dict[str, Any]
    version: Version


class Page(msgspec.Struct, frozen=True):
    """One page of a query; `cursor` continues it and is None at the end."""

    documents: list[Document]
    cursor: str | None


class DocumentStore(Protocol):
    """Small documents under (collection, key), at most 900 KiB each.

    A field named ``expires_at`` (datetime) marks a document for removal some time after that moment: it may still be
    read for days, so readers compare it themselves.
    """

    def create(self, collection: str, key: str, body: Body) -> Version:
        """Store a new document. Raises AlreadyExists."""

    def get(self, collection: str, key: str) -> Document | None:
        """The document, strongly consistent, or None."""

    def put(self, collection: str, key: str, body: Body) -> Version:
        """Store the document whatever was there before."""

    def replace(self, collection: str, key: str, body: Body, *, version: Version) -> Version:
        """Store a new body if the document is still at `version`. Raises VersionChanged."""

    def delete(self, collection: str, key: str, *, version: Version | None = None) -> None:
        """Delete the document; with `version` only that one (raises VersionChanged).

        Without a version a missing document is no error.
        """

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
        """Documents that meet every condition, in the order of one field (those without it are left out), then key.

        A range condition needs `order_by` on the same field. `descending` turns both orders round and needs
        `order_by`. `limit` is at most 1000. Raises InvalidCursor.
        """


class BlobInfo(msgspec.Struct, frozen=True):
    """What is known of a stored object without reading it. `generation` changes with every write."""

    name: str
    size: int
    content_type: str
    generation: int
    updated: datetime


class BlobStore(Protocol):
    """Objects under slash-separated names, strongly consistent."""

    def put(self, name: str, data: bytes, *, content_type: str, if_generation: int | None = None) -> BlobInfo:
        """Store an object. `if_generation=0`: only if it is new (raises AlreadyExists); n: only over
        generation n (raises VersionChanged); None: whatever is there.
        """

    def get(self, name: str) -> bytes:
        """The whole object. Raises NotFound."""

    def stream(self, name: str, *, chunk_bytes: int = 262_144) -> Iterator[bytes]:
        """The object in pieces, all of one generation.

        Raises NotFound at the first piece, VersionChanged at a later one when the rest of that generation is gone.
        """

    def stat(self, name: str) -> BlobInfo | None:
        """What is known of the object, or None."""

    def list(self, prefix: str) -> list[BlobInfo]:
        """All objects whose name starts with `prefix`, by name."""

    def delete(self, name: str) -> None:
        """Delete the object; a missing one is no error."""

    def signed_url(self, name: str, *, expires_in_s: int, download_name: str | None = None) -> str:
        """A URL that anyone may GET until it expires (at most 7 days); `download_name` becomes an attachment name."""


class Event(msgspec.Struct, frozen=True):
    """A message as published."""

    topic: str
    data: bytes
    attributes: Mapping[str, str] = {}


class EventBus(Protocol):
    """Publishing. Delivery is at least once, in any order."""

    def publish(self, event: Event) -> str:
        """Hand the event over durably; gives the message id. Raises NotFound for an unknown topic, Unavailable."""


class Delivery(msgspec.Struct, frozen=True):
    """One delivery attempt of a message. `attempt` counts from 1."""

    event: Event
    message_id: str
    published: datetime
    attempt: int
    receipt: str


class EventQueue(Protocol):
    """Consuming by pull: the local deliverer and the dead-letter replay use it; functions are pushed to.

    A pulled message that is neither acknowledged nor returned within its lease is delivered again. After the
    subscription's number of attempts a message moves to ``<topic>-dead``, which can be pulled too; there two more
    attributes say where it comes from (``dead_letter_topic``) and how often it was tried (``dead_letter_attempts``).
    """

    def pull(self, topic: str, *, limit: int, lease_s: float) -> list[Delivery]:
        """Up to `limit` deliveries that are due now; empty when there are none. Raises NotFound."""

    def ack(self, delivery: Delivery) -> None:
        """The message is done. A lost or repeated acknowledgement is no error."""

    def nack(self, delivery: Delivery, *, delay_s: float) -> None:
        """Give the message back, to be delivered again not before `delay_s`."""


class SecretVersion(msgspec.Struct, frozen=True):
    """One enabled version of a secret. The value is left out of its repr."""

    name: str
    version: int
    value: bytes

    def __repr__(self) -> str:
        return f"SecretVersion(name={self.name!r}, version={self.version!r})"


class SecretStore(Protocol):
    """Named secrets with numbered versions."""

    def get(self, name: str, version: int | None = None) -> SecretVersion:
        """The pinned version, or the newest enabled one. Raises NotFound (also for a disabled version)."""

    def enabled(self, name: str) -> list[SecretVersion]:
        """Every enabled version, newest first. Raises NotFound when there is none."""


class Clock(Protocol):
    """Time, so that tests can hold it still."""

    def now(self) -> datetime:
        """The present moment, in UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait in this process."""

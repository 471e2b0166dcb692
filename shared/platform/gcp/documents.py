"""DocumentStore on Firestore.

Speaks Firestore's own protocol (`commit`, `get_document`, `run_query`): the convenience client cannot write a whole
document under a precondition. A version is the document's update time. Firestore leaves that time alone when a write
changes nothing, so every write carries a fresh number in the field `WRITE_FIELD`, which readers never see.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.platform.bodies import plain_body
from shared.platform.cursors import Cursors, Position
from shared.platform.errors import AlreadyExists, NotFound, PlatformError, VersionChanged
from shared.platform.gcp.calls import platform_errors, retry_contention, retry_reads
from shared.platform.gcp.structured_query import KEY_ONLY, structured_query
from shared.platform.gcp.values import Message, fill_fields, plain_fields
from shared.platform.limits import WRITE_FIELD, check_key, check_query
from shared.platform.ports import Body, Document, Page, Version, Where

_VERSION: Final = re.compile(r"(\d{1,12})\.(\d{9})")


class FirestoreDocuments:
    """Documents in one Firestore database."""

    def __init__(self, client: Any, *, project: str, database: str = "(default)", timeout_s: float = 15.0) -> None:
        """Use a ``google.cloud.firestore_v1.services.firestore.FirestoreClient``.

        Args:
            client: The client; `shared.platform.gcp.clients` makes one.
            project: Id of the project.
            database: Id of the database.
            timeout_s: Longest wait of one call, its repetitions included.
        """
        self._client = client
        self._database = f"projects/{project}/databases/{database}"
        self._timeout_s = timeout_s

    def create(self, collection: str, key: str, body: Body) -> Version:
        """Store a new document. Raises AlreadyExists."""
        with platform_errors(precondition=AlreadyExists):
            return self._write(collection, key, body, {"exists": False})

    def get(self, collection: str, key: str) -> Document | None:
        """The document, strongly consistent, or None."""
        request = {"name": self._name(collection, key)}
        retry = retry_reads(self._timeout_s)
        try:
            with platform_errors():
                found = self._client.get_document(request=request, retry=retry, timeout=self._timeout_s)
        except NotFound:
            return None
        return _document(type(found).pb(found))

    def put(self, collection: str, key: str, body: Body) -> Version:
        """Store the document whatever was there before."""
        with platform_errors():
            return self._write(collection, key, body, None)

    def replace(self, collection: str, key: str, body: Body, *, version: Version) -> Version:
        """Store a new body if the document is still at `version`. Raises VersionChanged."""
        with platform_errors(missing=VersionChanged):
            return self._write(collection, key, body, _at(version))

    def delete(self, collection: str, key: str, *, version: Version | None = None) -> None:
        """Delete the document; with `version` only that one (raises VersionChanged)."""
        precondition = None if version is None else _at(version)
        with platform_errors(missing=VersionChanged):
            self._commit({"delete": self._name(collection, key)}, precondition)

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
        query = structured_query(collection, where, order_by, limit + 1, descending=descending)
        self._start_after(query, collection, cursors.decode(cursor))
        found = self._run(query)
        documents = [_document(each) for each in found[:limit]]
        if len(found) <= limit:
            return Page(documents, None)
        return Page(documents, cursors.encode(_position(found[limit - 1], order_by)))

    def _name(self, collection: str, key: str) -> str:
        check_key(collection, key)
        return f"{self._database}/documents/{collection}/{key}"

    def _write(self, collection: str, key: str, body: Body, precondition: Mapping[str, Any] | None) -> Version:
        from google.cloud.firestore_v1.types import Document as FirestoreDocument

        message = FirestoreDocument.pb()(name=self._name(collection, key))
        fill_fields(message.fields, plain_body(body) | {WRITE_FIELD: secrets.randbits(63)})
        result = self._commit({"update": message}, precondition)
        return _version(result.write_results[0].update_time)

    def _commit(self, write: Mapping[str, Any], precondition: Mapping[str, Any] | None) -> Message:
        from google.cloud.firestore_v1.types import CommitRequest

        request = CommitRequest.pb()(database=self._database)
        added = request.writes.add(**write)
        if precondition is not None:
            added.current_document.MergeFrom(type(added.current_document)(**precondition))
        retry = (retry_reads if precondition is None else retry_contention)(self._timeout_s)
        wrapped = CommitRequest.wrap(request)
        response = self._client.commit(request=wrapped, retry=retry, timeout=self._timeout_s)
        return type(response).pb(response)

    def _start_after(self, query: Message, collection: str, position: Position | None) -> None:
        if position is None:
            return
        query.start_at.before = False
        if position.value != KEY_ONLY:
            query.start_at.values.add().ParseFromString(position.value)
        query.start_at.values.add(reference_value=self._name(collection, position.key))

    def _run(self, query: Message) -> list[Message]:
        from google.cloud.firestore_v1.types import RunQueryRequest

        request = RunQueryRequest.pb()(parent=f"{self._database}/documents", structured_query=query)
        retry = retry_reads(self._timeout_s)
        wrapped = RunQueryRequest.wrap(request)
        with platform_errors(precondition=PlatformError):  # an index is missing
            answers = self._client.run_query(request=wrapped, retry=retry, timeout=self._timeout_s)
            messages = [type(answer).pb(answer) for answer in answers]
        return [message.document for message in messages if message.HasField("document")]


def _at(version: Version) -> dict[str, Any]:
    """The precondition "still at this version". Raises VersionChanged for what never was a version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise VersionChanged("not a version of this store")
    return {"update_time": {"seconds": int(match[1]), "nanos": int(match[2])}}


def _version(update_time: Message) -> Version:
    return f"{update_time.seconds}.{update_time.nanos:09d}"


def _document(message: Message) -> Document:
    body = plain_fields(message.fields)
    body.pop(WRITE_FIELD, None)
    return Document(message.name.rpartition("/")[2], body, _version(message.update_time))


def _position(message: Message, order_by: str | None) -> Position:
    value = message.fields[order_by].SerializeToString() if order_by else KEY_ONLY
    return Position(value, message.name.rpartition("/")[2])

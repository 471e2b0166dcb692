"""Page cursors: where a query stopped, bound to that query.

A cursor is ``base64url(digest ‖ msgpack(position, key))``. The digest covers the query and the position, so that a
cursor of another query, or a damaged one, is refused. It is no secret: whoever may ask the query may read its rows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from shared.platform.errors import InvalidCursor
from shared.platform.ports import Where
from shared.typed import from_msgpack

_DIGEST_BYTES: Final = 16


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The last document of a page: its value in the order (in the store's own form, empty without) and its key."""

    value: bytes
    key: str


class Cursors:
    """Cursors of one query."""

    def __init__(self, collection: str, where: Sequence[Where], order_by: str | None, *, descending: bool) -> None:
        conditions = [(each.field, each.operator, each.value) for each in where]
        self._query = msgspec.msgpack.encode([collection, conditions, order_by, descending])

    def encode(self, position: Position) -> str:
        """The cursor that continues after `position`."""
        payload = msgspec.msgpack.encode(position)
        return base64.urlsafe_b64encode(self._digest(payload) + payload).decode().rstrip("=")

    def decode(self, cursor: str | None) -> Position | None:
        """The position in `cursor`, None for the first page. Raises InvalidCursor."""
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise InvalidCursor("not a cursor") from error
        digest, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if digest != self._digest(payload):
            raise InvalidCursor("not a cursor of this query")
        return from_msgpack(payload, Position)

    def _digest(self, payload: bytes) -> bytes:
        return hashlib.sha256(hashlib.sha256(self._query).digest() + payload).digest()[:_DIGEST_BYTES]

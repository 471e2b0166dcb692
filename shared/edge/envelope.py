"""Push envelopes of Pub/Sub in each shape they come in, decoded into one value.

The raw envelope (push subscriptions), the same body with ce-* headers (Eventarc, binary) and a CloudEvent whose data
is that body (structured) carry the same message. Field names are those of Pub/Sub's push documentation; its emulator
writes them in snake case beside that.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

import msgspec

from shared.typed import from_json


class BadEnvelope(Exception):
    """The body is no push envelope; the message names the field, never a value."""


class Envelope(msgspec.Struct, frozen=True):
    """One delivery. `published` is None when the envelope does not say; `attempt` counts from 1, 0 if unknown."""

    data: bytes
    attributes: dict[str, str]
    message_id: str
    published: datetime | None
    attempt: int

    @property
    def is_ping(self) -> bool:
        """Whether this only asks if the function answers."""
        return self.attributes.get("ping") == "true" or self.data in (b"ping", b'"ping"')


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    data: str | None = None
    attributes: dict[str, str] | None = None
    message_id: str | None = None
    publish_time: datetime | None = None


class _Push(msgspec.Struct, frozen=True, rename="camel"):
    message: _Message
    delivery_attempt: int | None = None


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    message: _Message | None = None
    data: _Push | None = None
    delivery_attempt: int | None = None


def read_envelope(body: bytes) -> Envelope:
    """The delivery in a request body. Raises BadEnvelope."""
    push = _push(body)
    message = push.message
    return Envelope(
        data=_decoded(message.data or ""),
        attributes=message.attributes or {},
        message_id=message.message_id or "",
        published=_in_utc(message.publish_time),
        attempt=push.delivery_attempt or 0,
    )


def _push(body: bytes) -> _Push:
    """The part of the body that is the push, in whichever shape it came."""
    try:
        outer = from_json(body, _Body)
    except (ValueError, RecursionError) as error:
        raise BadEnvelope(f"not an envelope: {type(error).__name__}") from None
    if outer.data is not None:
        return outer.data
    if outer.message is None:
        raise BadEnvelope("no message in it")
    return _Push(outer.message, outer.delivery_attempt)


def _in_utc(moment: datetime | None) -> datetime | None:
    """The moment with a time zone; one without is in UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise BadEnvelope("message.data is not base64") from None

"""What Google's services accept: names, conditions, messages.

Every adapter checks its input here, the embedded ones too, so that what passes on a laptop passes in the cloud.
A breach is a mistake of the caller and raises ValueError or TypeError, never a `PlatformError`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from shared.platform.ports import Event, Where

WRITE_FIELD: Final = "write_"
"""The field in which Firestore's adapter makes every write a change; reserved in every store."""

MAX_COMPARED_BYTES: Final = 1500
"""Firestore indexes no more of a string or bytes value."""

MAX_PAGE: Final = 1000
"""The most documents of one page."""

MAX_URL_LIFETIME_S: Final = 7 * 24 * 3600
"""A V4 signed URL lives no longer."""

MAX_NAME_BYTES: Final = 1024
"""The longest object name of Cloud Storage."""

MAX_MESSAGE_BYTES: Final = 9_000_000
"""Pub/Sub takes 10 MB, attributes and envelope included."""

MAX_ATTRIBUTES: Final = 100
MAX_ATTRIBUTE_NAME_BYTES: Final = 256
MAX_ATTRIBUTE_BYTES: Final = 1024
"""Pub/Sub's limits of a message's attributes."""

_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOPIC: Final = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._-]{2,199}")
_SECRET: Final = re.compile(r"(?=.{1,200}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RESERVED: Final = re.compile(r"__.*__", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_OPERATORS: Final = frozenset({"==", "<", "<=", ">", ">="})


def check_key(collection: str, key: str = "any") -> None:
    """Refuse names outside the ports' alphabet. Raises ValueError."""
    for name in (collection, key):
        if not _KEY.fullmatch(name) or name in {".", ".."} or _RESERVED.fullmatch(name):
            raise ValueError(f"not a collection or key: {name!r}")


def check_field(name: str) -> None:
    """Refuse a field name that Firestore cannot hold. Raises ValueError."""
    if name in {"", WRITE_FIELD} or _RESERVED.fullmatch(name) or len(name.encode()) > MAX_COMPARED_BYTES:
        raise ValueError(f"not a field name: {name[:40]!r}")


def check_query(where: Sequence[Where], order_by: str | None, limit: int, *, descending: bool) -> None:
    """Refuse what one of the stores could not answer. Raises ValueError or TypeError."""
    for condition in where:
        _check_condition(condition, order_by)
    if order_by is not None and not _FIELD.fullmatch(order_by):
        raise ValueError(f"not a field to order by: {order_by!r}")
    if descending and order_by is None:
        raise ValueError("Firestore cannot go through keys backwards: descending needs order_by")
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit must be 1 to {MAX_PAGE}: {limit}")


def _check_condition(condition: Where, order_by: str | None) -> None:
    if not _FIELD.fullmatch(condition.field) or condition.operator not in _OPERATORS:
        raise ValueError(f"not a condition: {condition.field!r} {condition.operator!r}")
    _check_compared(condition.value)
    if condition.operator == "==":
        return
    if condition.field != order_by:
        raise ValueError(f"a range on {condition.field!r} needs order_by on the same field")
    if isinstance(condition.value, bool) or not isinstance(condition.value, int | float | str | datetime):
        raise TypeError(f"no range over {type(condition.value).__name__}")
    if condition.value != condition.value:
        raise ValueError("no range over NaN")


def _check_compared(value: Any) -> None:
    if value is not None and not isinstance(value, bool | int | float | str | bytes | datetime):
        raise TypeError(f"only scalars are compared, not {type(value).__name__}")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a datetime without a time zone")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("an integer beyond 64 bits")
    raw = value.encode() if isinstance(value, str) else value
    if isinstance(raw, bytes) and len(raw) > MAX_COMPARED_BYTES:
        raise ValueError(f"values of more than {MAX_COMPARED_BYTES} bytes are not compared")


def check_object_name(name: str) -> None:
    """Refuse blob names that could mean something else to a file system or a URL. Raises ValueError."""
    segments = name.split("/")
    if any(segment in {"", ".", ".."} for segment in segments) or _CONTROL.search(name):
        raise ValueError(f"not an object name: {name!r}")
    if len(name.encode()) > MAX_NAME_BYTES or name.startswith(".well-known/acme-challenge/"):
        raise ValueError("Cloud Storage takes no such object name")


def check_lifetime(expires_in_s: int) -> None:
    """Refuse signed URLs without an end or beyond a week. Raises ValueError."""
    if not 1 <= expires_in_s <= MAX_URL_LIFETIME_S:
        raise ValueError(f"a signed URL lives 1 to {MAX_URL_LIFETIME_S} s, not {expires_in_s}")


def attachment(download_name: str) -> str:
    """The Content-Disposition that saves a download under `download_name` (RFC 6266).

    Raises:
        ValueError: The name is empty or holds control characters or path separators.
    """
    if not download_name or _CONTROL.search(download_name) or "/" in download_name:
        raise ValueError(f"not a file name: {download_name!r}")
    plain = download_name.encode("ascii", "replace").decode().replace('"', "'").replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(download_name, safe='')}"


def check_topic(topic: str) -> None:
    """Refuse ids that Pub/Sub does not take. Raises ValueError."""
    if not _TOPIC.fullmatch(topic):
        raise ValueError(f"not a topic: {topic!r}")


def check_event(event: Event) -> None:
    """Refuse messages that Pub/Sub does not take. Raises ValueError."""
    check_topic(event.topic)
    if not event.data and not event.attributes:
        raise ValueError("a message has data or attributes")
    if len(event.data) > MAX_MESSAGE_BYTES or len(event.attributes) > MAX_ATTRIBUTES:
        raise ValueError(f"at most {MAX_MESSAGE_BYTES} bytes of data and {MAX_ATTRIBUTES} attributes")
    for name, value in event.attributes.items():
        too_long = len(name.encode()) > MAX_ATTRIBUTE_NAME_BYTES or len(value.encode()) > MAX_ATTRIBUTE_BYTES
        if not name or too_long or name.startswith("goog"):
            raise ValueError(f"not a message attribute: {name[:40]!r}")


def check_secret_name(name: str) -> None:
    """Refuse names that do not map one to one to an environment variable. Raises ValueError."""
    if not _SECRET.fullmatch(name):
        raise ValueError(f"not a secret's name: {name!r}")

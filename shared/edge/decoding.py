"""Bodies and queries of HTTP calls as typed values. What is wrong is said by field, never by value."""

from __future__ import annotations

import io
from typing import Any, TypeVar

import flask
import msgspec

from shared.edge.problems import (
    BODY_TOO_LARGE,
    INVALID_BODY,
    INVALID_JSON,
    INVALID_QUERY,
    UNSUPPORTED_MEDIA_TYPE,
    Problem,
    ProblemType,
)
from shared.typed import from_json, from_plain

T = TypeVar("T")

LARGEST_BODY_BYTES = 65_536

_LONGEST_DETAIL = 200


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a route that takes none: nothing, or an empty object."""


def read_bytes(request: flask.Request, *, largest_bytes: int = LARGEST_BODY_BYTES) -> bytes:
    """The raw body, whether its length was announced or not. Raises Problem or HTTPException when it is too large."""
    # One byte more than allowed: a body of unknown length is cut off at the limit without a word.
    request.max_content_length = largest_bytes + 1
    raw = request.get_data()
    if len(raw) > largest_bytes:
        raise Problem(BODY_TOO_LARGE, f"the body may have {largest_bytes} bytes")
    return raw


def leave_oversized(request: flask.Request, *, largest_bytes: int = LARGEST_BODY_BYTES) -> None:
    """Have nobody else read a body that was refused for its announced length.

    functions-framework reads what is left of a request after the answer is made, and fails on what is too large even
    for it. The server discards the unread rest by itself.
    """
    if (request.content_length or 0) > largest_bytes:
        request.environ |= {"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}


def read_body(raw: bytes, mimetype: str, kind: type[T]) -> T:
    """The JSON body as `kind`; no body at all counts as an empty object. Raises Problem."""
    if not raw:
        raw = b"{}"
    elif mimetype != "application/json":
        raise Problem(UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json")
    try:
        return from_json(raw, kind)
    except msgspec.ValidationError as error:
        raise _invalid(INVALID_BODY, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(INVALID_JSON, "the body must be one JSON object in UTF-8") from None


def read_query(request: flask.Request, kind: type[T]) -> T:
    """The query parameters as `kind`, texts converted to what its fields are. Raises Problem."""
    values: dict[str, Any] = {name: found[0] if len(found) == 1 else found for name, found in request.args.lists()}
    try:
        return from_plain(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(INVALID_QUERY, error) from None


def _invalid(kind: ProblemType, error: msgspec.ValidationError) -> Problem:
    """The complaint with its field path. msgspec quotes the value of a bad enum or tag: that part is left out."""
    what, at, path = str(error).rpartition(" - at `$")
    if not at:
        what, path = str(error), ""
    if what.startswith(("Invalid enum value", "Invalid value")):
        what = "Not one of the values allowed"
    where = path.rstrip("`").lstrip(".") or "the top level"
    return Problem(kind, f"{what} (at {where})"[:_LONGEST_DETAIL])

"""Pages of the charging history as raw JSON: when to stop asking, and whose session is whose.

The history is the account's, each session names its own car, and pages may overlap when a session is added while they
are read. Sessions are kept exactly as Tesla wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from shared.tesla.decode import MAX_BODY_BYTES, Undecodable, decode, unwrap
from shared.tesla.models.charging import ChargingHistory
from shared.tesla.wire import Integer, WireModel
from shared.typed import from_json


class _Page(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw] | None


class _Identity(WireModel, frozen=True, kw_only=True, rename="camel"):
    """What a session is told apart by; nothing else of it is read."""

    session_id: Integer | None = None
    vin: str | None = None


def sessions_of(page: bytes) -> list[msgspec.Raw]:
    """The sessions of one page, unread; none when the list is null.

    Raises:
        Undecodable: `page` is no JSON, is too long or nested too deeply, or has no list of sessions.
    """
    if len(page) > MAX_BODY_BYTES:
        raise Undecodable(ChargingHistory, f"longer than {MAX_BODY_BYTES} bytes")
    try:
        return from_json(unwrap(page, ChargingHistory), _Page).data or []
    except msgspec.ValidationError:
        raise Undecodable(ChargingHistory, "no list of sessions", "$.data") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Undecodable(ChargingHistory, "no JSON") from None
    except RecursionError:
        raise Undecodable(ChargingHistory, "nested too deeply") from None


def is_last_page(page: bytes, page_size: int) -> bool:
    """Whether no further page is to be asked for: this one holds fewer sessions than `page_size`.

    Tesla's ``totalResults`` is left alone: it has been seen to count the page instead of the history.

    Raises:
        Undecodable: as `sessions_of`.
    """
    return len(sessions_of(page)) < page_size


def split_by_vin(pages: Sequence[bytes]) -> dict[str, list[msgspec.Raw]]:
    """The sessions of all `pages` by VIN, in the order of the pages, each session id once.

    Sessions without a readable VIN stand under ``""``; sessions without a readable id are all kept.

    Raises:
        Undecodable: as `sessions_of`, for any page.
    """
    by_vin: dict[str, list[msgspec.Raw]] = {}
    for vin, session in _distinct(session for page in pages for session in sessions_of(page)):
        by_vin.setdefault(vin, []).append(session)
    return by_vin


def _distinct(sessions: Iterator[msgspec.Raw]) -> Iterator[tuple[str, msgspec.Raw]]:
    seen: set[int] = set()
    for session in sessions:
        identity = _identify(session)
        if identity.session_id not in seen:
            yield (identity.vin or "").strip(), session
        if identity.session_id is not None:
            seen.add(identity.session_id)


def _identify(session: msgspec.Raw) -> _Identity:
    try:
        return decode(session, _Identity).value
    except Undecodable:
        return _Identity()

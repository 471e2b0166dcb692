"""From a status and a body to an answer or the one error that it stands for."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from shared.tesla import errors
from shared.tesla.regions import Regions
from shared.tesla.transport import WireReply
from shared.typed import from_json

_DEFAULT_RETRY_S = 60.0
_LONGEST_RETRY_S = 86_400.0
_NO_WAIT_S = 1e9
"""More than thirty years: a moment since 1970, which others send in the same headers, and no wait."""
_RESET = re.compile(r"ratelimit-(?:.+-)?reset")
_TEXT = 2_000
_BY_STATUS: dict[int, type[errors.Refused]] = {
    401: errors.Unauthorized,
    402: errors.LimitExceeded,
    404: errors.Missing,
    408: errors.Asleep,
    410: errors.Missing,
    412: errors.RegionUnregistered,
}


def check(reply: WireReply, regions: Regions, *, pdf: bool = False) -> bytes:
    """The body of a good answer. Raises the `Refused` that the status stands for, or Unreadable."""
    if reply.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(reply, regions)
    if pdf and not reply.body:
        raise errors.EmptyAnswer("the answer is empty, not a PDF")
    if pdf and not _is_pdf(reply.body):
        raise errors.NotAPdf("the answer is not a PDF")
    if not pdf and not _is_json(reply.body):
        raise errors.Unreadable("the answer is not JSON" if reply.body else "the answer is empty, not JSON")
    return reply.body


def refusal(reply: WireReply, regions: Regions) -> errors.Refused:
    """The error that an error status stands for (reference: Tesla's response codes page)."""
    text = reply.body[:_TEXT].decode("utf-8", "replace")
    if reply.status == HTTPStatus.MISDIRECTED_REQUEST:
        return errors.WrongRegion(reply.status, text, regions.in_text(text))
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return errors.RateLimited(reply.status, text, retry_after_s(reply))
    if reply.status == HTTPStatus.UNAUTHORIZED and "mobile_access_disabled" in text:
        # The car's setting, not the token: a refresh and a second, billed call would change nothing.
        return errors.Forbidden(reply.status, text)
    if reply.status == HTTPStatus.FORBIDDEN:
        kind = errors.LimitExceeded if "EXCEEDED_LIMIT" in text else errors.Forbidden
        return kind(reply.status, text)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return errors.ServerError(reply.status, text)
    return _BY_STATUS.get(reply.status, errors.Rejected)(reply.status, text)


def retry_after_s(reply: WireReply) -> float:
    """How long a 429 asks to wait: Retry-After in seconds or as a date, else a reset header, else a minute."""
    wait_s = _seconds(reply.headers.get("retry-after", ""))
    if wait_s is None:
        wait_s = _until_reset_s(reply.headers)
    return min(max(wait_s, 0.0), _LONGEST_RETRY_S)


def _until_reset_s(headers: Mapping[str, str]) -> float:
    """The wait by `RateLimit-Reset` and its kin (`RateLimit-Minute-Reset`), of which a 429 may carry several.

    Those that say that nothing of them remains count, the longest of them; where none says so, the shortest does:
    asking once too often costs less than a wait for a limit that was not reached.
    """
    resets = {name: _seconds(value) for name, value in headers.items() if _RESET.fullmatch(name)}
    waits = {name.removesuffix("reset"): wait_s for name, wait_s in resets.items() if wait_s is not None}
    left = {limit: headers.get(f"{limit}remaining", "").strip() for limit in waits}
    used_up = [wait_s for limit, wait_s in waits.items() if left[limit] == "0"]
    unknown = [wait_s for limit, wait_s in waits.items() if not left[limit]]
    return max(used_up) if used_up else min(unknown or waits.values(), default=_DEFAULT_RETRY_S)


def _seconds(value: str) -> float | None:
    """Seconds from now, of a number of seconds, a date, or a moment in seconds since 1970."""
    try:
        seconds = float(value)
    except ValueError:
        return _seconds_until(value)
    if seconds > _NO_WAIT_S:
        seconds -= time.time()
    return seconds if math.isfinite(seconds) else None


def _seconds_until(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (moment - datetime.now(UTC if moment.tzinfo else None)).total_seconds()


def _is_json(body: bytes) -> bool:
    """Whether the body can be JSON and is complete; typed decoding comes later and is tolerant."""
    import msgspec

    try:
        from_json(body, msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_pdf(body: bytes) -> bool:
    return body.startswith(b"%PDF-")

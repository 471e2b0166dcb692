"""What a spoilt call is answered: instead of the real answer, or the real answer damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .answers import HTML_TYPE, JSON_TYPE, Answer, error_answer, json_answer
from .faults import Fault
from .limits import rate_limited

ASLEEP = "vehicle unavailable: vehicle is offline or asleep"
PAGE = "<!DOCTYPE html><html><head><title>Access Denied</title></head><body><h1>Access Denied</h1></body></html>"
SERVER_ERRORS = {
    500: "upstream internal error",
    502: "bad gateway",
    503: "service unavailable",
    504: "upstream request timeout",
    540: "device unexpected response",
}


def asleep() -> Answer:
    """408 of a car that sleeps."""
    return error_answer(408, ASLEEP)


def spoil(fault: Fault, real: Answer | None) -> Answer:
    """The answer of a spoilt call; `real` is what it would have been, None when it was not carried out."""
    make = _INSTEAD.get(fault.kind)
    answer = make(fault) if make else _DAMAGE[fault.kind](fault, real or json_answer({"response": None}))
    answer.headers.update(fault.headers)
    return answer


def _server_error(fault: Fault) -> Answer:
    status = fault.status or 500
    return error_answer(status, SERVER_ERRORS.get(status, "server error"))


def _text(fault: Fault, default: str) -> bytes:
    if fault.body is None:
        return default.encode()
    return fault.body.encode() if isinstance(fault.body, str) else msgspec.json.encode(fault.body)


def _truncated(_: Fault, real: Answer) -> Answer:
    return Answer(real.status, real.body[: max(1, len(real.body) * 2 // 3)], real.content_type)


def _oversized(fault: Fault, real: Answer) -> Answer:
    padding = b" " * max(0, fault.size_bytes - len(real.body))
    return Answer(real.status, real.body + padding, real.content_type)


def _missing(fault: Fault, real: Answer) -> Answer:
    body = msgspec.json.decode(real.body)
    for path in fault.missing:
        holder, key = _reach(body, path)
        if holder is not None and key in holder:
            holder[key] = None
            if not fault.null:
                del holder[key]
    return json_answer(body, real.status)


def _retype(fault: Fault, real: Answer) -> Answer:
    body = msgspec.json.decode(real.body)
    for path, value in fault.retype.items():
        holder, key = _reach(body, path)
        if holder is not None:
            holder[key] = value
    return json_answer(body, real.status)


def _reach(body: Any, path: str) -> tuple[Any, Any]:
    """The container of the path's last part, and that part; numbers index lists."""
    inner = body.get("response") if isinstance(body, dict) and isinstance(body.get("response"), dict | list) else body
    *outer, last = path.split(".")
    for part in outer:
        inner = _step(inner, part)
    if isinstance(inner, list) and last.isdigit() and int(last) < len(inner):
        return inner, int(last)
    return (inner, last) if isinstance(inner, dict) else (None, last)


def _step(value: Any, part: str) -> Any:
    if isinstance(value, list):
        return value[int(part)] if part.isdigit() and int(part) < len(value) else None
    return value.get(part) if isinstance(value, dict) else None


_INSTEAD: dict[str, Callable[[Fault], Answer]] = {
    "asleep": lambda _: asleep(),
    "timeout408": lambda _: json_answer({"response": None, "error": '{"error": "timeout"}'}, 408),
    "rate_limited": lambda fault: rate_limited(fault.retry_after_s, 60 if fault.ratelimit_headers else None),
    "server_error": _server_error,
    "exceeded_limit": lambda _: error_answer(403, "account disabled: EXCEEDED_LIMIT"),
    "html": lambda fault: Answer(fault.status or 200, _text(fault, PAGE), HTML_TYPE),
    "status": lambda fault: Answer(fault.status or 500, _text(fault, ""), JSON_TYPE),
    "null_response": lambda _: json_answer({"response": None}),
}
_DAMAGE: dict[str, Callable[[Fault, Answer], Answer]] = {
    "truncated": _truncated,
    "oversized": _oversized,
    "missing": _missing,
    "retype": _retype,
    "empty_body": lambda _, real: Answer(real.status, b"", real.content_type),
    "slow": lambda _, real: real,
    "drop": lambda _, real: real,
}

"""Logs as Cloud Logging reads them: one JSON line a record on stdout, joined by trace, never with a payload.

An event is a constant message with typed fields: ``log.info("module fetched", module="options", outcome="ok")``.
Ids that hold for a while (order, vehicle_id) are bound once with `bind` and become labels of every record inside.
Pools that run work in other threads carry them over with `contextvars.copy_context`.

Every text is scrubbed of vehicle identification numbers, tokens, e-mail addresses and the secret query values of the
consent flow: the last line of defence, not a licence to log them.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol

import msgspec

Field = str | int | float | bool | None

_EVENTS = logging.getLogger("events")
_QUIET = ("urllib3", "google", "werkzeug", "fontTools", "fpdf")
_LONGEST_SCRUBBED = 262_144
_LONGEST_TEXT = 16_384
_EMPTY: Mapping[str, str] = {}
_BOUND: ContextVar[Mapping[str, str]] = ContextVar("bound_ids", default=_EMPTY)

_CLOUD_TRACE = re.compile(r"([0-9a-f]{32})(?:/(\d{1,20}))?(?:;.*)?")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}.*")
_NO_TRACE = "0" * 32

_SCRUBBERS = [
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"), "[token]"),
    (re.compile(r"\b(?:EU|NA|CN)_[\w-]{16,}"), "[token]"),
    (re.compile(r"(?i)\b(bearer)\s+(?!\[token\])[^\s\"',;]+"), r"\1 [token]"),
    (re.compile(r"(?i)\b(code|state|claim)=[^\s&\"'#,;]+"), r"\1=[masked]"),
    (
        re.compile(r"(?i)\b((?:access|refresh|id)_token|client_secret|grant)(\W{1,4})(?!\[token\])[\w.~+/-]{8,}"),
        r"\1\2[masked]",
    ),
    (re.compile(r"[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"), "[e-mail]"),
    (re.compile(r"(?i)(?<![a-z0-9])(?=\d*[a-z])(?=[a-z]*\d)[a-hj-npr-z0-9]{17}(?![a-z0-9])"), "[vin]"),
]


class Trace(msgspec.Struct, frozen=True):
    """The request that a record belongs to: 32 and 16 lower-case hex digits; `span_id` may be empty."""

    trace_id: str
    span_id: str


class Headers(Protocol):
    """Anything that headers or message attributes can be looked up in."""

    def get(self, name: str, /) -> str | None:
        """The value under the name, or None."""


def find_trace(headers: Headers) -> Trace | None:
    """The trace named by X-Cloud-Trace-Context or traceparent, or None."""
    cloud = _CLOUD_TRACE.fullmatch((headers.get("X-Cloud-Trace-Context") or "").lower())
    if cloud and cloud[1] != _NO_TRACE:
        span = int(cloud[2] or 0)
        return Trace(cloud[1], f"{span:016x}" if 0 < span < 1 << 64 else "")
    parent = _TRACEPARENT.fullmatch((headers.get("traceparent") or "").lower())
    if parent and parent[1] != _NO_TRACE:
        return Trace(parent[1], parent[2])
    return None


def trace_of(headers: Headers) -> Trace:
    """The trace named by the headers, or a new one."""
    return find_trace(headers) or Trace(secrets.token_hex(16), "")


def traceparent() -> str:
    """The bound trace as a W3C traceparent, to be sent along with a message; empty outside of one."""
    bound = _BOUND.get()
    if "trace" not in bound:
        return ""
    return f"00-{bound['trace']}-{bound.get('span') or secrets.token_hex(8)}-01"


@contextmanager
def bind(**ids: str) -> Iterator[None]:
    """Put the ids on every record inside. `trace` and `span` join records to a request, all others become labels."""
    token = _BOUND.set({**_BOUND.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _BOUND.reset(token)


def scrub(text: str) -> str:
    """The text, bounded, with everything that looks like a secret or a person's data masked."""
    text = _shorten(text, _LONGEST_SCRUBBED)
    for pattern, mask in _SCRUBBERS:
        text = pattern.sub(mask, text)
    return _shorten(text, _LONGEST_TEXT)  # only now: half a secret would not be known for one


def _shorten(text: str, longest: int) -> str:
    """Start and end of a text that is too long."""
    return text if len(text) <= longest else f"{text[: longest // 4]} [...] {text[-longest // 2 :]}"


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON with the special fields of Cloud Logging."""

    def __init__(self, *, project: str = "", function: str = "") -> None:
        super().__init__()
        self._project, self._function = project, function

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        line: dict[str, object] = {name: _clean(value) for name, value in getattr(record, "fields", {}).items()}
        line |= {
            "severity": record.levelname,
            "message": scrub(record.getMessage()),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
        }
        line |= self._context()
        if record.exc_info:
            line["stack_trace"] = scrub(self.formatException(record.exc_info))
        return json.dumps(line, default=str)

    def _context(self) -> dict[str, object]:
        """The bound ids in Cloud Logging's own fields."""
        labels = {"function": self._function} if self._function else {}
        labels |= {name: scrub(value) for name, value in _BOUND.get().items()}
        trace, span = labels.pop("trace", ""), labels.pop("span", "")
        context: dict[str, object] = {"logging.googleapis.com/labels": labels} if labels else {}
        if trace:
            name = f"projects/{self._project}/traces/{trace}" if self._project else trace
            context["logging.googleapis.com/trace"] = name
        if span:
            context["logging.googleapis.com/spanId"] = span
        return context


class StdoutHandler(logging.Handler):
    """Writes to whatever `sys.stdout` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line in one piece."""
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            self.handleError(record)


def setup(environ: Mapping[str, str] = os.environ) -> None:
    """Send all logging of this process to stdout as JSON, from INFO up. Repetitions change nothing."""
    root = logging.getLogger()
    if any(isinstance(handler, StdoutHandler) for handler in root.handlers):
        return
    handler = StdoutHandler()
    project, function = environ.get("GOOGLE_CLOUD_PROJECT", ""), environ.get("K_SERVICE", "")
    handler.setFormatter(JsonFormatter(project=project, function=function))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def info(message: str, /, **fields: Field) -> None:
    """An event of normal work."""
    _EVENTS.info(message, extra={"fields": fields})


def warning(message: str, /, **fields: Field) -> None:
    """Something went wrong and was dealt with."""
    _EVENTS.warning(message, extra={"fields": fields})


def error(message: str, /, **fields: Field) -> None:
    """Something is wrong that a person must look at."""
    _EVENTS.error(message, extra={"fields": fields})


def exception(message: str, /, **fields: Field) -> None:
    """An unexpected exception, with its stack; call it from the handler of that exception."""
    _EVENTS.exception(message, extra={"fields": fields})


def _clean(value: Field) -> Field:
    """The value as JSON can hold it."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

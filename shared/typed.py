"""Typed decoding that may begin in many threads at once: the only door to msgspec's decoders.

msgspec completes what it knows of a struct type at the type's first decoding and shows it to other threads before it
is complete: two threads that first decode related types at the same moment can crash the process (seen with 0.22). So
the first use of every type happens under one lock; after that it costs a set look-up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
Text = bytes | bytearray | memoryview | msgspec.Raw | str

_LOCK = threading.Lock()
_READY: set[Any] = set()


def from_json(data: Text, kind: type[T], *, strict: bool = True) -> T:
    """The JSON text as a value of the type.

    Raises msgspec.DecodeError (its ValidationError where only the type is wrong), UnicodeDecodeError, RecursionError.
    """
    return msgspec.json.decode(data, type=_ready(kind), strict=strict)


def from_plain(value: Any, kind: type[T], *, strict: bool = True, native: Iterable[type] | None = None) -> T:
    """The plain value as a value of the type; `native` types stand for themselves. Raises msgspec.ValidationError."""
    return msgspec.convert(value, _ready(kind), strict=strict, builtin_types=native)


def from_msgpack(data: bytes, kind: type[T]) -> T:
    """The msgpack bytes as a value of the type. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=_ready(kind))


def _ready(kind: type[T]) -> type[T]:
    if kind not in _READY:
        with _LOCK:
            msgspec.json.Decoder(kind)
            _READY.add(kind)
    return kind

"""What a document may hold, checked and copied into plain values before any adapter stores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shared.platform.limits import check_field
from shared.platform.ports import Body

MAX_BODY_BYTES: Final = 900 * 1024
"""The ports' limit; Firestore's own is 1 MiB with names and indexes counted in."""

MAX_DEPTH: Final = 20
"""Firestore nests mappings and lists no deeper."""

_INT64: Final = 2**63
_LAST_YEAR: Final = 9998


def plain_body(body: Body) -> dict[str, Any]:
    """A deep copy of `body` with datetimes in UTC and tuples as lists.

    Args:
        body: Field names to None, bool, int (64 bit), float, str, bytes, aware datetime (years 1 to 9998), list
            (never a list directly in a list) or string-keyed mapping; enumerations are not plain values.

    Raises:
        TypeError: A value of another type.
        ValueError: A value out of range, a naive datetime, a reserved field name, or too much of it.
    """
    copier = _Copier()
    copied = copier.mapping(body, depth=0)
    if copier.size > MAX_BODY_BYTES:
        raise ValueError(f"a document of {copier.size} bytes is over the limit of {MAX_BODY_BYTES}")
    return copied


class _Copier:
    """Copies values and adds up their size."""

    def __init__(self) -> None:
        self.size = 0

    def mapping(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        return {self.name(name): self.value(item, depth + 1) for name, item in value.items()}

    def name(self, name: str) -> str:
        if type(name) is not str:
            raise TypeError(f"a field name must be a string, not {type(name).__name__}")
        check_field(name)
        self.size += len(name.encode()) + 1
        return name

    def sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        if any(isinstance(item, list | tuple) for item in value):
            raise ValueError("Firestore keeps no list directly in a list")
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        return [self.value(item, depth + 1) for item in value]

    def value(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        if isinstance(value, list | tuple):
            return self.sequence(value, depth)
        if isinstance(value, datetime):
            return self.moment(value)
        return self.scalar(value)

    def moment(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone")
        moment = value.astimezone(UTC)
        if moment.year > _LAST_YEAR:
            raise ValueError(f"a datetime after the year {_LAST_YEAR}")
        self.size += 8
        return datetime(*moment.timetuple()[:6], moment.microsecond, tzinfo=UTC)

    def scalar(self, value: Any) -> Any:
        measure = _SCALARS.get(type(value))
        if measure is None:
            raise TypeError(f"a document holds no {type(value).__name__}")
        self.size += measure(value)
        return value


def _measure_int(value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise ValueError("an integer beyond 64 bits")
    return 8


_SCALARS: Final[dict[type, Callable[[Any], int]]] = {
    type(None): lambda _: 1,
    bool: lambda _: 1,
    int: _measure_int,
    float: lambda _: 8,
    str: lambda text: len(text.encode()) + 1,
    bytes: len,
}

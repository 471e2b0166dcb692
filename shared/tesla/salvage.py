"""Reading what can be read of a JSON tree that does not fit its model as a whole.

The model guides the walk: a part that converts is taken whole; a part that does not is entered if it is an
object, a list or a map, and given up otherwise. Each part is therefore converted at most once per level of
the model, whatever the answer holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from shared.typed import from_plain

LOST = object()
"""Stands for a part of which nothing could be read."""


class Salvage:
    """One walk over one tree; `lost` collects the dotted wire paths of the parts that were given up.

    Keys of maps are shown as ``[*]``: Tesla uses VINs as keys, and paths are meant for logs.
    """

    def __init__(self) -> None:
        self.lost: list[str] = []

    def read(self, value: object, kind: object, path: str = "") -> object:
        """The part of `value` that fits `kind`, or LOST.

        Args:
            value: A tree of JSON builtins.
            kind: A type as annotated in a model: a Struct, a scalar, a container, or a union of these.
            path: Where `value` stands.
        """
        try:
            return _accept(value, kind)
        except (msgspec.ValidationError, UnicodeEncodeError):
            return self._enter(value, kind, path)

    def _enter(self, value: object, kind: object, path: str) -> object:
        target = _container(kind)
        if isinstance(value, dict) and isinstance(target, type) and issubclass(target, msgspec.Struct):
            return target(**dict(self._fields(value, target, path)))
        if isinstance(value, dict) and get_origin(target) is dict:
            return dict(self._entries(value, get_args(target)[1], path))
        if isinstance(value, list) and get_origin(target) is tuple:
            return tuple(self._items(value, get_args(target)[0], path))
        self.lost.append(path)
        return LOST

    def _fields(self, value: dict[str, Any], model: type[msgspec.Struct], path: str) -> Iterator[tuple[str, object]]:
        for name, wire_name, kind in _fields_of(model):
            if wire_name in value:
                read = self.read(value[wire_name], kind, f"{path}.{wire_name}" if path else wire_name)
                if read is not LOST:
                    yield name, read

    def _entries(self, value: dict[str, Any], kind: object, path: str) -> Iterator[tuple[str, object]]:
        for key, entry in value.items():
            name, read = self.read(key, str, f"{path}[*]"), self.read(entry, kind, f"{path}[*]")
            if isinstance(name, str) and read is not LOST:
                yield name, read

    def _items(self, value: list[Any], kind: object, path: str) -> Iterator[object]:
        for index, item in enumerate(value):
            read = self.read(item, kind, f"{path}[{index}]")
            if read is not LOST:
                yield read


def _accept(value: object, kind: Any) -> object:
    """`value` as `kind`. It must be writable as JSON again, which half a surrogate pair is not."""
    converted: object = from_plain(value, kind, strict=False)
    msgspec.json.encode(converted)
    return converted


@cache
def _fields_of(model: type[msgspec.Struct]) -> tuple[tuple[str, str, object], ...]:
    return tuple((field.name, field.encode_name, field.type) for field in msgspec.structs.fields(model))


@cache
def _container(kind: object) -> object:
    """The Struct, tuple or dict inside an optional type; the type itself when it is none of these."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    return next((part for part in get_args(kind) if part is not type(None)), kind)

"""What a type looks like when it is written: an example with every field, and which fields and values it insists on.

A path names a field from the top, such as ``notes[].module``; ``{}`` stands for the values of a mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, Final

import msgspec
from msgspec import inspect

_MOMENT: Final = datetime(2025, 6, 1, 12, 30, 15, 250_000, tzinfo=UTC)
_SIMPLE: Final[dict[type[inspect.Type], Any]] = {
    inspect.AnyType: None,
    inspect.BoolType: True,
    inspect.BytesType: b"sealed \x00\xff",
    inspect.DateType: _MOMENT.date(),
    inspect.DateTimeType: _MOMENT,
    inspect.FloatType: 1.5,
    inspect.IntType: 7,
    inspect.NoneType: None,
    inspect.RawType: {"response": {"count": 1}},
    inspect.StrType: "text",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One field of one struct that a type is made of."""

    path: str
    field: inspect.Field
    struct: inspect.StructType

    @property
    def written(self) -> bool:
        """Whether every writer puts it there."""
        config: Any = self.struct.cls.__struct_config__
        return self.field.required or not config.omit_defaults


def example(kind: Any) -> Any:
    """Plain data with every field of the type set. Raises KeyError for a type that is not known here."""
    return _example(inspect.type_info(kind))


def places(kind: Any) -> list[Place]:
    """Every field of the type and of what it is made of."""
    return list(_places(inspect.type_info(kind), ""))


def field_paths(kind: Any) -> list[str]:
    """Path of every field."""
    return sorted({place.path for place in places(kind)})


def required(kind: Any) -> list[str]:
    """Fields without which the type cannot be read."""
    return sorted({place.path for place in places(kind) if place.field.required})


def choices(kind: Any) -> dict[str, list[str]]:
    """Path -> the values that the type knows, where they are few."""
    found = {place.path: _choices(place.field.type) for place in places(kind)}
    return {path: values for path, values in sorted(found.items()) if values}


def grown(kind: Any, value: Any) -> Any:
    """The data as a newer release might write it: every struct in it has one field more."""
    return _grown(inspect.type_info(kind), value)


def _example(kind: inspect.Type) -> Any:
    if type(kind) in _SIMPLE:
        return _SIMPLE[type(kind)]
    return _COMPOSED[type(kind)](kind)


def _of_struct(kind: Any) -> Any:
    fields = {field.encode_name: _example(field.type) for field in kind.fields}
    if kind.array_like:
        return list(fields.values())
    return ({kind.tag_field: kind.tag} if kind.tag_field else {}) | fields


_COMPOSED: Final[dict[type[inspect.Type], Callable[[Any], Any]]] = {
    inspect.DictType: lambda kind: {_example(kind.key_type): _example(kind.value_type)},
    inspect.EnumType: lambda kind: next(iter(kind.cls)).value,
    inspect.FrozenSetType: lambda kind: [_example(kind.item_type)],
    inspect.ListType: lambda kind: [_example(kind.item_type)],
    inspect.LiteralType: lambda kind: kind.values[0],
    inspect.StructType: _of_struct,
    inspect.TupleType: lambda kind: [_example(each) for each in kind.item_types],
    inspect.UnionType: lambda kind: _example(_likeliest(kind)),
    inspect.VarTupleType: lambda kind: [_example(kind.item_type)],
}


def _likeliest(kind: inspect.UnionType) -> inspect.Type:
    """The alternative that is shown: any but None."""
    return next(each for each in kind.types if not isinstance(each, inspect.NoneType))


def _places(kind: inspect.Type, path: str) -> Iterator[Place]:
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            inner = f"{path}.{field.encode_name}".lstrip(".")
            yield Place(inner, field, kind)
            yield from _places(field.type, inner)
    for mark, part in _parts(kind):
        yield from _places(part, path + mark)


def _parts(kind: inspect.Type) -> Iterator[tuple[str, inspect.Type]]:
    """The types inside one that is no struct, each with its mark in a path."""
    if isinstance(kind, inspect.UnionType):
        yield from (("", each) for each in kind.types)
    elif isinstance(kind, inspect.DictType):
        yield "{}", kind.value_type
    elif isinstance(kind, inspect.TupleType):
        yield from (("[]", each) for each in kind.item_types)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.FrozenSetType):
        yield "[]", kind.item_type


def _choices(kind: inspect.Type) -> list[str]:
    if isinstance(kind, inspect.LiteralType):
        return sorted(map(str, kind.values))
    if isinstance(kind, inspect.EnumType):
        return sorted(str(each.value) for each in kind.cls)
    return [value for _mark, part in _parts(kind) if isinstance(kind, inspect.UnionType) for value in _choices(part)]


def _grown(kind: inspect.Type, value: Any) -> Any:
    if isinstance(kind, inspect.UnionType):
        return _grown(_likeliest(kind), value)
    if isinstance(kind, inspect.StructType):
        return _grown_struct(kind, value)
    if isinstance(kind, inspect.DictType):
        return {key: _grown(kind.value_type, each) for key, each in value.items()}
    if isinstance(value, list):
        inner = kind.item_types if isinstance(kind, inspect.TupleType) else [part for _mark, part in _parts(kind)]
        return [_grown(part, each) for part, each in zip(cycle(inner), value, strict=False)]
    return value


def _grown_struct(kind: inspect.StructType, value: Any) -> Any:
    if kind.array_like:
        items = [_grown(field.type, each) for field, each in zip(kind.fields, value, strict=False)]
        # Fields that are new today come before any that is newer still.
        return [*items, *(_example(field.type) for field in kind.fields[len(value) :]), "of a newer release"]
    inner = {field.encode_name: field.type for field in kind.fields}
    known = {name: _grown(inner[name], each) if name in inner else each for name, each in value.items()}
    return {**known, "of_a_newer_release": {"any": ["thing"]}}


def is_open(kind: type[msgspec.Struct]) -> bool:
    """Whether the type ignores fields that it does not know."""
    config: Any = kind.__struct_config__
    return not config.forbid_unknown_fields

"""Document bodies as Firestore's protobuf values and back, without loss.

Works on the bare protobuf classes: their proto-plus wrappers cost several times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

Message = Any
"""A protobuf message; the package ships no types for them."""


def fill_value(target: Message, value: Any) -> None:
    """Set a ``google.firestore.v1.Value`` to a plain value (`shared.platform.bodies`)."""
    _FILLERS[type(value)](target, value)


def fill_fields(target: Message, body: Mapping[str, Any]) -> None:
    """Set a protobuf map of field names to values."""
    for name, value in body.items():
        fill_value(target[name], value)


def plain_fields(fields: Mapping[str, Message]) -> dict[str, Any]:
    """The body in a protobuf map of field names to values."""
    return {name: _plain(value) for name, value in fields.items()}


def value_message(value: Any) -> Message:
    """A ``google.firestore.v1.Value`` of a plain value."""
    from google.cloud.firestore_v1.types import Value

    message = Value.pb()()
    fill_value(message, value)
    return message


def _fill_list(target: Message, value: list[Any]) -> None:
    target.array_value.SetInParent()
    for item in value:
        fill_value(target.array_value.values.add(), item)


def _fill_mapping(target: Message, value: dict[str, Any]) -> None:
    target.map_value.SetInParent()
    fill_fields(target.map_value.fields, value)


def _setter(kind: str) -> Callable[[Message, Any], None]:
    def fill(target: Message, value: Any) -> None:
        setattr(target, kind, value)

    return fill


def _fill_null(target: Message, _: None) -> None:
    target.null_value = 0


def _fill_moment(target: Message, value: datetime) -> None:
    target.timestamp_value.SetInParent()
    target.timestamp_value.FromDatetime(value)


_FILLERS: Final[dict[type, Callable[[Message, Any], None]]] = {
    type(None): _fill_null,
    bool: _setter("boolean_value"),
    int: _setter("integer_value"),
    float: _setter("double_value"),
    str: _setter("string_value"),
    bytes: _setter("bytes_value"),
    datetime: _fill_moment,
    list: _fill_list,
    dict: _fill_mapping,
}


def _plain(message: Message) -> Any:
    kind = message.WhichOneof("value_type")
    convert = _CONVERSIONS.get(kind)
    value = getattr(message, kind)
    return value if convert is None else convert(value)


_CONVERSIONS: Final[dict[str, Callable[[Message], Any]]] = {
    "null_value": lambda _: None,
    "timestamp_value": lambda moment: moment.ToDatetime(tzinfo=UTC),
    "array_value": lambda array: [_plain(item) for item in array.values],
    "map_value": lambda mapping: plain_fields(mapping.fields),
}

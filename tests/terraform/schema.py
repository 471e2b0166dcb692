"""The provider's schema: where it is stored, and how it is said in Terraform's plugin protocol (version 6).

Only the few messages that carry a schema are written, field by field: ``tfplugin6.proto`` is stable and public, and
the project needs no generated code for it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
TERRAFORM: Final = ROOT / "terraform"
SCHEMA: Final = Path(__file__).with_name("schema.json")

_NESTING: Final = {"single": 1, "list": 2, "set": 3}
_COMPUTED: Final = 6
_FLAGS: Final[dict[str, tuple[int, ...]]] = {"required": (4,), "optional": (5, _COMPUTED), "computed": (_COMPUTED,)}
"""Numbers of the fields `required`, `optional` and `computed` that are true for an attribute of that kind."""

Block = dict[str, Any]


@cache
def load() -> dict[str, Any]:
    """The stored schema: ``provider`` is a block, ``resources`` and ``data`` are type -> block."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text())
    return schema


def field(number: int, value: bytes | str | int) -> bytes:
    """One protobuf field: bytes and strings with their length, integers as varint."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def read_fields(message: bytes) -> dict[int, bytes | int]:
    """Number -> last value of each field of a message of varints, strings and messages. Raises ValueError."""
    found: dict[int, bytes | int] = {}
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag & 7 == 2:
            found[tag >> 3] = message[at : at + value]
            at += value
        elif tag & 7 == 0:
            found[tag >> 3] = value
        else:
            raise ValueError(f"unexpected wire type {tag & 7}")
    return found


@cache
def schema_answer() -> bytes:
    """The answer ``GetProviderSchema.Response``."""
    schema = load()
    provider = field(1, field(2, _block(schema["provider"], provider=True)))
    resources = [field(2, _entry(name, block)) for name, block in schema["resources"].items()]
    data = [field(3, _entry(name, block)) for name, block in schema["data"].items()]
    return provider + b"".join(resources + data) + field(6, field(2, 1))


def _entry(name: str, block: Block) -> bytes:
    return field(1, name) + field(2, field(2, _block(block)))


def _block(block: Block, *, provider: bool = False) -> bytes:
    attributes = [field(2, _attribute(name, *each, provider=provider)) for name, each in block["attributes"].items()]
    blocks = [field(3, _nested(name, each, provider=provider)) for name, each in block["blocks"].items()]
    return b"".join(attributes + blocks)


def _attribute(name: str, kind: Any, flags: str, *, provider: bool) -> bytes:
    # What configures a provider is never computed.
    numbers = [number for number in _FLAGS[flags] if not (provider and number == _COMPUTED)]
    return field(1, name) + field(2, json.dumps(kind)) + b"".join(field(number, 1) for number in numbers)


def _nested(name: str, nested: dict[str, Any], *, provider: bool) -> bytes:
    limits = field(4, nested["min"]) + field(5, nested["max"])
    block = field(2, _block(nested["block"], provider=provider))
    return field(1, name) + block + field(3, _NESTING[nested["nesting"]]) + limits


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while message[at] & 0x80:
        value |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1

"""From the bytes of a Tesla answer to a typed model: the one place where Tesla's JSON is read.

Good answers take the fast path, straight from bytes into the model. When msgspec objects, the answer is
parsed once into plain objects and read part by part (`shared.tesla.salvage`): a wrong field costs that field
only, and `Decoded.lost` names it. Tesla wraps payloads as ``{"response": X}``, ``{"response": {"response":
X}}`` or not at all, and the same endpoint has been seen with more than one of them; every model accepts all
three.
"""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

import msgspec

from shared.tesla.salvage import Salvage
from shared.tesla.wire import WireModel
from shared.typed import from_json

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_LOST_PATHS = 200
MAX_WRAPPERS = 3
MAX_INT_DIGITS = 40

T = TypeVar("T", bound=WireModel)


class Undecodable(Exception):
    """Nothing of the model could be read. The message names model and position and never quotes the answer.

    Attributes:
        model: Name of the model that was asked for.
        position: ``$``-path or character of the JSON that stopped the reading.
        reason: Why, in a few words.
    """

    def __init__(self, model: type[WireModel], reason: str, position: str = "$") -> None:
        super().__init__(f"{model.__name__}: {reason} at {position}")
        self.model = model.__name__
        self.reason = reason
        self.position = position


class Decoded(msgspec.Struct, Generic[T], frozen=True):
    """A model and the dotted wire paths of what had to be dropped to read it (at most `MAX_LOST_PATHS`).

    Paths are relative to the payload inside the wrapper: ``charge_state.battery_level``,
    ``data[3].fees[0].rateBase``.
    """

    value: T
    lost: tuple[str, ...] = ()


class _Envelope(msgspec.Struct, frozen=True):
    response: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def decode(body: bytes | msgspec.Raw, model: type[T]) -> Decoded[T]:
    """Read `body` as `model`.

    Booleans and numbers in strings are parsed (``"false"`` is False); an integral float is an integer.

    Raises:
        Undecodable: `body` is no JSON, is too long or nested too deeply, is null or of another kind than the model,
            or holds nothing the model knows (unless the model may be empty).
    """
    raw = bytes(body)
    if len(raw) > MAX_BODY_BYTES:
        raise Undecodable(model, f"longer than {MAX_BODY_BYTES} bytes")
    try:
        return _decode_fast(raw, model) or _decode_carefully(raw, model)
    except RecursionError:
        raise Undecodable(model, "nested too deeply") from None


def unwrap(body: bytes, model: type[WireModel]) -> bytes:
    """The payload of `body` inside its wrappers, as JSON text that `model` can be decoded from.

    Raises:
        msgspec.DecodeError: `body` is no JSON.
    """
    for _ in range(MAX_WRAPPERS):
        if not _begins(body, b"{"):
            break
        inner = from_json(body, _Envelope).response
        if isinstance(inner, msgspec.UnsetType) or (model.wire_list and _begins(bytes(inner), b"[")):
            break
        body = bytes(inner)
    return b'{"response":' + body + b"}" if model.wire_list and _begins(body, b"[") else body


def _begins(body: bytes, bracket: bytes) -> bool:
    return body.lstrip()[:1] == bracket


def _decode_fast(raw: bytes, model: type[T]) -> Decoded[T] | None:
    """The model straight from bytes, or None where only the careful path can tell."""
    if model.wire_spread:
        return None
    try:
        value = from_json(unwrap(raw, model), model, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if value == model() else Decoded(value)


def _decode_carefully(raw: bytes, model: type[T]) -> Decoded[T]:
    tree = _unwrap_tree(_parse(raw, model), model)
    if not isinstance(tree, dict):
        raise Undecodable(model, f"expected an object, found {_kind_of(tree)}")
    walk = Salvage()
    value = walk.read(tree, model)
    if not isinstance(value, model) or (value == model() and (walk.lost or not _says_nothing(tree, model))):
        raise Undecodable(model, "nothing readable in it")
    return Decoded(value, tuple(walk.lost[:MAX_LOST_PATHS]))


def _parse(raw: bytes, model: type[WireModel]) -> object:
    """The tree of `raw`, with the standard parser: it reads NaN and endless numbers, to be given up one by one."""
    text = raw.decode("utf-8-sig", errors="replace")
    try:
        return json.loads(text, parse_int=_bounded_int)
    except json.JSONDecodeError as error:
        raise Undecodable(model, "no JSON", f"character {error.pos}") from None


def _bounded_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_INT_DIGITS else float("inf")


def _unwrap_tree(tree: Any, model: type[WireModel]) -> object:
    beside: dict[str, object] = {}
    for _ in range(MAX_WRAPPERS):
        if not isinstance(tree, dict) or "response" not in tree:
            break
        if model.wire_list and isinstance(tree["response"], list):
            break
        beside |= tree
        tree = tree["response"]
    return _shape(tree, beside if model.wire_spread else {}, model)


def _shape(tree: object, beside: dict[str, object], model: type[WireModel]) -> object:
    """`tree` as the object the model expects, with the fields that stood `beside` a wrapper where it lacks them."""
    if isinstance(tree, list) and model.wire_list:
        return {"response": tree}
    if isinstance(tree, str) and model.wire_text_field:
        return {model.wire_text_field: tree}
    if isinstance(tree, dict):
        return beside | {name: value for name, value in tree.items() if value is not None or name not in beside}
    return tree


def _says_nothing(tree: dict[str, object], model: type[WireModel]) -> bool:
    """Whether an answer without any value is one all the same: known fields are null, or the model may be empty."""
    known = {field.encode_name for field in msgspec.structs.fields(model)}
    return (model.wire_may_be_empty and not tree) or not known.isdisjoint(tree)


def _kind_of(tree: object) -> str:
    if tree is None:
        return "null"
    return "a list" if isinstance(tree, list) else "a plain value"

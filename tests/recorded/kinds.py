"""Every type that one release writes and another reads: documents, messages, and what is packed into either or into
objects. They are read from the code, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from shared import handlers
from shared.edge.push import PushHandler
from shared.typed import from_json, from_msgpack, from_plain
from tests.recorded.shape import field_paths
from tests.terraform.schema import ROOT
from tests.terraform.stored import all_kept

_OURS: Final = ("accounts", "energy", "orders", "reports", "edge/idempotency.py")
"""Parts of `shared/` that decode what we wrote ourselves; the others decode what callers, Google and Tesla write."""

_ENCODE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "document": lambda value: value,
    "from_json": msgspec.json.encode,
    "from_msgpack": msgspec.msgpack.encode,
}
_DECODE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "document": lambda data, kind: from_plain(data, kind, native=(bytes, datetime)),
    "from_json": from_json,
    "from_msgpack": from_msgpack,
}


@dataclass(frozen=True)
class Kind:
    """A type, what it is written as (`document`, or the function that reads it), and a name that lasts."""

    name: str
    type: Any
    form: str

    def read(self, plain: Any) -> Any:
        """Plain data through the bytes that are stored, as a value of the type. Raises msgspec.ValidationError."""
        return _DECODE[self.form](_ENCODE[self.form](plain), self.type)


@cache
def kinds() -> dict[str, Kind]:
    """Name -> type. Raises LookupError for one that cannot be told from the source."""
    packed = (kind for kind in _packed() if field_paths(kind.type))
    return {kind.name: kind for kind in (*_documents(), *_messages(), *packed)}


def _documents() -> Iterator[Kind]:
    for kept in all_kept():
        yield Kind(f"document.{kept.name}.{kept.model.__name__}", kept.model, "document")


def _messages() -> Iterator[Kind]:
    """The message of each handler of a topic."""
    for _name, function in inspect.getmembers(handlers, inspect.isfunction):
        answer = get_type_hints(function).get("return")
        if get_origin(answer) is PushHandler:
            (message,) = get_args(answer)
            yield Kind(f"message.{message.__name__}", message, "from_json")


def _packed() -> Iterator[Kind]:
    """What is decoded anywhere else, by the type that the decoder is given."""
    for part in _OURS:
        path = ROOT / "shared" / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield from _packed_in(file)


def _packed_in(file: Path) -> Iterator[Kind]:
    tree = ast.parse(file.read_text())
    for call, owner in _decodings(tree):
        text = owner if ast.unparse(call.args[1]) == "cls" else ast.unparse(call.args[1])
        module = import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        holder = type("Holder", (), {"__annotations__": {"kind": text}})
        kind = get_type_hints(holder, vars(module))["kind"]
        name = re.sub(r"\W+", "-", text).strip("-")
        yield Kind(f"packed.{name}", kind, ast.unparse(call.func))


def _decodings(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Each call of a decoder, with the class that it stands in, if any."""
    for top in tree.body:
        for node in ast.walk(top):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in _DECODE:
                yield node, top.name if isinstance(top, ast.ClassDef) else ""

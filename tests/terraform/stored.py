"""What the code stores: collections, the types of their documents, fields that no index needs, and which expire.

Read from the source: each ``Collection(store, "name", Model)``, with the fields of each ``Model``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from shared.edge.idempotency import COLLECTION
from shared.platform.limits import WRITE_FIELD
from tests.terraform.schema import ROOT

_ONCE = ("claims", COLLECTION)
"""The collections that `once.py` is given."""


@dataclass(slots=True)
class Stored:
    """A collection's fields without an index, and whether documents carry `expires_at`."""

    unindexed: set[str] = field(default_factory=set)
    expires: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A collection that a class keeps: where (``self._orders``), its name, and the type of its documents."""

    where: str
    name: str
    model: type[msgspec.Struct]


@cache
def stored_collections() -> dict[str, Stored]:
    """Collection -> what is stored in it, by all its types. Raises LookupError for a name that cannot be told."""
    found: dict[str, Stored] = {}
    for kept in all_kept():
        stored = found.setdefault(kept.name, Stored({WRITE_FIELD}))
        kinds = {each.encode_name: each.type for each in msgspec.structs.fields(kept.model)}
        stored.unindexed |= {name for name, kind in kinds.items() if kind in (bytes, bytes | None)}
        stored.expires |= "expires_at" in kinds
    return found


def all_kept() -> list[Kept]:
    """Every collection of every class. Raises LookupError."""
    return [kept for path in sorted((ROOT / "shared").rglob("*.py")) for kept in kept_in(path)]


def kept_in(path: Path) -> Iterator[Kept]:
    """The collections that the classes of a source file keep. Raises LookupError."""
    tree = ast.parse(path.read_text())
    for target, value in assignments(tree):
        call = value.body if isinstance(value, ast.IfExp) else value
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Collection":
            module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            model = getattr(module, ast.unparse(call.args[2]))
            yield from (Kept(ast.unparse(target), name, model) for name in _names(call, module))


def _names(call: ast.Call, module: Any) -> Iterator[str]:
    name = call.args[1]
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield name.value
    elif isinstance(name, ast.Name) and isinstance(getattr(module, name.id, None), str):
        yield getattr(module, name.id)
    elif ast.unparse(call.args[2]) == "Record":
        yield from _ONCE
    else:
        raise LookupError(f"cannot tell the collection of {ast.unparse(call)}")


def assignments(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Every target with its value; what is assigned side by side is taken apart."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            yield node.target, node.value
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        yield target, value

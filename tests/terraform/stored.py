"""What the code stores: collections, their fields that no index needs, and whether their documents expire.

Read from the source: each ``Collection(store, "name", Model)`` and the fields of each ``Model``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

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


@cache
def stored_collections() -> dict[str, Stored]:
    """Collection -> what is stored in it. Raises LookupError for a collection whose name is computed elsewhere."""
    nodes = [node for path in (ROOT / "shared").rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    models = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "Collection"]
    return {name: _stored(models[ast.unparse(call.args[2])]) for call in calls for name in _names(call)}


def _names(call: ast.Call) -> Iterator[str]:
    name = call.args[1]
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield name.value
    elif ast.unparse(call.args[2]) == "Record":
        yield from _ONCE
    else:
        raise LookupError(f"cannot tell the collection of {ast.unparse(call)}")


def _stored(model: ast.ClassDef) -> Stored:
    kinds = {
        ast.unparse(each.target): ast.unparse(each.annotation)
        for each in model.body
        if isinstance(each, ast.AnnAssign)
    }
    big = {name for name, kind in kinds.items() if kind == "bytes" or kind.startswith("bytes |")}
    return Stored(big | {WRITE_FIELD}, "expires_at" in kinds)

"""What the code asks of the document store, and which composite index Firestore needs for it.

Read from the source: each ``.find([Where(...), ...], order_by=...)`` on a collection that a class keeps. Firestore
answers equalities of any number of fields, and a range or an order of one field, from the indexes that it makes by
itself; equalities beside an order of another field need a composite index. Its emulator needs none, so nothing but
this tells that one is missing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.terraform.schema import ROOT
from tests.terraform.stored import assignments, kept_in

_OWNER = "shared/platform/documents.py"
"""The one module that may ask the store itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question: fields that are equal to something, and the field that orders it (and may have a range)."""

    collection: str
    equal: frozenset[str] = frozenset()
    order_by: str | None = None

    @property
    def fields(self) -> frozenset[str]:
        """Every field that an index has to hold."""
        return self.equal | ({self.order_by} if self.order_by else set())

    @property
    def index(self) -> tuple[str, ...]:
        """Fields of the composite index that it needs, all ascending; empty where it needs none."""
        others = self.equal - {self.order_by}
        return (*sorted(others), self.order_by) if self.order_by and others else ()


@cache
def queries() -> frozenset[Query]:
    """Every question in the code. Raises LookupError for one that cannot be told from the source."""
    paths = [path for path in (ROOT / "shared").rglob("*.py") if path != ROOT / _OWNER]
    return frozenset(query for path in paths for query in queries_in(path))


def queries_in(path: Path) -> Iterator[Query]:
    """The questions in one source file. Raises LookupError."""
    kept: dict[str, list[str]] = {}
    for each in kept_in(path):
        kept.setdefault(each.where, []).append(each.name)
    for function in _functions(path):
        for owner, call in _finds(function):
            if owner in kept:
                yield from _queries(call, function, kept[owner])


def _functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


def _finds(function: ast.FunctionDef) -> Iterator[tuple[str, ast.Call]]:
    """Each call of a method `find`, with what it is a method of."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "find":
            yield ast.unparse(node.func.value), node


def _queries(call: ast.Call, function: ast.FunctionDef, collections: Sequence[str]) -> Iterator[Query]:
    conditions = _conditions(call, function)
    ordered = [_text(each.value, call) for each in call.keywords if each.arg == "order_by"]
    equal = frozenset(field for field, operator in conditions if operator == "==")
    for name in collections:
        yield Query(name, equal, ordered[0] if ordered else None)


def _conditions(call: ast.Call, function: ast.FunctionDef) -> list[tuple[str, str]]:
    """(field, operator) of each condition, also where the list has a name in the same function."""
    given = call.args[0]
    found = [given] if isinstance(given, ast.List | ast.Tuple) else _lists_named(ast.unparse(given), function)
    elements = [element for each in found for element in each.elts]
    calls = [each for each in elements if isinstance(each, ast.Call) and ast.unparse(each.func) == "Where"]
    if not found or len(calls) != len(elements):
        raise LookupError(f"cannot tell the conditions of {ast.unparse(call)}")
    return [(_text(each.args[0], call), _text(each.args[1], call)) for each in calls]


def _lists_named(name: str, function: ast.FunctionDef) -> list[ast.List | ast.Tuple]:
    found = [value for target, value in assignments(function) if ast.unparse(target) == name]
    return [value for value in found if isinstance(value, ast.List | ast.Tuple)]


def _text(node: ast.expr, call: ast.Call) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise LookupError(f"cannot tell {ast.unparse(node)} in {ast.unparse(call)}")

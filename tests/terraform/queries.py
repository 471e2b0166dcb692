"""What the code asks of the document store, and which composite index Firestore needs for it.

Read from the source: each ``.find([Where(...), ...], order_by=...)`` on a collection that a class keeps, and each
``.query("collection", [Where(...), ...], order_by=..., descending=...)`` on the store that it was given. Firestore
answers equalities of any number of fields, and a range or an order of one field, from the indexes that it makes by
itself; equalities beside an order of another field need a composite index, of the same direction. Its emulator needs
none, so nothing but this tells that one is missing.
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
"""It asks the store for those who keep collections."""
_STORE = "self._store"
_DIRECTIONS = {False: "ASCENDING", True: "DESCENDING"}


@dataclass(frozen=True, slots=True)
class Query:
    """One question: fields that are equal to something, and the field that orders it (and may have a range)."""

    collection: str
    equal: frozenset[str] = frozenset()
    order_by: str | None = None
    descending: bool = False

    @property
    def fields(self) -> frozenset[str]:
        """Every field that an index has to hold."""
        return self.equal | ({self.order_by} if self.order_by else set())

    @property
    def index(self) -> tuple[tuple[str, str], ...]:
        """Fields of the composite index that it needs, each with its direction; empty where it needs none."""
        others = self.equal - {self.order_by}
        if not self.order_by or not others:
            return ()
        return (
            *((each, _DIRECTIONS[False]) for each in sorted(others)),
            (self.order_by, _DIRECTIONS[self.descending]),
        )


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
        for owner, call in _calls_of("find", function):
            if owner in kept:
                yield from _queries(call, call.args[0], function, kept[owner])
        for owner, call in _calls_of("query", function):
            if owner == _STORE:
                yield from _queries(call, call.args[1], function, [_text(call.args[0], call)])


def _functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


def _calls_of(method: str, function: ast.FunctionDef) -> Iterator[tuple[str, ast.Call]]:
    """Each call of a method of that name, with what it is a method of."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            yield ast.unparse(node.func.value), node


def _queries(
    call: ast.Call, where: ast.expr, function: ast.FunctionDef, collections: Sequence[str]
) -> Iterator[Query]:
    ordered = [_text(each.value, call) for each in call.keywords if each.arg == "order_by"]
    descending = any(each.arg == "descending" and ast.unparse(each.value) == "True" for each in call.keywords)
    for conditions in _conditions(call, where, function):
        equal = frozenset(field for field, operator in conditions if operator == "==")
        for name in collections:
            yield Query(name, equal, ordered[0] if ordered else None, descending)


def _conditions(call: ast.Call, where: ast.expr, function: ast.FunctionDef) -> Iterator[list[tuple[str, str]]]:
    """(field, operator) of each condition, for each list that may be meant; also where it has a name in the function.

    Raises LookupError.
    """
    lists = list(_lists(where)) or _lists_named(ast.unparse(where), function)
    if not lists:
        raise LookupError(f"cannot tell the conditions of {ast.unparse(call)}")
    for each in lists:
        calls = [one for one in each.elts if isinstance(one, ast.Call) and ast.unparse(one.func) == "Where"]
        if len(calls) != len(each.elts):
            raise LookupError(f"cannot tell the conditions of {ast.unparse(call)}")
        yield [(_text(one.args[0], call), _text(one.args[1], call)) for one in calls]


def _lists_named(name: str, function: ast.FunctionDef) -> list[ast.List | ast.Tuple]:
    named = [value for target, value in assignments(function) if ast.unparse(target) == name]
    return [each for value in named for each in _lists(value)]


def _lists(value: ast.expr) -> Iterator[ast.List | ast.Tuple]:
    """The list that is written there, or both of a choice."""
    if isinstance(value, ast.IfExp):
        yield from _lists(value.body)
        yield from _lists(value.orelse)
    elif isinstance(value, ast.List | ast.Tuple):
        yield value


def _text(node: ast.expr, call: ast.Call) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise LookupError(f"cannot tell {ast.unparse(node)} in {ast.unparse(call)}")

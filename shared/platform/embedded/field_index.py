"""The index of top-level fields: how it is written and how a query walks it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.platform.cursors import Position
from shared.platform.embedded.ordering import comparable_range, sort_key
from shared.platform.ports import Where

Row = tuple[bytes, str, str, bytes]
"""Sort key (empty without an order), key, version, body."""

_BY_FIELD: Final = """
    SELECT f.value, d.key, d.version, d.body FROM fields f
    JOIN documents d ON d.collection = f.collection AND d.key = f.key
    WHERE f.collection = ? AND f.name = ?
"""
_BY_KEY: Final = "SELECT x'', d.key, d.version, d.body FROM documents d WHERE d.collection = ?"
_EQUAL: Final = """
    EXISTS (SELECT 1 FROM fields e WHERE e.collection = ? AND e.name = ? AND e.value = ? AND e.key = d.key)
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """A checked query and where to go on."""

    collection: str
    where: Sequence[Where]
    order_by: str | None
    descending: bool
    after: Position | None


def index_fields(connection: sqlite3.Connection, collection: str, key: str, body: Mapping[str, Any]) -> None:
    """Make the index say what `body` says, inside the caller's transaction."""
    connection.execute("DELETE FROM fields WHERE collection = ? AND key = ?", (collection, key))
    rows = [(collection, name, sort_key(value), key) for name, value in body.items()]
    connection.executemany("INSERT INTO fields VALUES (?, ?, ?, ?)", rows)


def select(connection: sqlite3.Connection, selection: Selection, limit: int) -> list[Row]:
    """Up to `limit` rows in the selection's order."""
    statement = _Statement()
    if selection.order_by is None:
        statement.add(_BY_KEY, selection.collection)
    else:
        statement.add(_BY_FIELD, selection.collection, selection.order_by)
    for condition in selection.where:
        _add_condition(statement, condition, selection.collection)
    _add_position(statement, selection)
    statement.conditions.append(_order(selection))
    parameters = [*statement.parameters, limit]
    return connection.execute(statement.text(), parameters).fetchall()


@dataclass(slots=True)
class _Statement:
    """SQL put together from fixed pieces; every value is a parameter."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, condition: str, *parameters: Any) -> None:
        self.conditions.append(condition)
        self.parameters.extend(parameters)

    def text(self) -> str:
        *conditions, order = self.conditions
        return " AND ".join(conditions) + order


def _add_condition(statement: _Statement, condition: Where, collection: str) -> None:
    value = sort_key(condition.value)
    if condition.operator == "==":
        statement.add(_EQUAL, collection, condition.field, value)
        return
    lowest, beyond = comparable_range(condition.value)
    statement.add("f.value >= ? AND f.value < ?", lowest, beyond)
    statement.add(f"f.value {condition.operator} ?", value)


def _add_position(statement: _Statement, selection: Selection) -> None:
    after = selection.after
    if after is None:
        return
    beyond = "<" if selection.descending else ">"
    if selection.order_by is None:
        statement.add(f"d.key {beyond} ?", after.key)
    else:
        statement.add(f"(f.value, f.key) {beyond} (?, ?)", after.value, after.key)


def _order(selection: Selection) -> str:
    direction = "DESC" if selection.descending else "ASC"
    columns = ("d.key",) if selection.order_by is None else ("f.value", "f.key")
    return " ORDER BY " + ", ".join(f"{column} {direction}" for column in columns) + " LIMIT ?"

"""A port's query as a Firestore ``StructuredQuery``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.platform.gcp.values import Message, value_message
from shared.platform.ports import Where

KEY_ONLY: Final = b""
"""The position's value in a query without an order: no protobuf value of a document is empty."""

_OPERATORS: Final = {
    "==": "EQUAL",
    "<": "LESS_THAN",
    "<=": "LESS_THAN_OR_EQUAL",
    ">": "GREATER_THAN",
    ">=": "GREATER_THAN_OR_EQUAL",
}


def structured_query(
    collection: str, where: Sequence[Where], order_by: str | None, limit: int, *, descending: bool
) -> Message:
    """The protobuf query: every condition, by `order_by`, then key, both in one direction."""
    from google.cloud.firestore_v1.types import StructuredQuery

    query = StructuredQuery.pb()()
    query.from_.add(collection_id=collection)
    for condition in where:
        _add(query.where.composite_filter, condition)
    if where:
        query.where.composite_filter.op = StructuredQuery.CompositeFilter.Operator.AND
    direction = StructuredQuery.Direction.DESCENDING if descending else StructuredQuery.Direction.ASCENDING
    for field in (order_by, "__name__"):
        if field is not None:
            query.order_by.add(field={"field_path": field}, direction=direction)
    query.limit.value = limit
    return query


def _add(composite: Message, condition: Where) -> None:
    """Add one condition; null and NaN have operators of their own."""
    from google.cloud.firestore_v1.types import StructuredQuery

    added = composite.filters.add()
    unary = StructuredQuery.UnaryFilter.Operator
    if condition.value is None or condition.value != condition.value:
        added.unary_filter.op = unary.IS_NULL if condition.value is None else unary.IS_NAN
        added.unary_filter.field.field_path = condition.field
        return
    added.field_filter.field.field_path = condition.field
    added.field_filter.op = getattr(StructuredQuery.FieldFilter.Operator, _OPERATORS[condition.operator])
    added.field_filter.value.CopyFrom(value_message(condition.value))

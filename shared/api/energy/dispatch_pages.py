"""Long lists about one dispatch in pieces: whoever goes on names where the piece before ended.

They grow with the event, not with time, and are read as a whole; what grows with time is paged by the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import msgspec

from shared.api.energy.failures import CURSOR_INVALID
from shared.edge.problems import Problem

T = TypeVar("T")
Cursor = Annotated[str, msgspec.Meta(max_length=100)]
StoreCursor = Annotated[str, msgspec.Meta(max_length=500)]
"""Of a list that the store pages; it holds where the store stopped."""


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on (`next_cursor` of the page before), and how many to give."""

    cursor: Cursor = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1000


def page(rows: Sequence[T], query: PageQuery, name: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """A piece of the rows behind the one that the cursor names, and the cursor of the next piece, None at the end.

    Raises Problem where no row has that name.
    """
    first = 0
    if query.cursor:
        first = next((place for place, row in enumerate(rows, 1) if name(row) == query.cursor), 0)
        if not first:
            raise Problem(CURSOR_INVALID, "there is no such row in this list")
    piece = rows[first : first + query.limit]
    return piece, name(piece[-1]) if first + query.limit < len(rows) else None


def numbered_page(rows: Sequence[T], query: PageQuery) -> tuple[Sequence[T], str | None]:
    """The same for a list that grows at its end; the cursor is a number of rows. Raises Problem."""
    if query.cursor and not (query.cursor.isascii() and query.cursor.isdigit()):
        raise Problem(CURSOR_INVALID, "the cursor is no number")
    first = int(query.cursor or 0)
    end = first + query.limit
    return rows[first:end], str(end) if end < len(rows) else None

"""Long lists in pieces: bounded, complete, in order."""

from __future__ import annotations

import pytest

from shared.api.energy.dispatch_pages import PageQuery, numbered_page, page
from shared.edge.problems import Problem

ROWS = [f"{number:05d}" for number in range(10_000)]


@pytest.mark.parametrize("limit", [1_000, 999, 1])
def test_pieces_add_up_to_the_list(limit: int) -> None:
    rows = ROWS[: 20 * limit]
    named, numbered = list[str](), list[str]()
    cursor: str | None = ""
    while cursor is not None:
        piece, cursor = page(rows, PageQuery(cursor=cursor, limit=limit), str)
        assert 0 < len(piece) <= limit
        named += piece
    cursor = ""
    while cursor is not None:
        piece, cursor = numbered_page(rows, PageQuery(cursor=cursor, limit=limit))
        numbered += piece
    assert named == numbered == rows


def test_an_empty_list_is_one_empty_piece() -> None:
    assert page([], PageQuery(), str) == ([], None)
    assert numbered_page([], PageQuery()) == ([], None)


@pytest.mark.parametrize("cursor", ["none-such", "10000", "-1", "²"])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(Problem):
        page(ROWS, PageQuery(cursor=cursor), str)


@pytest.mark.parametrize("cursor", ["none-such", "-1", "²", "1e3"])
def test_a_number_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(Problem):
        numbered_page(ROWS, PageQuery(cursor=cursor))

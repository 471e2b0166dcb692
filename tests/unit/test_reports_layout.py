"""Text is measured, cleaned, broken and kept on the page."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.reports.layout.blocks import Entry, Heading, KeyValues, Note, Paragraph, place_all
from shared.reports.layout.flow import BOTTOM_MM, CONTENT_MM, MARGIN_MM, Flow
from shared.reports.layout.ink import BODY, PAGE_HEIGHT_MM, PAGE_WIDTH_MM, STRONG, Text
from shared.reports.layout.table import Column, Table
from shared.reports.layout.text import REPLACEMENT, clean, clip, shorten, wrap
from shared.reports.layout.typeface import BOLD_CORE_FILE, BOLD_FILE, REGULAR_FILE, Typeface, advances
from tests.unit.test_reports_samples import FONTS

FACE = Typeface.of(FONTS)
HOSTILE = st.text(max_size=400) | st.text(alphabet="Wi \u0301\u202e😀日\x00\n\t\u200b", max_size=3000)


def texts(flow: Flow) -> list[Text]:
    return [mark for sheet in flow.sheets for mark in sheet.marks if isinstance(mark, Text)]


def outside(flow: Flow) -> list[Text]:
    """Texts that leave the sheet."""
    return [
        mark
        for mark in texts(flow)
        if mark.x_mm < 0
        or mark.x_mm + FACE.width_mm(mark.text, mark.font) > PAGE_WIDTH_MM - MARGIN_MM + 0.1
        or not 0 < mark.y_mm < PAGE_HEIGHT_MM
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Größe Ελληνικά Жж", "Größe Ελληνικά Жж"),
        ("a\tb\u00a0c\u2003d", "a b c d"),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("a\x00b\x1b[31m", f"a{REPLACEMENT}b{REPLACEMENT}[31m"),
        ("日本", REPLACEMENT * 2),
        ("\u202eabc\u200b\ufeff", "abc"),
        ("e\u0301", "é"),
        ("❤\ufe0f", "❤"),
        ("\ud800", REPLACEMENT),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text, FACE) == shown


@settings(deadline=None)
@given(HOSTILE)
def test_whatever_comes_in_can_be_measured_and_fits_its_lines(text: str) -> None:
    lines = wrap(clean(text, FACE), 40.0, BODY, FACE)
    assert lines
    assert max(FACE.width_mm(line, BODY) for line in lines) <= 40.0 + 1e-6


def test_a_word_wider_than_the_line_is_broken_and_nothing_is_lost() -> None:
    lines = wrap("W" * 500, 30.0, BODY, FACE)
    assert len(lines) > 1
    assert "".join(lines) == "W" * 500


def test_shorten_and_clip_say_that_something_is_missing() -> None:
    assert shorten("x" * 10_000, 100) == "x" * 100 + " … (9,900 more characters)"
    clipped = clip(["one two"] * 5, 2, 60.0, BODY, FACE)
    assert clipped == ["one two", "one two …"]


def test_a_bold_text_borrows_missing_characters_from_the_regular_font() -> None:
    lent = min(set(advances(FONTS / REGULAR_FILE)) - set(advances(FONTS / BOLD_FILE)))
    (bold, first), (regular, second) = FACE.runs(f"a{lent}", bold=True)
    assert (bold.name, first) == (BOLD_CORE_FILE, "a")
    assert (regular.name, second) == (REGULAR_FILE, lent)
    assert FACE.width_mm(f"a{lent}", STRONG) > FACE.width_mm("a", STRONG)


def test_a_table_repeats_its_head_on_every_page() -> None:
    flow = Flow(FACE)
    Table([Column("Head"), Column("Other")], [(f"row {n}", "x") for n in range(200)]).place(flow)
    assert len(flow.sheets) > 2
    for sheet in flow.sheets:
        assert sum(isinstance(mark, Text) and mark.text == "Head" for mark in sheet.marks) == 1
    assert sum(mark.text.startswith("row ") for mark in texts(flow)) == 200


def test_a_heading_is_not_parted_from_what_follows() -> None:
    for start_mm in range(200, 280):
        flow = Flow(FACE, y_mm=float(start_mm))
        place_all([Heading("Section"), Heading("Sub", 1), Table([Column("Head")], [("row",)] * 8)], flow)
        pages = {mark.text: number for number, sheet in enumerate(flow.sheets) for mark in sheet.marks
                 if isinstance(mark, Text)}  # fmt: skip
        assert pages["Section"] == pages["Sub"] == pages["Head"] == pages["row"]


@settings(deadline=None, max_examples=60)
@given(HOSTILE, HOSTILE)
def test_no_text_leaves_the_page(one: str, other: str) -> None:
    flow = Flow(FACE, y_mm=230.0)
    place_all(
        [
            Heading(one),
            Paragraph(other),
            Note(one),
            KeyValues([Entry(one, other), Entry(other, one)]),
            Table([Column(one[:30]), Column("b", 2, "right"), Column("c", 1, "centre")], [(one, other, one)] * 3),
        ],
        flow,
    )
    assert outside(flow) == []
    assert all(mark.y_mm < BOTTOM_MM + 3 for mark in texts(flow))


def test_a_row_of_the_grid_is_as_high_as_its_highest_cell() -> None:
    flow = Flow(FACE)
    KeyValues([Entry("a", "word " * 40), Entry("b", "c"), Entry("d", "e")]).place(flow)
    second_row = next(mark for mark in texts(flow) if mark.text == "d")
    assert second_row.y_mm > max(mark.y_mm for mark in texts(flow) if "word" in mark.text)
    assert second_row.x_mm == MARGIN_MM
    assert CONTENT_MM + 2 * MARGIN_MM == PAGE_WIDTH_MM

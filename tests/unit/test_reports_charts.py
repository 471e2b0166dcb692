"""Charts: axes, marks inside their place, and the operators that draw them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.reports.layout.axis import Axis, span_of, tick_words, ticks
from shared.reports.layout.blocks import Block
from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Flow
from shared.reports.layout.heat import Week
from shared.reports.layout.ink import (
    BODY,
    BRAND,
    INK,
    PAGE_HEIGHT_MM,
    PALE,
    STRONG,
    Box,
    Dot,
    Link,
    Poly,
    Rule,
    Text,
)
from shared.reports.layout.plot import Area, Line, Plot, Spot
from shared.reports.layout.qr import MOST_CHARACTERS, Seal, runs
from shared.reports.layout.stacks import FILLS, Column, Stacks
from shared.reports.layout.typeface import Typeface
from shared.reports.operators import Operators
from tests.unit.test_reports_samples import FONTS

FACE = Typeface.of(FONTS)
URL = "https://reports.example.com/api/v1/reports/order-1.v1/verify"
FIGURES = st.floats(-1e6, 1e6)


def corners(flow: Flow) -> list[tuple[float, float]]:
    """Points that every mark on the pages reaches."""
    found: list[tuple[float, float]] = []
    for sheet in flow.sheets:
        for mark in sheet.marks:
            match mark:
                case Box() | Link():
                    found += [(mark.x_mm, mark.y_mm), (mark.x_mm + mark.width_mm, mark.y_mm + mark.height_mm)]
                case Rule():
                    found += [(mark.x1_mm, mark.y1_mm), (mark.x2_mm, mark.y2_mm)]
                case Poly():
                    found += mark.points
                case Dot():
                    found += [(mark.x_mm, mark.y_mm)]
                case Text():
                    found += [(mark.x_mm, mark.y_mm), (mark.x_mm + FACE.width_mm(mark.text, mark.font), mark.y_mm)]
    return found


def inside(block: Block) -> bool:
    """Whether everything a block draws lies in the content's width and in the height that the block took."""
    flow = Flow(FACE)
    start = flow.y_mm
    block.place(flow)
    return all(
        MARGIN_MM - 5 <= x <= MARGIN_MM + CONTENT_MM + 5 and start - 1 <= y <= flow.y_mm + 1 for x, y in corners(flow)
    )


@pytest.mark.parametrize(
    ("low", "high", "most", "values"),
    [
        (0, 10, 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (62, 103, 6, [70, 80, 90, 100]),
        (0, 0.42, 5, [0, 0.1, 0.2, 0.3, 0.4]),
        (0, 46.2, 5, [0, 10, 20, 30, 40]),
        (5, 5, 6, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, values: list[float]) -> None:
    assert ticks(low, high, most) == pytest.approx(values)


@given(FIGURES, FIGURES, st.integers(1, 12))
def test_ticks_lie_in_their_span_and_are_few(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high, most)
    assert len(found) <= most + 1
    slack = 1e-6 * (high - low)
    assert all(low - slack <= value <= high + slack for value in found)


def test_words_of_ticks_have_the_decimals_they_need() -> None:
    assert [tick_words(value, [0.0, 0.25, 0.5]) for value in (0.0, 0.25)] == ["0.00", "0.25"]
    assert [tick_words(value, [0.0, 0.1, 0.2]) for value in (0.0, 0.1)] == ["0.0", "0.1"]
    assert tick_words(1000.0, [1000.0, 2000.0]) == "1,000"
    assert [tick_words(value, [0.0, 2.5, 5.0]) for value in (0.0, 2.5, 5.0)] == ["0.0", "2.5", "5.0"]
    assert [tick_words(value, [0.0, 25.0, 50.0]) for value in (0.0, 25.0)] == ["0", "25"]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(4, 12))
def test_words_of_ticks_say_the_ticks(low: float, length: float, most: int) -> None:
    values = ticks(low, low + length, most)
    step = min((abs(b - a) for a, b in pairwise(values)), default=1.0)
    for value in values:
        assert abs(float(tick_words(value, values).replace(",", "")) - value) < step / 10


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
def test_a_span_is_never_empty(values: list[float]) -> None:
    low, high = span_of(values)
    assert low < high


def test_an_axis_holds_what_lies_beyond_it() -> None:
    axis = Axis(0.0, 10.0, 100.0, -50.0)
    assert [axis.at_mm(value) for value in (0, 5, 10, 20, -3)] == [100, 75, 50, 50, 100]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(FIGURES, FIGURES), min_size=1, max_size=20), st.floats(0, 1e6))
def test_a_plot_stays_in_its_place(points: list[tuple[float, float]], error: float) -> None:
    spots = [Spot(x, y, BRAND, "1", error) for x, y in points]
    lines = [Line(points, INK, "a line", 1.0)]
    xs, ys = span_of([x for x, _ in points]), span_of([y for _, y in points])
    assert inside(Plot(xs, ys, "x", "y", [Area(points, PALE, "an area")], lines, spots))


PARTS = st.tuples(*(st.floats(0, 1e9) for _ in FILLS))


@settings(deadline=None, max_examples=50)
@given(st.lists(PARTS, max_size=30))
def test_stacks_stay_in_their_place(parts: list[tuple[float, ...]]) -> None:
    columns = [Column(f"2026-{number:02d}", values) for number, values in enumerate(parts)]
    assert inside(Stacks(columns, ("a", "b", "c", "d", "e"), "EUR"))


def test_a_stack_is_as_high_as_its_parts() -> None:
    flow = Flow(FACE)
    Stacks([Column("one", (30.0, 10.0)), Column("two", (0.0, 20.0))], ("a", "b"), "EUR").place(flow)
    boxes = [mark for mark in flow.sheets[0].marks if isinstance(mark, Box) and mark.width_mm > 5]
    heights = [box.height_mm for box in boxes]
    assert [height / heights[0] * 30 for height in heights] == pytest.approx([30, 10, 20])
    assert boxes[1].y_mm + boxes[1].height_mm == pytest.approx(boxes[0].y_mm)


def luminance(colour: Sequence[int]) -> float:
    """Lightness in a grey print, 0 to 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def test_neighbours_in_a_stack_stay_apart_in_grey() -> None:
    shades = [luminance(fill) for fill in FILLS]
    assert all(abs(one - other) > 40 for one, other in pairwise(shades))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 500), min_size=24, max_size=24), min_size=7, max_size=7))
def test_a_week_stays_in_its_place_and_tells_each_count(counts: list[list[int]]) -> None:
    assert inside(Week(counts))
    flow = Flow(FACE)
    Week(counts).place(flow)
    told = [
        mark.text
        for mark in flow.sheets[0].marks
        if isinstance(mark, Text) and not re.match(r"\d\d$|[A-Z]", mark.text)
    ]
    assert [int(text) for text in told] == [count for row in counts for count in row if 0 < count < 10 or count > 99]


def test_the_code_has_the_modules_of_its_address() -> None:
    rows = [list(row) for row in segno.make_qr(URL, error="m").matrix]
    size = 34.0
    module = size / (len(rows) + 8)
    boxes = list(runs(URL, 0.0, 0.0, size))
    for number, row in enumerate(rows):
        for place, dark in enumerate(row):
            x, y = (place + 4.5) * module, (number + 4.5) * module
            covered = any(
                box.x_mm <= x < box.x_mm + box.width_mm and box.y_mm <= y < box.y_mm + box.height_mm for box in boxes
            )
            assert covered == bool(dark)


@pytest.mark.parametrize("url", ["", "x" * (MOST_CHARACTERS + 1)])
def test_no_code_without_a_readable_address(url: str) -> None:
    flow = Flow(FACE)
    Seal([("Report", "order-1.v1")], url).place(flow)
    assert not [mark for mark in flow.sheets[0].marks if isinstance(mark, Box | Link)]
    assert [mark.text for mark in flow.sheets[0].marks if isinstance(mark, Text)] == ["Report", "order-1.v1"]


def test_a_seal_stays_in_its_place() -> None:
    assert inside(Seal([("Report", "order-1.v1"), ("Digest", "0f" * 32), ("Verify at", URL * 3)], URL))


@dataclass(frozen=True)
class Coded:
    """A font whose codes are the characters in brackets."""

    number: int
    codes: Mapping[str, str]


@dataclass
class Fonts:
    """Numbers fonts as they are asked for."""

    known: dict[Path, Coded] = field(default_factory=dict)

    def font(self, path: Path) -> Coded:
        return self.known.setdefault(path, Coded(len(self.known) + 1, {letter: f"<{letter}>" for letter in "abc"}))


def lines(*marks: Box | Dot | Poly | Rule | Text) -> list[str]:
    """The operators of some marks, without the state around them."""
    return Operators(FACE, Fonts()).stream(marks).decode().split("\n")[1:-2]


def test_colour_and_font_are_set_where_they_change() -> None:
    one, other = Text(0, 10, "ab", BODY, INK), Text(0, 20, "c", BODY, INK)
    assert lines(one, other, Text(0, 20, "c", STRONG, INK)) == [
        "0.09412 0.1176 0.1647 rg",
        "BT /F1 8.50 Tf 0.00 813.54 Td (<a><b>) Tj ET",
        "BT 0.00 785.20 Td (<c>) Tj ET",
        "BT /F2 8.50 Tf 0.00 785.20 Td (<c>) Tj ET",
    ]


def test_shapes() -> None:
    black = (0, 0, 0)
    assert lines(Box(10, 10, 25.4, 12.7, black))[1] == "28.35 777.54 72.00 36.00 re f"
    assert lines(Rule(0, 0, 25.4, 0, black, 0.353))[1] == "0.00 841.89 m 72.00 841.89 l S"
    square = ((0.0, 0.0), (25.4, 0.0), (25.4, 25.4))
    assert lines(Poly(square, fill=black))[1] == "0.00 841.89 m 72.00 841.89 l 72.00 769.89 l h f"
    assert lines(Poly(square[:2], colour=black, dash_mm=1.27))[1] == (
        "[3.60] 0 d 0.00 841.89 m 72.00 841.89 l S [] 0 d"
    )
    assert lines(Dot(10, 10, 2, black, black))[-1].endswith("h B")
    assert lines(Box(10, 10, 20, 20, black, 2))[1].count(" c") == 4


def test_the_page_is_left_as_it_was() -> None:
    stream = Operators(FACE, Fonts()).stream([Box(0, 0, 1, 1, (0, 0, 0))])
    assert stream.startswith(b"q\n")
    assert stream.endswith(b"Q\n")
    assert PAGE_HEIGHT_MM == 297.0

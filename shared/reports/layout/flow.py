"""The page frame: a cursor that runs down the content area and turns the page when something does not fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from shared.reports.layout.ink import (
    BODY,
    HAIRLINE,
    INK,
    MUTED,
    PAGE_HEIGHT_MM,
    PAGE_WIDTH_MM,
    POINT_MM,
    SMALL,
    Bookmark,
    Box,
    Colour,
    Font,
    Jump,
    Mark,
    Rule,
    Sheet,
    Text,
)
from shared.reports.layout.text import clean, clip, shorten, wrap
from shared.reports.layout.typeface import Typeface

MARGIN_MM = 16.0
TOP_MM = 22.0
BOTTOM_MM = PAGE_HEIGHT_MM - 18.0
CONTENT_MM = PAGE_WIDTH_MM - 2 * MARGIN_MM
SMALL_PRINT_MM = 11.0
"""Last lines of a page, kept for small print: the source of a table does not go to the next page alone."""

LEADING = 1.32
"""Line distance over font size."""

Align: TypeAlias = Literal["left", "right", "centre"]


def line_mm(font: Font) -> float:
    """Distance of two baselines."""
    return font.size_pt * POINT_MM * LEADING


@dataclass
class Flow:
    """Where the next block goes. Blocks draw through it and move `y_mm` down."""

    face: Typeface
    sheets: list[Sheet] = field(default_factory=lambda: [Sheet()])
    bookmarks: list[Bookmark] = field(default_factory=list)
    y_mm: float = TOP_MM
    _broken: dict[tuple[str, float, Font, int], list[str]] = field(default_factory=dict)
    """Texts broken into lines before: tables repeat themselves, and what is kept whole is measured first."""

    @property
    def room_mm(self) -> float:
        """Height left on this page above the lines kept for small print."""
        return BOTTOM_MM - SMALL_PRINT_MM - self.y_mm

    def turn(self) -> None:
        """Start a new page."""
        self.sheets.append(Sheet())
        self.y_mm = TOP_MM

    def need(self, height_mm: float, *, small_print: bool = False) -> None:
        """Turn the page unless `height_mm` fits; a height above a whole page stays where it is at the top."""
        room_mm = self.room_mm + (SMALL_PRINT_MM if small_print else 0.0)
        if height_mm > room_mm and self.y_mm > TOP_MM:
            self.turn()

    def bookmark(self, title: str, level: int) -> None:
        """Put the current place into the document outline."""
        self.bookmarks.append(Bookmark(self.fit(title, 120), level, len(self.sheets) - 1, self.y_mm))

    def fit(self, text: str, limit: int) -> str:
        """`text` cleaned and held to `limit` characters."""
        return clean(shorten(text, limit), self.face)

    def lines(self, text: str, width_mm: float, font: Font = BODY, *, limit: int = 60) -> list[str]:
        """`text`, of any origin, as at most `limit` lines of that width. The list is shared: do not change it."""
        key = (text, width_mm, font, limit)
        lines = self._broken.get(key)
        if lines is None:
            wrapped = wrap(self.fit(text, 6000), width_mm, font, self.face)
            lines = self._broken[key] = clip(wrapped, limit, width_mm, font, self.face)
        return lines

    def box(self, x_mm: float, y_mm: float, width_mm: float, height_mm: float, fill: Colour) -> None:
        """A filled rectangle on this page."""
        self.sheets[-1].marks.append(Box(x_mm, y_mm, width_mm, height_mm, fill))

    def panel(self, x_mm: float, y_mm: float, width_mm: float, height_mm: float, fill: Colour) -> None:
        """A filled rectangle with rounded corners on this page."""
        self.sheets[-1].marks.append(Box(x_mm, y_mm, width_mm, height_mm, fill, radius_mm=1.2))

    def mark(self, *marks: Mark) -> None:
        """Put marks on this page."""
        self.sheets[-1].marks.extend(marks)

    def rule(self, y_mm: float, x_mm: float = MARGIN_MM, width_mm: float = CONTENT_MM) -> None:
        """A horizontal hairline on this page."""
        self.sheets[-1].marks.append(Rule(x_mm, y_mm, x_mm + width_mm, y_mm, HAIRLINE))

    def write(
        self,
        lines: list[str],
        x_mm: float,
        y_mm: float,
        width_mm: float,
        *,
        font: Font = BODY,
        colour: Colour = INK,
        align: Align = "left",
    ) -> None:
        """Lines made by `lines`, the first one's top at `y_mm`; the cursor stays."""
        baseline = y_mm + font.size_pt * POINT_MM * 0.98
        for number, line in enumerate(lines):
            if line:
                x = x_mm + self._indent(line, width_mm, font, align)
                self.sheets[-1].marks.append(Text(x, baseline + number * line_mm(font), line, font, colour))

    def _indent(self, line: str, width_mm: float, font: Font, align: Align) -> float:
        """How far right of the left edge an aligned line starts."""
        if align == "left":
            return 0.0
        free = width_mm - self.face.width_mm(line, font)
        return free if align == "right" else free / 2


def frame(flow: Flow, head: str, foot: str, first_foot: str = "") -> None:
    """Running head and foot of every page: `head` from the second page on, `foot` and "Page x of y" on all.

    `first_foot` is a second line under the foot of the first page.
    """
    head_line = flow.lines(head, CONTENT_MM, SMALL, limit=1)
    foot_line = flow.lines(foot, CONTENT_MM - 30, SMALL, limit=1)
    second_line = flow.lines(first_foot, CONTENT_MM, SMALL, limit=1)
    total = len(flow.sheets)
    for number, sheet in enumerate(flow.sheets, start=1):
        page = Flow(flow.face, sheets=[sheet])
        if number > 1:
            page.write(head_line, MARGIN_MM, 11, CONTENT_MM, font=SMALL, colour=MUTED)
            page.rule(15.5)
        page.rule(BOTTOM_MM + 4)
        page.write(foot_line, MARGIN_MM, BOTTOM_MM + 5.5, CONTENT_MM, font=SMALL, colour=MUTED)
        if number == 1:
            page.write(second_line, MARGIN_MM, BOTTOM_MM + 9.2, CONTENT_MM, font=SMALL, colour=MUTED)
        count = [f"Page {number} of {total}"]
        page.write(count, MARGIN_MM, BOTTOM_MM + 5.5, CONTENT_MM, font=SMALL, colour=MUTED, align="right")


@dataclass(frozen=True)
class Contents:
    """Space kept for the list of sections, filled in once their pages are known."""

    page: int
    y_mm: float
    columns: int = 2

    def height_mm(self, entries: int) -> float:
        """Height of the list for that many sections."""
        return -(-entries // self.columns) * CONTENTS_LINE_MM

    def fill(self, flow: Flow) -> None:
        """Write the sections of `flow` with page numbers that can be clicked."""
        entries = [entry for entry in flow.bookmarks if entry.level == 0]
        per_column = -(-len(entries) // self.columns)
        width = (CONTENT_MM - COLUMN_GAP_MM) / self.columns
        page = Flow(flow.face, sheets=[flow.sheets[self.page]])
        for number, entry in enumerate(entries):
            x = MARGIN_MM + number // per_column * (width + COLUMN_GAP_MM)
            y = self.y_mm + number % per_column * CONTENTS_LINE_MM
            page.write([entry.title], x, y, width)
            page.write([str(entry.page + 1)], x, y, width, colour=MUTED, align="right")
            page.sheets[0].marks.append(Jump(x, y, width, CONTENTS_LINE_MM, entry.page))


CONTENTS_LINE_MM = 4.6
COLUMN_GAP_MM = 8.0

"""What a section is made of: headings, paragraphs, key/value grids, notes.

A block is a value that knows how to place itself in a flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from shared.reports.layout.flow import COLUMN_GAP_MM, CONTENT_MM, MARGIN_MM, TOP_MM, Flow, line_mm
from shared.reports.layout.ink import (
    BODY,
    BRAND,
    INK,
    MUTED,
    PANEL,
    SECTION,
    SMALL,
    STRONG,
    SUBSECTION,
    Colour,
    Font,
)

Cells: TypeAlias = list[tuple[list[str], list[str]]]
"""Lines of label and value, by entry."""

_SMALL_GRID_ROWS = 6
_BETWEEN_MM = 3.0


class Block(Protocol):
    """Something that can be placed on a page."""

    def place(self, flow: Flow) -> None:
        """Draw at the cursor of `flow` and move it below."""

    def lead_mm(self, flow: Flow) -> float:
        """Height of the beginning that a heading above must not be parted from."""


def place_all(blocks: Sequence[Block], flow: Flow) -> None:
    """Place blocks one under the other; headings stay with the beginning of what follows them."""
    for number, block in enumerate(blocks):
        if isinstance(block, Heading):
            flow.need(_together_mm(blocks[number:], flow))
        block.place(flow)


def _together_mm(blocks: Sequence[Block], flow: Flow) -> float:
    """Height of the headings at the start of `blocks` and the beginning of the first other block."""
    height = 0.0
    for block in blocks:
        height += block.lead_mm(flow)
        if not isinstance(block, Heading):
            break
    return height


@dataclass(frozen=True)
class Heading:
    """A section's title (level 0, in the outline) or a heading inside one (level 1)."""

    title: str
    level: int = 0

    def lead_mm(self, flow: Flow) -> float:
        """Its own height; `flow` does not matter."""
        del flow
        return 15.0 if self.level == 0 else 8.5

    def place(self, flow: Flow) -> None:
        """Draw the title with a coloured bar for level 0."""
        if self.level == 0:
            self._section(flow)
        else:
            flow.y_mm += 2.5
            self._line(flow, SUBSECTION, INK, MARGIN_MM)
            flow.y_mm += 1.2

    def _section(self, flow: Flow) -> None:
        """A section starts with space above, a bar and a bookmark."""
        if flow.y_mm > TOP_MM:
            flow.y_mm += 6
        flow.bookmark(self.title, self.level)
        flow.box(MARGIN_MM, flow.y_mm + 0.3, 1.4, 5.4, BRAND)
        self._line(flow, SECTION, BRAND, MARGIN_MM + 3.6)
        flow.y_mm += 2.4

    def _line(self, flow: Flow, font: Font, colour: Colour, x_mm: float) -> None:
        """The title itself, one line."""
        line = flow.lines(self.title, CONTENT_MM - 4, font, limit=1)
        flow.write(line, x_mm, flow.y_mm, CONTENT_MM, font=font, colour=colour)
        flow.y_mm += line_mm(font)


@dataclass(frozen=True)
class Paragraph:
    """Running text; flows over page ends line by line."""

    text: str
    font: Font = BODY
    colour: Colour = INK
    max_lines: int = 60
    after_mm: float = 1.8

    small_print: bool = False

    def lead_mm(self, flow: Flow) -> float:
        """Up to three lines."""
        return min(len(self._lines(flow)), 3) * line_mm(self.font)

    def _lines(self, flow: Flow) -> list[str]:
        """The text in lines."""
        return flow.lines(self.text, CONTENT_MM, self.font, limit=self.max_lines)

    def place(self, flow: Flow) -> None:
        """Draw the lines, turning pages where needed."""
        lines = self._lines(flow)
        step = line_mm(self.font)
        flow.need(min(len(lines), 3) * step, small_print=self.small_print)
        for line in lines:
            flow.need(step, small_print=self.small_print)
            flow.write([line], MARGIN_MM, flow.y_mm, CONTENT_MM, font=self.font, colour=self.colour)
            flow.y_mm += step
        flow.y_mm += self.after_mm


def small_print(text: str) -> Paragraph:
    """A paragraph for method and sources."""
    return Paragraph(text, font=SMALL, colour=MUTED, small_print=True)


@dataclass(frozen=True)
class Note:
    """A panel that says something the reader must not miss."""

    text: str
    colour: Colour = MUTED

    def lead_mm(self, flow: Flow) -> float:
        """The whole panel."""
        return len(self._lines(flow)) * line_mm(BODY) + 3.4

    def _lines(self, flow: Flow) -> list[str]:
        """The text in lines."""
        return flow.lines(self.text, CONTENT_MM - 9, limit=12)

    def place(self, flow: Flow) -> None:
        """Draw a tinted panel with a bar in `colour`."""
        lines, height = self._lines(flow), self.lead_mm(flow)
        flow.need(height)
        flow.box(MARGIN_MM, flow.y_mm, CONTENT_MM, height, PANEL)
        flow.box(MARGIN_MM, flow.y_mm, 1.0, height, self.colour)
        flow.write(lines, MARGIN_MM + 4.5, flow.y_mm + 1.7, CONTENT_MM - 9)
        flow.y_mm += height + 2.4


@dataclass(frozen=True)
class Entry:
    """One line of a key/value grid."""

    label: str
    value: str


@dataclass(frozen=True)
class KeyValues:
    """Label and value side by side, in columns read row by row."""

    entries: Sequence[Entry]
    columns: int = 2
    label_share: float = 0.5

    def lead_mm(self, flow: Flow) -> float:
        """The whole of a small grid, about two rows of a large one."""
        rows = self._rows()
        if len(rows) > _SMALL_GRID_ROWS:
            return 2 * (line_mm(BODY) + 4)
        return sum(_row_mm(self._cells(flow, row)) for row in rows)

    def place(self, flow: Flow) -> None:
        """Draw the grid; a row never breaks over pages, and a small grid does not either."""
        flow.need(self.lead_mm(flow))
        for row in self._rows():
            self._row(flow, self._cells(flow, row))
        flow.y_mm += 2.4

    def _rows(self) -> list[Sequence[Entry]]:
        """The entries row by row."""
        return [self.entries[start : start + self.columns] for start in range(0, len(self.entries), self.columns)]

    @property
    def _width_mm(self) -> float:
        """Width of one column."""
        return (CONTENT_MM - COLUMN_GAP_MM * (self.columns - 1)) / self.columns

    def _cells(self, flow: Flow, entries: Sequence[Entry]) -> Cells:
        """Lines of label and value of each entry of a row."""
        label_mm = self._width_mm * self.label_share
        return [
            (
                flow.lines(entry.label, label_mm - 2, limit=3),
                flow.lines(entry.value, self._width_mm - label_mm, STRONG, limit=6),
            )
            for entry in entries
        ]

    def _row(self, flow: Flow, cells: Cells) -> None:
        """One row: as high as its highest cell."""
        width_mm, label_mm, height = self._width_mm, self._width_mm * self.label_share, _row_mm(cells)
        flow.need(height)
        for number, (label, value) in enumerate(cells):
            x = MARGIN_MM + number * (width_mm + COLUMN_GAP_MM)
            flow.write(label, x, flow.y_mm + 0.9, label_mm, colour=MUTED)
            flow.write(value, x + label_mm, flow.y_mm + 0.9, width_mm - label_mm, font=STRONG)
            flow.rule(flow.y_mm + height, x, width_mm)
        flow.y_mm += height


def _row_mm(cells: Cells) -> float:
    """Height of a row of the grid."""
    return max(len(lines) for cell in cells for lines in cell) * line_mm(BODY) + 1.9


@dataclass(frozen=True)
class Together:
    """Blocks that stay on one page, where one page can hold them."""

    blocks: Sequence[Block]

    def lead_mm(self, flow: Flow) -> float:
        """All of them, as far as each says how high it is."""
        return sum(block.lead_mm(flow) + _BETWEEN_MM for block in self.blocks)

    def place(self, flow: Flow) -> None:
        """Place them one under the other."""
        flow.need(self.lead_mm(flow))
        place_all(self.blocks, flow)

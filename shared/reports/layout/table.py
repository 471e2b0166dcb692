"""Tables: columns by share of the width, heads repeated on every page, rows kept whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Align, Flow, line_mm
from shared.reports.layout.ink import BRAND, INK, PANEL, SMALL, SMALL_STRONG, WHITE, Colour, Font

_PAD_MM = 1.3
_SHORT_ROWS = 12
_ROOM_FOR_ROWS_MM = 20.0


@dataclass(frozen=True)
class Column:
    """A column's head, its share of the width (relative) and the alignment of its cells."""

    title: str
    share: float = 1.0
    align: Align = "left"
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of texts under repeated heads. `totals` are last rows in bold. Cells beyond the columns are a defect."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    totals: Sequence[Sequence[str]] = ()
    max_lines: int = 8

    def place(self, flow: Flow) -> None:
        """Draw head and rows; with no rows nothing is drawn."""
        if not self.rows:
            return
        widths = self._widths_mm()
        flow.need(self.lead_mm(flow))
        self._head(flow, widths)
        for number, row in enumerate(self.rows):
            self._row(flow, widths, row, fill=PANEL if number % 2 else WHITE)
        for row in self.totals:
            self._row(flow, widths, row, fill=WHITE, strong=True)
        flow.y_mm += 3

    def lead_mm(self, flow: Flow) -> float:
        """Head and first rows; a short table is kept whole."""
        if not self.rows or len(self.rows) > _SHORT_ROWS:
            return _ROOM_FOR_ROWS_MM if self.rows else 0.0
        widths = self._widths_mm()
        fonts = [SMALL_STRONG] * len(self.columns)
        titles = [column.title for column in self.columns]
        rows = [self._cells(flow, widths, row, fonts) for row in (titles, *self.rows, *self.totals)]
        return sum(self._height_mm(cells) for cells in rows)

    def _widths_mm(self) -> list[float]:
        """Column widths that fill the content area."""
        total = sum(column.share for column in self.columns)
        return [CONTENT_MM * column.share / total for column in self.columns]

    def _head(self, flow: Flow, widths: Sequence[float]) -> None:
        """The dark line with the column titles."""
        titles = [column.title for column in self.columns]
        cells = self._cells(flow, widths, titles, [SMALL_STRONG] * len(titles))
        self._draw(flow, widths, cells, fill=BRAND, colour=WHITE)

    def _row(
        self, flow: Flow, widths: Sequence[float], row: Sequence[str], *, fill: Colour, strong: bool = False
    ) -> None:
        """One row on this page, or on the next one under a new head."""
        fonts = [SMALL_STRONG if strong or column.strong else SMALL for column in self.columns]
        cells = self._cells(flow, widths, row, fonts)
        if self._height_mm(cells) > flow.room_mm:
            flow.turn()
            self._head(flow, widths)
        if strong:
            flow.rule(flow.y_mm)
        self._draw(flow, widths, cells, fill=fill, colour=INK)

    def _cells(
        self, flow: Flow, widths: Sequence[float], row: Sequence[str], fonts: Sequence[Font]
    ) -> list[tuple[list[str], Font]]:
        """Every cell's lines with their font."""
        return [
            (flow.lines(text, width - 2 * _PAD_MM, font, limit=self.max_lines), font)
            for text, width, font in zip(row, widths, fonts, strict=True)
        ]

    @staticmethod
    def _height_mm(cells: Sequence[tuple[list[str], Font]]) -> float:
        """Height of a row."""
        return max(len(lines) for lines, _ in cells) * line_mm(SMALL) + 2 * _PAD_MM * 0.75

    def _draw(
        self,
        flow: Flow,
        widths: Sequence[float],
        cells: Sequence[tuple[list[str], Font]],
        *,
        fill: Colour,
        colour: Colour,
    ) -> None:
        """Paint a row at the cursor and move below it."""
        height = self._height_mm(cells)
        if fill != WHITE:
            flow.box(MARGIN_MM, flow.y_mm, CONTENT_MM, height, fill)
        x = MARGIN_MM
        for (lines, font), width, column in zip(cells, widths, self.columns, strict=True):
            flow.write(
                lines,
                x + _PAD_MM,
                flow.y_mm + _PAD_MM * 0.75,
                width - 2 * _PAD_MM,
                font=font,
                colour=colour,
                align=column.align,
            )
            x += width
        flow.y_mm += height

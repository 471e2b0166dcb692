"""A QR code as rectangles, one for each run of dark modules in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Flow, line_mm
from shared.reports.layout.ink import BODY, MUTED, STRONG, Box, Colour, Link

SIZE_MM = 34.0
_LABEL_MM = 34.0
_QUIET_MODULES = 4
_OVERLAP_MM = 0.02
"""Rows reach a hair into the next one, so that no viewer shows a white line between them."""

_BLACK: Colour = (0, 0, 0)
MOST_CHARACTERS = 1000
"""Longer addresses make modules too small to be read from paper."""


@dataclass(frozen=True)
class Seal:
    """Facts that tell one document from another, beside the code that leads to `url`, where there is one."""

    facts: Sequence[tuple[str, str]]
    url: str = ""

    @property
    def _coded(self) -> bool:
        """Whether there is an address, and one that can be read from paper."""
        return 0 < len(self.url) <= MOST_CHARACTERS

    def lead_mm(self, flow: Flow) -> float:
        """Code or facts, whichever is higher."""
        facts = sum(len(lines) for _, lines in self._lines(flow)) * line_mm(BODY) + len(self.facts) * 1.0
        return max(SIZE_MM if self._coded else 0.0, facts) + 4

    def _lines(self, flow: Flow) -> list[tuple[str, list[str]]]:
        """The facts in lines."""
        return [(label, flow.lines(value, self._width_mm, STRONG, limit=6)) for label, value in self.facts]

    @property
    def _left_mm(self) -> float:
        """Where the labels begin."""
        return MARGIN_MM + (SIZE_MM + 5 if self._coded else 0.0)

    @property
    def _width_mm(self) -> float:
        """Width of the values."""
        return MARGIN_MM + CONTENT_MM - self._left_mm - _LABEL_MM

    def place(self, flow: Flow) -> None:
        """Draw the code at the left margin and the facts to its right."""
        height = self.lead_mm(flow)
        flow.need(height)
        if self._coded:
            flow.mark(*runs(self.url, MARGIN_MM, flow.y_mm), Link(MARGIN_MM, flow.y_mm, SIZE_MM, SIZE_MM, self.url))
        y = flow.y_mm + 1.5
        for label, lines in self._lines(flow):
            flow.write(flow.lines(label, _LABEL_MM, limit=1), self._left_mm, y, _LABEL_MM, colour=MUTED)
            flow.write(lines, self._left_mm + _LABEL_MM, y, self._width_mm, font=STRONG)
            y += len(lines) * line_mm(BODY) + 1.0
        flow.y_mm += height


def runs(url: str, x_mm: float, y_mm: float, size_mm: float = SIZE_MM) -> Iterator[Box]:
    """The code's dark runs, quiet zone kept, with the top left corner at the given place."""
    import segno

    rows = [list(row) for row in segno.make_qr(url, error="m").matrix]
    module = size_mm / (len(rows) + 2 * _QUIET_MODULES)
    for number, row in enumerate(rows):
        column = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                x, y = x_mm + (column + _QUIET_MODULES) * module, y_mm + (number + _QUIET_MODULES) * module
                yield Box(x, y, length * module, module + _OVERLAP_MM, _BLACK)
            column += length

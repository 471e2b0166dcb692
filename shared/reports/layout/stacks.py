"""Stacked columns, one per month, in steps of one hue that stay apart in grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.reports.layout.axis import Axis, tick_words, ticks
from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Flow
from shared.reports.layout.ink import BRAND, INK, MIDDLE, MUTED, PALE, SMALL, WATCH, WHITE, Colour, Poly, Rule

FILLS: tuple[Colour, ...] = (BRAND, PALE, MIDDLE, WHITE, WATCH)
"""Fills from the foot of a column up; neighbours differ in lightness."""

_LEFT_MM, _FOOT_MM, _LEGEND_MM = 13.0, 5.5, 5.5
_LABEL_MM = 13.5
"""Width that a month's label needs; labels of narrower columns are thinned out."""


@dataclass(frozen=True)
class Column:
    """One column: its label and its parts from the foot up, none of them negative."""

    label: str
    parts: tuple[float, ...]


@dataclass(frozen=True)
class Stacks:
    """Columns with a legend of `names`, which name the parts; a part that is zero throughout is left out of it."""

    columns: Sequence[Column]
    names: Sequence[str]
    unit: str
    height_mm: float = 44.0

    def lead_mm(self, flow: Flow) -> float:
        """The whole chart; `flow` does not matter."""
        del flow
        return self.height_mm + 2

    def place(self, flow: Flow) -> None:
        """Draw it at the cursor."""
        flow.need(self.lead_mm(flow))
        highest = max((sum(column.parts) for column in self.columns), default=0.0)
        foot = flow.y_mm + self.height_mm - _FOOT_MM
        top = highest * 1.05 if 0 < highest < 1e12 else 1.0  # noqa: PLR2004 - beyond all sense
        axis = Axis(0.0, top, foot, -(self.height_mm - _FOOT_MM - _LEGEND_MM - 3))
        self._grid(flow, axis)
        pitch = (CONTENT_MM - _LEFT_MM) / max(len(self.columns), 1)
        each = max(1, -int(-_LABEL_MM // pitch))
        for number, column in enumerate(self.columns):
            left = MARGIN_MM + _LEFT_MM + number * pitch
            self._column(flow, column, axis, (left, pitch))
            if (len(self.columns) - 1 - number) % each == 0:
                text = flow.lines(column.label, _LABEL_MM + 2, SMALL, limit=1)
                flow.write(text, left + pitch / 2 - 8, foot + 1, 16, font=SMALL, colour=MUTED, align="centre")
        self._legend(flow)
        flow.y_mm += self.height_mm + 2

    def _column(self, flow: Flow, column: Column, axis: Axis, place: tuple[float, float]) -> None:
        """The parts of one column; the lightest has a rim, so that it is seen on white."""
        left, pitch = place
        width, below = min(pitch * 0.72, 12.0), 0.0
        x = left + (pitch - width) / 2
        for part, fill in zip(column.parts, FILLS, strict=False):
            if part > 0:
                low, high = axis.at_mm(below), axis.at_mm(below + part)
                flow.box(x, high, width, low - high, fill)
                if fill == WHITE:
                    flow.mark(_rim(x, high, width, low - high))
                below += part

    def _grid(self, flow: Flow, axis: Axis) -> None:
        """Horizontal lines with their values."""
        levels = ticks(0.0, axis.high, 5)
        for value in levels:
            at = axis.at_mm(value)
            flow.mark(Rule(MARGIN_MM + _LEFT_MM, at, MARGIN_MM + CONTENT_MM, at))
            words = flow.lines(tick_words(value, levels), _LEFT_MM, SMALL, limit=1)
            flow.write(words, MARGIN_MM, at - 1.4, _LEFT_MM - 1.5, font=SMALL, colour=MUTED, align="right")

    def _legend(self, flow: Flow) -> None:
        """The unit, and what the parts are."""
        at, y = MARGIN_MM + _LEFT_MM, flow.y_mm + 0.8
        flow.write(flow.lines(self.unit, _LEFT_MM, SMALL, limit=1), MARGIN_MM, y - 0.2, _LEFT_MM, font=SMALL,
                   colour=MUTED)  # fmt: skip
        for number, name in enumerate(self.names):
            if any(column.parts[number] > 0 for column in self.columns):
                flow.box(at, y, 4, 2.4, FILLS[number])
                if FILLS[number] == WHITE:
                    flow.mark(_rim(at, y, 4, 2.4))
                label = flow.lines(name, 50, SMALL, limit=1)
                flow.write(label, at + 5.5, y - 0.2, 50, font=SMALL, colour=MUTED)
                at += 5.5 + flow.face.width_mm(label[0], SMALL) + 6


def _rim(x: float, y: float, width: float, height: float) -> Poly:
    """The outline of a box."""
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y))
    return Poly(corners, colour=INK, width_mm=0.2)

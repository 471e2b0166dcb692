"""A plot: areas, lines and dots over two axes, drawn as vectors and labelled in text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.reports.layout.axis import Axis, tick_words, ticks
from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Align, Flow
from shared.reports.layout.ink import (
    INK,
    MUTED,
    SMALL,
    SMALL_STRONG,
    WHITE,
    Colour,
    Dot,
    Poly,
    Rule,
)

Points = Sequence[tuple[float, float]]
_LEFT_MM, _BOTTOM_MM, _LEGEND_MM = 13.0, 9.0, 5.0


@dataclass(frozen=True)
class Area:
    """A filled area through `points`, in values, named in the legend."""

    points: Points
    fill: Colour
    label: str


@dataclass(frozen=True)
class Line:
    """A line through `points`, in values, named in the legend."""

    points: Points
    colour: Colour
    label: str
    dash_mm: float = 0.0


@dataclass(frozen=True)
class Spot:
    """A dot with an error bar of `error` either way and a `label` of one character; `shift_mm` moves it aside."""

    x: float
    y: float
    fill: Colour
    label: str = ""
    error: float = 0.0
    shift_mm: float = 0.0


@dataclass(frozen=True)
class Plot:
    """The plot. `x_words` labels the ticks of the horizontal axis where figures alone will not do."""

    x_span: tuple[float, float]
    y_span: tuple[float, float]
    x_title: str
    y_title: str
    areas: Sequence[Area] = ()
    lines: Sequence[Line] = ()
    spots: Sequence[Spot] = ()
    x_words: Sequence[tuple[float, str]] = ()
    height_mm: float = 62.0

    def lead_mm(self, flow: Flow) -> float:
        """The whole plot; `flow` does not matter."""
        del flow
        return self.height_mm + 2

    def place(self, flow: Flow) -> None:
        """Draw it at the cursor."""
        flow.need(self.lead_mm(flow))
        legend = _LEGEND_MM if self.areas or self.lines else 0.0
        foot = flow.y_mm + self.height_mm - _BOTTOM_MM
        x = Axis(*self.x_span, MARGIN_MM + _LEFT_MM, CONTENT_MM - _LEFT_MM - 4)
        y = Axis(*self.y_span, foot, -(self.height_mm - _BOTTOM_MM - 5 - legend))
        for area in self.areas:
            flow.mark(Poly(_placed(area.points, x, y), fill=area.fill))
        self._grid(flow, x, y)
        for line in self.lines:
            flow.mark(Poly(_placed(line.points, x, y), colour=line.colour, dash_mm=line.dash_mm))
        for spot in self.spots:
            _spot(flow, spot, x, y)
        self._legend(flow)
        flow.y_mm += self.height_mm + 2

    def _grid(self, flow: Flow, x: Axis, y: Axis) -> None:
        """Grid lines with labels, and the titles of the axes."""
        top, right = y.start_mm + y.length_mm, x.start_mm + x.length_mm
        levels = ticks(*self.y_span, 6)
        for value in levels:
            at = y.at_mm(value)
            flow.mark(Rule(x.start_mm, at, right, at))
            _word(flow, tick_words(value, levels), x.start_mm - 1.5, at - 1.4, "right")
        figures = ticks(*self.x_span, 10)
        for value, words in self.x_words or [(value, tick_words(value, figures)) for value in figures]:
            at = x.at_mm(value)
            flow.mark(Rule(at, y.start_mm, at, y.start_mm + 1, colour=MUTED))
            _word(flow, words, at, y.start_mm + 1.4, "centre")
        flow.mark(Rule(x.start_mm, y.start_mm, right, y.start_mm, colour=MUTED, width_mm=0.3))
        _word(flow, self.y_title, MARGIN_MM, top - 4.6, "left")
        _word(flow, self.x_title, right, y.start_mm + 4.8, "right")

    def _legend(self, flow: Flow) -> None:
        """What the areas and lines are, on one line above the plot."""
        at, y = MARGIN_MM + _LEFT_MM, flow.y_mm + 1.0
        named: list[Area | Line] = [*self.areas, *self.lines]
        for one in named:
            if isinstance(one, Area):
                flow.box(at, y, 5, 2.4, one.fill)
            else:
                flow.mark(Poly(((at, y + 1.2), (at + 5, y + 1.2)), colour=one.colour, dash_mm=one.dash_mm))
            label = flow.lines(one.label, 60, SMALL, limit=1)
            flow.write(label, at + 6.5, y - 0.2, 60, font=SMALL, colour=MUTED)
            at += 6.5 + flow.face.width_mm(label[0], SMALL) + 6


def _placed(points: Points, x: Axis, y: Axis) -> tuple[tuple[float, float], ...]:
    """Values in millimetres."""
    return tuple((x.at_mm(one), y.at_mm(other)) for one, other in points)


def _spot(flow: Flow, spot: Spot, x: Axis, y: Axis) -> None:
    """Error bar and dot; a label stands in the dot."""
    at_x, at_y = x.at_mm(spot.x) + spot.shift_mm, y.at_mm(spot.y)
    if spot.error > 0:
        low, high = y.at_mm(spot.y - spot.error), y.at_mm(spot.y + spot.error)
        flow.mark(Rule(at_x, low, at_x, high, colour=INK, width_mm=0.4))
        flow.mark(*(Rule(at_x - 1.2, end, at_x + 1.2, end, colour=INK, width_mm=0.4) for end in (low, high)))
    flow.mark(Dot(at_x, at_y, 1.9 if spot.label else 0.9, spot.fill, WHITE))
    if spot.label:
        label = flow.lines(spot.label, 4, SMALL_STRONG, limit=1)
        flow.write(label, at_x - 2, at_y - 1.35, 4, font=SMALL_STRONG, colour=WHITE, align="centre")


def _word(flow: Flow, text: str, x_mm: float, y_mm: float, align: Align) -> None:
    """A small label: its left end, middle or right end at `x_mm`."""
    lines = flow.lines(text, 80, SMALL, limit=1)
    width = flow.face.width_mm(lines[0], SMALL)
    shift = {"left": 0.0, "centre": width / 2, "right": width}[align]
    flow.write(lines, x_mm - shift, y_mm, width, font=SMALL, colour=MUTED)

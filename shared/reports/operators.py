"""Marks as the operators of a PDF content stream (ISO 32000-1, 8 and 9). Pure; y runs upwards, in points.

One mark becomes one line, and colour, line and font are set only where they change. That is a third of the time that
the PDF library takes for the same, which sets and checks its whole state for every piece of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.reports.layout.ink import (
    PAGE_HEIGHT_MM,
    POINT_MM,
    Box,
    Colour,
    Dot,
    Mark,
    Poly,
    Rule,
    Text,
)
from shared.reports.layout.typeface import Typeface

K = 1 / POINT_MM
"""Points in a millimetre."""

_ARC = 0.5522847498
"""Length of the handles of a cubic curve that stands for a quarter of a circle."""


class Codes(Protocol):
    """One font of the document: its number among the resources and the string code of each character."""

    @property
    def number(self) -> int:
        """The N of its resource name /FN."""

    @property
    def codes(self) -> Mapping[str, str]:
        """Escaped code of each character of the font."""


class Shelf(Protocol):
    """The document's fonts."""

    def font(self, path: Path) -> Codes:
        """The font of a file, loaded when it is first asked for."""


@dataclass
class Operators:
    """The content stream of one page. The state of colour, line and font is that of an untouched page."""

    face: Typeface
    shelf: Shelf
    used: set[Path] = field(default_factory=set)
    """Font files that the page uses."""

    _lines: list[str] = field(default_factory=list)
    _fill: Colour | None = None
    _stroke: tuple[Colour, float] | None = None
    _font: tuple[int, float] | None = None

    def stream(self, marks: Iterable[Mark]) -> bytes:
        """All marks in their order, between a saved and a restored state."""
        self._lines.append("q")
        for mark in marks:
            match mark:
                case Text():
                    self._text(mark)
                case Box():
                    self._box(mark)
                case Rule():
                    self._pen(mark.colour, mark.width_mm)
                    self._lines.append(f"{_at(mark.x1_mm, mark.y1_mm)} m {_at(mark.x2_mm, mark.y2_mm)} l S")
                case Poly():
                    self._poly(mark)
                case Dot():
                    self._dot(mark)
        self._lines.append("Q\n")
        return "\n".join(self._lines).encode("latin-1")

    def _ink(self, colour: Colour) -> None:
        """Fill with `colour` from here on."""
        if colour != self._fill:
            self._fill = colour
            self._lines.append(f"{_rgb(colour)} rg")

    def _pen(self, colour: Colour, width_mm: float) -> None:
        """Draw lines so from here on."""
        if (colour, width_mm) != self._stroke:
            self._stroke = (colour, width_mm)
            self._lines.append(f"{_rgb(colour)} RG {width_mm * K:.2f} w")

    def _text(self, mark: Text) -> None:
        """One line of text, in as many pieces as it needs font files."""
        self._ink(mark.colour)
        x = mark.x_mm
        runs = self.face.runs(mark.text, bold=mark.font.bold)
        for path, piece in runs:
            font = self.shelf.font(path)
            self.used.add(path)
            chosen = (font.number, mark.font.size_pt)
            select = "" if chosen == self._font else f"/F{font.number} {mark.font.size_pt:.2f} Tf "
            self._font = chosen
            codes = font.codes
            text = "".join([codes[character] for character in piece])
            self._lines.append(f"BT {select}{_at(x, mark.y_mm)} Td ({text}) Tj ET")
            if len(runs) > 1:
                x += self.face.width_mm(piece, mark.font)

    def _box(self, mark: Box) -> None:
        """A filled rectangle, its corners rounded if asked."""
        self._ink(mark.fill)
        if mark.radius_mm > 0:
            self._lines.append(_rounded(mark))
        else:
            corner = _at(mark.x_mm, mark.y_mm + mark.height_mm)
            self._lines.append(f"{corner} {mark.width_mm * K:.2f} {mark.height_mm * K:.2f} re f")

    def _poly(self, mark: Poly) -> None:
        """A filled shape, a line, or both."""
        first, *others = (_at(x, y) for x, y in mark.points)
        path = f"{first} m {' '.join([f'{point} l' for point in others])}"
        if mark.fill is not None:
            self._ink(mark.fill)
            self._lines.append(f"{path} h f")
        if mark.colour is not None:
            self._pen(mark.colour, mark.width_mm)
            dash = f"[{mark.dash_mm * K:.2f}] 0 d " if mark.dash_mm else ""
            self._lines.append(f"{dash}{path} S{' [] 0 d' if dash else ''}")

    def _dot(self, mark: Dot) -> None:
        """A disc with its rim."""
        self._ink(mark.fill)
        self._pen(mark.rim, 0.4)
        x, y, r = mark.x_mm, mark.y_mm, mark.radius_mm
        arc = r * _ARC
        self._lines.append(
            f"{_at(x + r, y)} m "
            f"{_curve((x + r, y + arc), (x + arc, y + r), (x, y + r))} "
            f"{_curve((x - arc, y + r), (x - r, y + arc), (x - r, y))} "
            f"{_curve((x - r, y - arc), (x - arc, y - r), (x, y - r))} "
            f"{_curve((x + arc, y - r), (x + r, y - arc), (x + r, y))} h B"
        )


def _at(x_mm: float, y_mm: float) -> str:
    """A point, from millimetres off the top left corner."""
    return f"{x_mm * K:.2f} {(PAGE_HEIGHT_MM - y_mm) * K:.2f}"


def _curve(*points: tuple[float, float]) -> str:
    """A cubic curve over two handles to its end."""
    return f"{' '.join([_at(x, y) for x, y in points])} c"


def _rgb(colour: Colour) -> str:
    """A colour's three parts."""
    red, green, blue = colour
    return f"{red / 255:.4g} {green / 255:.4g} {blue / 255:.4g}"


def _rounded(mark: Box) -> str:
    """A rectangle with rounded corners, clockwise from the left end of the upper edge."""
    left, top = mark.x_mm, mark.y_mm
    right, foot = left + mark.width_mm, top + mark.height_mm
    r = min(mark.radius_mm, mark.width_mm / 2, mark.height_mm / 2)
    rest = r * (1 - _ARC)
    return (
        f"{_at(left + r, top)} m {_at(right - r, top)} l "
        f"{_curve((right - rest, top), (right, top + rest), (right, top + r))} {_at(right, foot - r)} l "
        f"{_curve((right, foot - rest), (right - rest, foot), (right - r, foot))} {_at(left + r, foot)} l "
        f"{_curve((left + rest, foot), (left, foot - rest), (left, foot - r))} {_at(left, top + r)} l "
        f"{_curve((left, top + rest), (left + rest, top), (left + r, top))} h f"
    )

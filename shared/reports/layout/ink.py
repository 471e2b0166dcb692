"""The display list: what lies on a page, in millimetres from the top left corner of an A4 sheet.

Layout writes it and the PDF writer reads it, so that layout stays a pure function and page numbers are known before
the first byte is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

PAGE_WIDTH_MM = 210.0
PAGE_HEIGHT_MM = 297.0
POINT_MM = 25.4 / 72
"""One typographic point in millimetres."""

Colour: TypeAlias = tuple[int, int, int]

INK: Colour = (24, 30, 42)
MUTED: Colour = (92, 101, 115)
HAIRLINE: Colour = (211, 217, 225)
PANEL: Colour = (245, 247, 249)
BRAND: Colour = (21, 58, 91)
MIDDLE: Colour = (93, 143, 188)
PALE: Colour = (190, 211, 230)
"""With BRAND three steps of one hue, far enough apart to be told apart in grey."""
WHITE: Colour = (255, 255, 255)
GOOD: Colour = (22, 112, 66)
WATCH: Colour = (166, 94, 0)
BAD: Colour = (168, 32, 26)
UNKNOWN: Colour = (104, 112, 125)


class Font(NamedTuple):
    """Size in points and weight of the one family a report uses."""

    size_pt: float
    bold: bool = False


TITLE = Font(20, bold=True)
SECTION = Font(13, bold=True)
SUBSECTION = Font(9.5, bold=True)
BODY = Font(8.5)
STRONG = Font(8.5, bold=True)
SMALL = Font(7.2)
SMALL_STRONG = Font(7.2, bold=True)
TINY = Font(5.8)


class Text(NamedTuple):
    """One line of text; `x_mm` is its left end and `y_mm` its baseline."""

    x_mm: float
    y_mm: float
    text: str
    font: Font
    colour: Colour


class Box(NamedTuple):
    """A filled rectangle; a `radius_mm` above zero rounds its corners."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    fill: Colour
    radius_mm: float = 0.0


class Rule(NamedTuple):
    """A straight line."""

    x1_mm: float
    y1_mm: float
    x2_mm: float
    y2_mm: float
    colour: Colour = HAIRLINE
    width_mm: float = 0.2


class Poly(NamedTuple):
    """Straight lines through `points`: closed and filled with `fill`, or a line of `colour`, dashed if asked."""

    points: tuple[tuple[float, float], ...]
    fill: Colour | None = None
    colour: Colour | None = None
    width_mm: float = 0.35
    dash_mm: float = 0.0


class Dot(NamedTuple):
    """A filled disc with a rim of `rim` round it."""

    x_mm: float
    y_mm: float
    radius_mm: float
    fill: Colour
    rim: Colour


class Jump(NamedTuple):
    """A rectangle that leads to the page with index `page`."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    page: int


class Link(NamedTuple):
    """A rectangle that leads to an address."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    url: str


Mark: TypeAlias = Text | Box | Rule | Poly | Dot | Jump | Link


class Bookmark(NamedTuple):
    """An entry of the document outline: `level` 0 is a section."""

    title: str
    level: int
    page: int
    y_mm: float


@dataclass
class Sheet:
    """One page: its marks in painting order."""

    marks: list[Mark] = field(default_factory=list)

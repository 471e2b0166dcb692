"""The same report laid out by reportlab's platypus: same texts, tables and charts, same font files.

It takes the sections' own blocks. Text, tables and grids are laid out by platypus, in its quickest form: a cell
that fits its column is a plain string, only one that does not is a paragraph. Charts and figures are drawn on its
canvas from the same vector marks. Left out is what the other side has beyond that: bookmarks, links and the running
head.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from shared.reports.build import SECTIONS
from shared.reports.layout.blocks import Block, Heading, KeyValues, Note, Paragraph, Together
from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, TOP_MM, Flow
from shared.reports.layout.ink import (
    BODY,
    BRAND,
    INK,
    MUTED,
    PANEL,
    SECTION,
    SMALL,
    SMALL_STRONG,
    STRONG,
    SUBSECTION,
    WHITE,
    Box,
    Colour,
    Dot,
    Font,
    Poly,
    Rule,
    Text,
)
from shared.reports.layout.table import Table
from shared.reports.layout.typeface import BOLD_FILE, REGULAR_FILE, Typeface
from shared.reports.readings import read
from shared.reports.sections import cover
from shared.reports.snapshot import Snapshot

# Loaded by name, because reportlab carries no types.
platypus = import_module("reportlab.platypus")
colors, pdfmetrics = import_module("reportlab.lib.colors"), import_module("reportlab.pdfbase.pdfmetrics")
styles, ttfonts = import_module("reportlab.lib.styles"), import_module("reportlab.pdfbase.ttfonts")
A4: tuple[float, float] = import_module("reportlab.lib.pagesizes").A4
mm: float = import_module("reportlab.lib.units").mm

NAMES = {False: "report", True: "report-bold"}


def register(fonts: Path) -> None:
    """Make the two fonts known to reportlab, once per process."""
    pdfmetrics.registerFont(ttfonts.TTFont(NAMES[False], str(fonts / REGULAR_FILE)))
    pdfmetrics.registerFont(ttfonts.TTFont(NAMES[True], str(fonts / BOLD_FILE)))


def render(snapshot: Snapshot, fonts: Path, verify_url: str) -> bytes:
    """The report as platypus makes it."""
    readings = read(snapshot, verify_url)
    face = Typeface.of(fonts)
    blocks: list[Block] = list(cover.blocks(readings))
    for section in SECTIONS:
        blocks.extend([Heading(section.title), *section.build(readings)])
    target = io.BytesIO()
    margins = {f"{side}Margin": MARGIN_MM * mm for side in ("left", "right")}
    margins |= {"topMargin": TOP_MM * mm, "bottomMargin": 18 * mm}
    document = platypus.SimpleDocTemplate(target, pagesize=A4, **margins)
    document.build([flowable for block in blocks for flowable in _flowables(block, face)])
    return target.getvalue()


def _flowables(block: Block, face: Typeface) -> Iterator[Any]:
    """What platypus knows for one of our blocks."""
    match block:
        case Together():
            for inner in block.blocks:
                yield from _flowables(inner, face)
        case Heading():
            font, colour = (SECTION, BRAND) if block.level == 0 else (SUBSECTION, INK)
            yield platypus.Spacer(1, (6 if block.level == 0 else 2.5) * mm)
            yield _words(block.title, font, colour)
        case Paragraph():
            yield _words(block.text, block.font, block.colour)
        case Note():
            panel = [("BACKGROUND", (0, 0), (-1, -1), _of(PANEL))]
            yield _grid([[_words(block.text, BODY, INK)]], [CONTENT_MM], panel)
        case KeyValues():
            yield from _key_values(block, face)
        case Table():
            yield from _table(block, face)
        case _:
            yield Drawn(block, face)


def _key_values(block: KeyValues, face: Typeface) -> Iterator[Any]:
    """Labels and values in two or four columns."""
    column = CONTENT_MM / block.columns
    widths = [column * block.label_share, column * (1 - block.label_share)] * block.columns
    rows = []
    for start in range(0, len(block.entries), block.columns):
        row: list[Any] = []
        for number, entry in enumerate(block.entries[start : start + block.columns]):
            row.append(_cell(entry.label, widths[2 * number], BODY, MUTED, face))
            row.append(_cell(entry.value, widths[2 * number + 1], STRONG, INK, face))
        rows.append(row + [""] * (len(widths) - len(row)))
    style = [("LINEBELOW", (0, 0), (-1, -1), 0.2, _of(MUTED)), *_type(BODY, INK, (0, 0), (-1, -1))]
    for number in range(block.columns):
        style.extend(_type(STRONG, INK, (2 * number + 1, 0), (2 * number + 1, -1)))
    if rows:
        yield _grid(rows, widths, style)


def _table(block: Table, face: Typeface) -> Iterator[Any]:
    """A table with repeated heads."""
    if not block.rows:
        return
    total = sum(column.share for column in block.columns)
    widths = [CONTENT_MM * column.share / total for column in block.columns]
    titles = [column.title for column in block.columns]
    heads = [_cell(text, width, SMALL_STRONG, WHITE, face) for text, width in zip(titles, widths, strict=True)]
    rows = [
        [
            _cell(text, width, SMALL_STRONG if column.strong else SMALL, INK, face)
            for text, width, column in zip(row, widths, block.columns, strict=True)
        ]
        for row in block.rows
    ]
    style: list[Any] = [
        *_type(SMALL, INK, (0, 1), (-1, -1)),
        *_type(SMALL_STRONG, WHITE, (0, 0), (-1, 0)),
        ("BACKGROUND", (0, 0), (-1, 0), _of(BRAND)),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [_of(WHITE), _of(PANEL)]),
    ]
    for number, column in enumerate(block.columns):
        if column.align == "right":
            style.append(("ALIGN", (number, 0), (number, -1), "RIGHT"))
        if column.strong:
            style.extend(_type(SMALL_STRONG, INK, (number, 1), (number, -1)))
    yield _grid([heads, *rows], widths, style, heads=1)


def _grid(rows: list[list[Any]], widths_mm: Sequence[float], style: Sequence[Any], heads: int = 0) -> Any:
    """A platypus table with our paddings."""
    padding = [(f"{side}PADDING", (0, 0), (-1, -1), 1.0 * mm) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    common = [*padding, ("VALIGN", (0, 0), (-1, -1), "TOP")]
    table = platypus.Table(
        rows, colWidths=[width * mm for width in widths_mm], repeatRows=heads, style=[*common, *style]
    )
    table.spaceAfter = 3 * mm
    return table


def _type(font: Font, colour: Colour, start: tuple[int, int], stop: tuple[int, int]) -> list[Any]:
    """Style commands for a font."""
    return [("FONT", start, stop, NAMES[font.bold], font.size_pt), ("TEXTCOLOR", start, stop, _of(colour))]


def _cell(text: str, width_mm: float, font: Font, colour: Colour, face: Typeface) -> Any:
    """A plain string where it fits, else a paragraph."""
    plain = "\n" not in text and all(map(face.has, text)) and face.width_mm(text, font) < width_mm - 2.6
    return text if plain else _words(text, font, colour)


_STYLES: dict[tuple[Font, Colour], Any] = {}


def _words(text: str, font: Font, colour: Colour) -> Any:
    """A paragraph."""
    style = _STYLES.get((font, colour))
    if style is None:
        style = styles.ParagraphStyle(str((font, colour)), fontName=NAMES[font.bold], fontSize=font.size_pt)
        style.leading, style.textColor, style.splitLongWords = font.size_pt * 1.32, _of(colour), 1
        _STYLES[font, colour] = style
    return platypus.Paragraph(escape(text), style)


def _of(colour: Colour) -> Any:
    return colors.Color(*(part / 255 for part in colour))


class Drawn(platypus.Flowable):  # type: ignore[name-defined,misc] # reportlab carries no types
    """A chart: our marks on reportlab's canvas."""

    def __init__(self, block: Block, face: Typeface) -> None:
        super().__init__()
        flow = Flow(face)
        block.place(flow)
        self._marks = flow.sheets[0].marks
        first = self._marks[0] if self._marks else None
        self._top_mm = 0.0 if isinstance(first, Box) and first.y_mm == 0 else TOP_MM
        self.width, self.height = CONTENT_MM * mm, (flow.y_mm - self._top_mm) * mm

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        self.canv.translate(-MARGIN_MM * mm, self.height)
        for mark in self._marks:
            self._paint(mark)

    def _paint(self, mark: Any) -> None:
        y = self._y
        match mark:
            case Text():
                self.canv.setFont(NAMES[mark.font.bold], mark.font.size_pt)
                self.canv.setFillColor(_of(mark.colour))
                self.canv.drawString(mark.x_mm * mm, y(mark.y_mm), mark.text)
            case Box():
                self.canv.setFillColor(_of(mark.fill))
                place = (mark.x_mm * mm, y(mark.y_mm + mark.height_mm), mark.width_mm * mm, mark.height_mm * mm)
                if mark.radius_mm:
                    self.canv.roundRect(*place, mark.radius_mm * mm, stroke=0, fill=1)
                else:
                    self.canv.rect(*place, stroke=0, fill=1)
            case Rule():
                self._stroke(mark.colour, mark.width_mm)
                self.canv.line(mark.x1_mm * mm, y(mark.y1_mm), mark.x2_mm * mm, y(mark.y2_mm))
            case Poly():
                self._poly(mark)
            case Dot():
                self._stroke(mark.rim, 0.4)
                self.canv.setFillColor(_of(mark.fill))
                self.canv.circle(mark.x_mm * mm, y(mark.y_mm), mark.radius_mm * mm, stroke=1, fill=1)

    def _poly(self, mark: Poly) -> None:
        path = self.canv.beginPath()
        (x, y), *others = mark.points
        path.moveTo(x * mm, self._y(y))
        for x, y in others:
            path.lineTo(x * mm, self._y(y))
        if mark.fill is not None:
            self.canv.setFillColor(_of(mark.fill))
            self.canv.drawPath(path, stroke=0, fill=1)
        if mark.colour is not None:
            self._stroke(mark.colour, mark.width_mm)
            self.canv.drawPath(path, stroke=1, fill=0)

    def _stroke(self, colour: Colour, width_mm: float) -> None:
        self.canv.setStrokeColor(_of(colour))
        self.canv.setLineWidth(width_mm * mm)

    def _y(self, y_mm: float) -> float:
        """Our millimetres from the top in points from the flowable's foot, which lies `height` below."""
        return (self._top_mm - y_mm) * mm

"""The PDF writer: sheets of marks become the bytes of a document. The only module that knows the PDF library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shared.reports.layout.ink import Bookmark, Box, Font, Jump, Mark, Rule, Sheet, Text
from shared.reports.layout.typeface import Typeface

if TYPE_CHECKING:
    from fpdf import FPDF


@dataclass(frozen=True)
class Imprint:
    """What the document says of itself."""

    title: str
    subject: str
    created_at: datetime
    author: str = "Car Pulse Tracker"
    language: str = "en-GB"


def write_pdf(sheets: Sequence[Sheet], bookmarks: Sequence[Bookmark], face: Typeface, imprint: Imprint) -> bytes:
    """One A4 page per sheet; the same arguments give the same bytes.

    The document id is the library's: a digest of the contents. The creation date is `imprint.created_at`.

    Raises:
        OSError: A font file of `face` cannot be read.
    """
    pdf = _document(imprint)
    pen = _Pen(pdf, face)
    for number, sheet in enumerate(sheets):
        pdf.add_page()
        for mark in sheet.marks:
            pen.paint(mark)
        for bookmark in bookmarks:
            if bookmark.page == number:
                pdf.set_y(bookmark.y_mm - 2)
                pdf.start_section(bookmark.title, level=bookmark.level)
    return bytes(pdf.output())


def _document(imprint: Imprint) -> FPDF:
    """An empty A4 document with metadata."""
    from fpdf import FPDF
    from fpdf.prefs import ViewerPreferences

    pdf = FPDF(format="A4", unit="mm")
    pdf.set_auto_page_break(auto=False)
    pdf.set_title(imprint.title)
    pdf.set_subject(imprint.subject)
    pdf.set_author(imprint.author)
    pdf.set_creator(imprint.author)
    pdf.set_lang(imprint.language)
    pdf.set_creation_date(imprint.created_at)
    pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
    return pdf


@dataclass
class _Pen:
    """Paints marks; loads a font file when its first character is needed."""

    pdf: FPDF
    face: Typeface
    _families: dict[Path, str] = field(default_factory=dict)
    _font: tuple[str, float] | None = None

    def paint(self, mark: Mark) -> None:
        """Put one mark on the current page."""
        match mark:
            case Text():
                self._text(mark)
            case Box():
                self.pdf.set_fill_color(*mark.fill)
                rounded = mark.radius_mm > 0
                self.pdf.rect(
                    mark.x_mm,
                    mark.y_mm,
                    mark.width_mm,
                    mark.height_mm,
                    style="F",
                    round_corners=rounded,
                    corner_radius=mark.radius_mm,
                )
            case Rule():
                self.pdf.set_draw_color(*mark.colour)
                self.pdf.set_line_width(mark.width_mm)
                self.pdf.line(mark.x1_mm, mark.y1_mm, mark.x2_mm, mark.y2_mm)
            case Jump():
                link = self.pdf.add_link(page=mark.page + 1)
                self.pdf.link(mark.x_mm, mark.y_mm, mark.width_mm, mark.height_mm, link)

    def _text(self, mark: Text) -> None:
        """One line, in as many pieces as it needs font files."""
        self.pdf.set_text_color(*mark.colour)
        x = mark.x_mm
        for path, piece in self.face.runs(mark.text, bold=mark.font.bold):
            self._use(path, mark.font)
            self.pdf.text(x, mark.y_mm, piece)
            x += self.face.width_mm(piece, mark.font)

    def _use(self, path: Path, font: Font) -> None:
        """Select the font file at the size of `font`."""
        if path not in self._families:
            self._families[path] = f"f{len(self._families)}"
            self.pdf.add_font(self._families[path], "", path)
        wanted = (self._families[path], font.size_pt)
        if wanted != self._font:
            self.pdf.set_font(self._families[path], "", font.size_pt)
            self._font = wanted

"""The PDF writer: sheets of marks become the bytes of a document. The only module that knows the PDF library.

The library makes the document: fonts and their subsets, pages, links, outline, metadata, cross references. What lies
on a page comes from `operators` and is added to the page's contents as it is: the library's own drawing calls cost
three times as much as all the layout before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from shared.reports.layout.ink import Bookmark, Jump, Link, Sheet
from shared.reports.layout.typeface import Typeface
from shared.reports.operators import Operators

if TYPE_CHECKING:
    from fpdf import FPDF
    from fpdf.fonts import TTFFont


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
    shelf = _Shelf(pdf)
    for number, sheet in enumerate(sheets):
        pdf.add_page()
        _paint(pdf, sheet, face, shelf)
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


def _paint(pdf: FPDF, sheet: Sheet, face: Typeface, shelf: _Shelf) -> None:
    """Put the marks of a sheet on the page that is open."""
    operators = Operators(face, shelf)
    stream = operators.stream(sheet.marks)
    for path in sorted(operators.used):
        shelf.announce(path)
    contents = pdf.pages[pdf.page].contents
    if not isinstance(contents, bytearray):
        raise TypeError("an open page of the PDF library has no contents to add to")
    contents.extend(stream)
    for mark in sheet.marks:
        if isinstance(mark, Jump):
            link = pdf.add_link(page=mark.page + 1)
            pdf.link(mark.x_mm, mark.y_mm, mark.width_mm, mark.height_mm, link)
        elif isinstance(mark, Link):
            pdf.link(mark.x_mm, mark.y_mm, mark.width_mm, mark.height_mm, mark.url)


class _CodesOf(dict[str, str]):
    """The code of each character in the document's subset of a font, as an escaped string; looked up once."""

    def __init__(self, font: TTFFont) -> None:
        super().__init__()
        self._font = font

    def __missing__(self, character: str) -> str:
        """Ask the library, which gives the character a place in its subset."""
        code = self._font.subset.pick(ord(character))
        text = self._font.escape_text(chr(code or 0))
        self[character] = text
        return text


@dataclass(frozen=True)
class _Font:
    """A font of the document."""

    family: str
    number: int
    codes: _CodesOf


@dataclass
class _Shelf:
    """The document's fonts, each loaded when its first character is needed."""

    pdf: FPDF
    _fonts: dict[Path, _Font] = field(default_factory=dict)

    def font(self, path: Path) -> _Font:
        """The font of a file."""
        found = self._fonts.get(path)
        return found if found is not None else self._load(path)

    def _load(self, path: Path) -> _Font:
        """Add the file to the document."""
        family = f"f{len(self._fonts)}"
        self.pdf.add_font(family, "", path)
        loaded = cast("TTFFont", self.pdf.fonts[family])
        # Outlines are copied as they are: fontTools would unpack, measure and pack each glyph anew.
        loaded.ttfont.recalcBBoxes = False
        self._fonts[path] = _Font(family, loaded.i, _CodesOf(loaded))
        return self._fonts[path]

    def announce(self, path: Path) -> None:
        """Have the library list the font among the page's resources, which it does for text of its own only."""
        family = self._fonts[path].family
        for size_pt in (1, 2):  # a change of size, so that the font counts as new to the page
            self.pdf.set_font(family, "", size_pt)
        self.pdf.text(0, 0, "")

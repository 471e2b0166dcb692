"""The coloured band at the top of the first page."""

from __future__ import annotations

from dataclasses import dataclass

from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Flow
from shared.reports.layout.ink import BODY, BRAND, PAGE_WIDTH_MM, SUBSECTION, TITLE, WHITE, Colour, Font, Link
from shared.reports.layout.qr import MOST_CHARACTERS, runs

_HEIGHT_MM = 46.0
_CODE_MM = 34.0
_CODE_X_MM = PAGE_WIDTH_MM - MARGIN_MM - _CODE_MM
_PALE: Colour = (196, 212, 228)
_SUBTITLE = Font(11)


@dataclass(frozen=True)
class Masthead:
    """A small title above the subject, and two lines below; an empty one leaves no gap. `url` becomes a QR code."""

    title: str
    subject: str
    subtitle: str
    line: str
    url: str = ""

    def lead_mm(self, flow: Flow) -> float:
        """The whole band; `flow` does not matter."""
        del flow
        return _HEIGHT_MM

    def place(self, flow: Flow) -> None:
        """Draw at the very top, over the margin."""
        flow.box(0, 0, PAGE_WIDTH_MM, _HEIGHT_MM, BRAND)
        if 0 < len(self.url) <= MOST_CHARACTERS:
            flow.box(_CODE_X_MM, 6, _CODE_MM, _CODE_MM, WHITE)
            flow.mark(*runs(self.url, _CODE_X_MM, 6, _CODE_MM), Link(_CODE_X_MM, 6, _CODE_MM, _CODE_MM, self.url))
        self._line(flow, self.title, SUBSECTION, 9.0, _PALE)
        self._line(flow, self.subject, self._title_font(flow), 14.5, WHITE)
        self._line(flow, self.subtitle, _SUBTITLE, 25.0, WHITE)
        self._line(flow, self.line, BODY, 33.5 if self.subtitle else 27.0, _PALE)
        flow.y_mm = _HEIGHT_MM + 6

    @property
    def _width_mm(self) -> float:
        """Width beside the code."""
        return CONTENT_MM - _CODE_MM - 4 if self.url else CONTENT_MM

    def _title_font(self, flow: Flow) -> Font:
        """The largest of the titles' fonts in which the subject fits on its line."""
        sizes = (TITLE, *(Font(size_pt, bold=True) for size_pt in (17, 14)))
        fitting = (font for font in sizes if len(flow.lines(self.subject, self._width_mm, font)) == 1)
        return next(fitting, sizes[-1])

    def _line(self, flow: Flow, text: str, font: Font, y_mm: float, colour: Colour) -> None:
        """One line of the band."""
        line = flow.lines(text, self._width_mm, font, limit=1)
        flow.write(line, MARGIN_MM, y_mm, self._width_mm, font=font, colour=colour)

"""The coloured band at the top of the first page."""

from __future__ import annotations

from dataclasses import dataclass

from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Flow
from shared.reports.layout.ink import BODY, BRAND, PAGE_WIDTH_MM, SUBSECTION, TITLE, WHITE, Colour, Font

_HEIGHT_MM = 46.0
_PALE: Colour = (196, 212, 228)
_SUBTITLE = Font(11)


@dataclass(frozen=True)
class Masthead:
    """A small title above the subject, and two lines below; an empty one leaves no gap."""

    title: str
    subject: str
    subtitle: str
    line: str

    def lead_mm(self, flow: Flow) -> float:
        """The whole band; `flow` does not matter."""
        del flow
        return _HEIGHT_MM

    def place(self, flow: Flow) -> None:
        """Draw at the very top, over the margin."""
        flow.box(0, 0, PAGE_WIDTH_MM, _HEIGHT_MM, BRAND)
        self._line(flow, self.title, SUBSECTION, 9.0, _PALE)
        self._line(flow, self.subject, TITLE, 14.5, WHITE)
        self._line(flow, self.subtitle, _SUBTITLE, 25.0, WHITE)
        self._line(flow, self.line, BODY, 33.5 if self.subtitle else 27.0, _PALE)
        flow.y_mm = _HEIGHT_MM + 6

    @staticmethod
    def _line(flow: Flow, text: str, font: Font, y_mm: float, colour: Colour) -> None:
        """One line of the band."""
        line = flow.lines(text, CONTENT_MM, font, limit=1)
        flow.write(line, MARGIN_MM, y_mm, CONTENT_MM, font=font, colour=colour)

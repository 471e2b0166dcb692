"""A week in hours: how often something began, as shade and as figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Flow
from shared.reports.layout.ink import BRAND, HAIRLINE, INK, MUTED, PANEL, SMALL, WHITE, Colour, Rule

_LEFT_MM, _ROW_MM, _HEAD_MM = 13.0, 4.6, 4.4
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = 24
_DARK = 0.45


@dataclass(frozen=True)
class Week:
    """Counts by weekday (Monday first) and hour."""

    counts: Sequence[Sequence[int]]

    def lead_mm(self, flow: Flow) -> float:
        """The whole grid; `flow` does not matter."""
        del flow
        return _HEAD_MM + len(_DAYS) * _ROW_MM + 3

    def place(self, flow: Flow) -> None:
        """Draw it at the cursor."""
        flow.need(self.lead_mm(flow))
        cell = (CONTENT_MM - _LEFT_MM) / _HOURS
        left, top = MARGIN_MM + _LEFT_MM, flow.y_mm + _HEAD_MM
        flow.box(left, top, CONTENT_MM - _LEFT_MM, len(_DAYS) * _ROW_MM, PANEL)
        for hour in range(0, _HOURS, 2):
            flow.write([f"{hour:02d}"], left + hour * cell - 2, flow.y_mm + 0.6, cell + 4, font=SMALL, colour=MUTED,
                       align="centre")  # fmt: skip
        highest = max((count for row in self.counts for count in row), default=0)
        for number, (day, row) in enumerate(zip(_DAYS, self.counts, strict=False)):
            y = top + number * _ROW_MM
            flow.write([day], MARGIN_MM, y + 0.8, _LEFT_MM, font=SMALL, colour=MUTED)
            for hour, count in enumerate(row):
                if count:
                    self._cell(flow, (left + hour * cell, y, cell), count, count / highest)
            flow.mark(Rule(left, y, MARGIN_MM + CONTENT_MM, y, colour=WHITE))
        flow.mark(*(self._upright(left + hour * cell, top) for hour in range(0, _HOURS + 1, 6)))
        flow.y_mm += self.lead_mm(flow)

    @staticmethod
    def _upright(x: float, top: float) -> Rule:
        """A line down the grid every six hours."""
        return Rule(x, top, x, top + len(_DAYS) * _ROW_MM, colour=HAIRLINE)

    @staticmethod
    def _cell(flow: Flow, place: tuple[float, float, float], count: int, share: float) -> None:
        """One hour that has any."""
        x, y, width = place
        flow.box(x, y, width, _ROW_MM, _shade(share))
        colour = WHITE if share > _DARK else INK
        flow.write([str(count)], x, y + 0.8, width, font=SMALL, colour=colour, align="centre")


def _shade(share: float) -> Colour:
    """From pale to the brand's colour."""
    depth = 0.2 + 0.8 * share
    red, green, blue = (round(paper + (ink - paper) * depth) for paper, ink in zip(PANEL, BRAND, strict=True))
    return red, green, blue

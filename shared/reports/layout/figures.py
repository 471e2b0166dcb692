"""Small figures made of boxes and text: lights, bars, a car seen from above. All are readable without colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.reports.layout.flow import CONTENT_MM, MARGIN_MM, Flow, line_mm
from shared.reports.layout.ink import (
    BAD,
    BODY,
    BRAND,
    GOOD,
    HAIRLINE,
    INK,
    MUTED,
    PANEL,
    SMALL,
    STRONG,
    TINY,
    UNKNOWN,
    WATCH,
    WHITE,
    Colour,
    Font,
)
from shared.reports.level import Level, Verdict

_CAR_MM = 47.0
_FEW_BARS = 6

LEVEL_COLOURS: dict[Level, Colour] = {
    Level.GOOD: GOOD,
    Level.WATCH: WATCH,
    Level.BAD: BAD,
    Level.UNKNOWN: UNKNOWN,
}


@dataclass(frozen=True)
class Light:
    """A verdict, what it is about, and where and when that comes from."""

    title: str
    verdict: Verdict
    source: str = ""


@dataclass(frozen=True)
class Lights:
    """A row of verdicts."""

    lights: Sequence[Light]

    def lead_mm(self, flow: Flow) -> float:
        """About the height of the row; `flow` does not matter."""
        del flow
        return 30.0

    def place(self, flow: Flow) -> None:
        """Draw one tile per light, all of one height."""
        gap = 3.0
        width = (CONTENT_MM - gap * (len(self.lights) - 1)) / len(self.lights)
        reasons = [flow.lines(light.verdict.reason, width - 5, SMALL, limit=7) for light in self.lights]
        sources = [
            flow.lines(light.source, width - 5, TINY, limit=3) if light.source else [] for light in self.lights
        ]
        foot = max(map(len, sources)) * line_mm(TINY)
        height = 15.5 + max(map(len, reasons)) * line_mm(SMALL) + (foot + 1.5 if foot else 0.0)
        flow.need(height)
        flow.y_mm += 1.5
        for number, (light, reason) in enumerate(zip(self.lights, reasons, strict=True)):
            x = MARGIN_MM + number * (width + gap)
            self._tile(flow, light, reason, (x, width, height))
            flow.write(sources[number], x + 2.5, flow.y_mm + height - foot - 1.6, width - 5, font=TINY, colour=MUTED)
        flow.y_mm += height + 4

    @staticmethod
    def _tile(flow: Flow, light: Light, reason: list[str], place: tuple[float, float, float]) -> None:
        """Draw one tile at `place`: left end, width and height in millimetres."""
        x, width, height = place
        colour = LEVEL_COLOURS[light.verdict.level]
        flow.panel(x, flow.y_mm, width, height, PANEL)
        flow.box(x, flow.y_mm, width, 1.2, colour)
        flow.panel(x + 2.5, flow.y_mm + 4, 6.4, 6.4, colour)
        sign = Font(11, bold=True)
        flow.write(
            [light.verdict.level.value], x + 2.5, flow.y_mm + 5.1, 6.4, font=sign, colour=WHITE, align="centre"
        )
        title = flow.lines(light.title, width - 13, SMALL, limit=1)
        flow.write(title, x + 11, flow.y_mm + 3.9, width - 13, font=SMALL, colour=MUTED)
        word = flow.lines(light.verdict.word, width - 12, STRONG, limit=1)
        flow.write(word, x + 11, flow.y_mm + 7.1, width - 12, font=STRONG, colour=colour)
        flow.write(reason, x + 2.5, flow.y_mm + 12.8, width - 5, font=SMALL)


@dataclass(frozen=True)
class Bar:
    """A share between 0 and 1 with its words; `mark` is a second share drawn as a line across."""

    label: str
    share: float
    value: str
    mark: float | None = None


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, one per line."""

    bars: Sequence[Bar]
    label_mm: float = 46.0
    value_mm: float = 52.0

    def lead_mm(self, flow: Flow) -> float:
        """A few bars stay together; `flow` does not matter."""
        del flow
        return min(len(self.bars), _FEW_BARS) * (line_mm(BODY) + 2.2)

    def place(self, flow: Flow) -> None:
        """Draw each bar between its label and its value."""
        flow.need(self.lead_mm(flow))
        for bar in self.bars:
            self._bar(flow, bar)
        flow.y_mm += 2

    def _bar(self, flow: Flow, bar: Bar) -> None:
        """One line."""
        track = CONTENT_MM - self.label_mm - self.value_mm - 4
        label = flow.lines(bar.label, self.label_mm - 3, limit=2)
        value = flow.lines(bar.value, self.value_mm, STRONG, limit=2)
        height = max(len(label), len(value)) * line_mm(BODY) + 2.2
        flow.need(height)
        x, y = MARGIN_MM + self.label_mm, flow.y_mm + 1.2
        flow.write(label, MARGIN_MM, flow.y_mm + 0.7, self.label_mm, colour=MUTED)
        flow.panel(x, y, track, 3.2, HAIRLINE)
        if bar.share > 0:
            flow.panel(x, y, max(2.4, track * min(1.0, bar.share)), 3.2, BRAND)
        if bar.mark is not None:
            flow.box(x + track * min(1.0, max(0.0, bar.mark)) - 0.3, y - 0.9, 0.6, 5.0, INK)
        flow.write(value, x + track + 4, flow.y_mm + 0.7, self.value_mm, font=STRONG)
        flow.y_mm += height


@dataclass(frozen=True)
class Wheel:
    """One wheel: pressure and what is to be said of it."""

    name: str
    value: str
    remark: str
    level: Level


@dataclass(frozen=True)
class Wheels:
    """The car from above: front left, front right, rear left, rear right."""

    wheels: tuple[Wheel, Wheel, Wheel, Wheel]

    def lead_mm(self, flow: Flow) -> float:
        """The whole figure; `flow` does not matter."""
        del flow
        return _CAR_MM + 3

    def place(self, flow: Flow) -> None:
        """Draw the body in the middle and a tile beside each wheel."""
        height, middle = _CAR_MM, MARGIN_MM + CONTENT_MM / 2
        flow.need(self.lead_mm(flow))
        top = flow.y_mm
        flow.panel(middle - 11, top + 1, 22, height - 3, HAIRLINE)
        flow.panel(middle - 8, top + 12, 16, 7, WHITE)
        flow.panel(middle - 8, top + 34, 16, 5, WHITE)
        flow.write(["front"], middle - 10, top + 4, 20, font=SMALL, colour=MUTED, align="centre")
        for number, wheel in enumerate(self.wheels):
            left, y = number % 2 == 0, top + (number // 2 * 24.0)
            flow.panel(middle - 14 if left else middle + 10, y + 5, 4, 11, INK)
            self._tile(flow, wheel, MARGIN_MM if left else middle + 18, y)
        flow.y_mm = top + height + 2

    @staticmethod
    def _tile(flow: Flow, wheel: Wheel, x_mm: float, y_mm: float) -> None:
        """The words beside a wheel."""
        width, colour = CONTENT_MM / 2 - 18, LEVEL_COLOURS[wheel.level]
        flow.panel(x_mm, y_mm, width, 21, PANEL)
        flow.box(x_mm, y_mm, 1.2, 21, colour)
        flow.write([wheel.name], x_mm + 4, y_mm + 1.6, width, font=SMALL, colour=MUTED)
        flow.write([wheel.value], x_mm + 4, y_mm + 5.2, width, font=Font(12, bold=True))
        remark = flow.lines(f"{wheel.level.value} {wheel.remark}", width - 6, SMALL, limit=3)
        flow.write(remark, x_mm + 4, y_mm + 11, width - 6, font=SMALL, colour=colour)

"""Measures of the fonts: which characters they have and how wide those are.

Parsed once per process and file. The PDF library parses the files again for every document, because it cuts its copy
down to the characters used; that copy cannot be shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from shared.reports.layout.ink import POINT_MM, Font

REGULAR_FILE = "DejaVuSans.ttf"
BOLD_FILE = "DejaVuSans-Bold.ttf"


@lru_cache(maxsize=8)
def advances(path: Path) -> Mapping[str, int]:
    """Every character of the font file at `path` with its advance in thousandths of the font size.

    Raises:
        OSError: The file cannot be read.
    """
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True, fontNumber=0) as font:
        scale = 1000 / font["head"].unitsPerEm
        metrics = font["hmtx"].metrics
        return {chr(code): round(metrics[glyph][0] * scale) for code, glyph in font.getBestCmap().items()}


@dataclass(frozen=True)
class Typeface:
    """The fonts of one document: regular, bold, and fallbacks in order of preference."""

    regular: Path
    bold: Path
    fallbacks: tuple[Path, ...] = ()

    @classmethod
    def of(cls, fonts: Path, fallback_fonts: Sequence[Path] = ()) -> Typeface:
        """The typeface in the folder `fonts`, with further font files for characters it lacks."""
        return cls(fonts / REGULAR_FILE, fonts / BOLD_FILE, tuple(fallback_fonts))

    def chain(self, *, bold: bool) -> tuple[Path, ...]:
        """The files to look a character up in, first match wins."""
        return (self.bold, self.regular, *self.fallbacks) if bold else (self.regular, *self.fallbacks)

    @cached_property
    def _widths(self) -> tuple[dict[str, int], dict[str, int]]:
        """Advances of the whole chain, for regular and bold."""
        regular, bold = ({}, {})  # type: tuple[dict[str, int], dict[str, int]]
        for widths, is_bold in ((regular, False), (bold, True)):
            for path in reversed(self.chain(bold=is_bold)):
                widths.update(advances(path))
        return regular, bold

    def has(self, character: str) -> bool:
        """Whether any font of the chain can show the character."""
        return character in self._widths[0]

    def width_mm(self, text: str, font: Font) -> float:
        """Width of one line. Every character must be one that `has` knows."""
        widths = self._widths[font.bold]
        return sum([widths[character] for character in text]) * font.size_pt * POINT_MM / 1000

    def runs(self, text: str, *, bold: bool) -> list[tuple[Path, str]]:
        """`text` cut into pieces that one font file each can show."""
        chain = self.chain(bold=bold)
        if advances(chain[0]).keys() >= set(text):
            return [(chain[0], text)]
        pieces: list[tuple[Path, str]] = []
        for character in text:
            path = next((path for path in chain if character in advances(path)), chain[0])
            if pieces and pieces[-1][0] == path:
                pieces[-1] = (path, pieces[-1][1] + character)
            else:
                pieces.append((path, character))
        return pieces

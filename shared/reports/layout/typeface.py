"""Measures of the fonts: which characters they have and how wide those are.

A document names each font file it uses, and the PDF library parses that file anew and cuts its copy down to the
characters used. Both cost by the size of the file, most of all for a family with six thousand glyphs. So beside each
full file lies a core: the same outlines for the Latin, Greek and Cyrillic alphabets. Nearly every report is written
in the cores alone; the full file is opened, by layout and by the library, when its first other character comes up.

The files hold outlines and advances only: hints and layout tables, which a PDF made here does not use, were taken out
(pyftsubset with all characters, --no-hinting, --layout-features='', --no-glyph-names).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from shared.reports.layout.ink import POINT_MM, Font

REGULAR_FILE = "DejaVuSans.ttf"
BOLD_FILE = "DejaVuSans-Bold.ttf"
REGULAR_CORE_FILE = "DejaVuSans-Core.ttf"
BOLD_CORE_FILE = "DejaVuSans-Bold-Core.ttf"


@lru_cache(maxsize=16)
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


class Advances(dict[str, int]):
    """Advances over a chain of font files; a file is opened when no file before it has the character."""

    def __init__(self, chain: Sequence[Path]) -> None:
        super().__init__(advances(chain[0]))
        self._others = chain[1:]

    def __missing__(self, character: str) -> int:
        """The advance in the first further file that has the character. Raises KeyError when none has."""
        for path in self._others:
            if character in advances(path):
                self[character] = advances(path)[character]
                return self[character]
        raise KeyError(character)


@lru_cache(maxsize=16)
def _measures(chain: tuple[Path, ...]) -> Advances:
    """The advances of a chain, kept for the documents to come."""
    return Advances(chain)


@dataclass(frozen=True)
class Typeface:
    """The fonts of one document: regular, bold, and fallbacks, each file first in its own core if it has one."""

    regular: tuple[Path, ...]
    bold: tuple[Path, ...]
    fallbacks: tuple[Path, ...] = ()

    @classmethod
    def of(cls, fonts: Path, fallback_fonts: Sequence[Path] = ()) -> Typeface:
        """The typeface in the folder `fonts`, with further font files for characters it lacks."""
        regular = _core_first(fonts / REGULAR_CORE_FILE, fonts / REGULAR_FILE)
        bold = _core_first(fonts / BOLD_CORE_FILE, fonts / BOLD_FILE)
        return cls(regular, bold, tuple(fallback_fonts))

    def chain(self, *, bold: bool) -> tuple[Path, ...]:
        """The files to look a character up in, first match wins."""
        return (*(self.bold if bold else ()), *self.regular, *self.fallbacks)

    @cached_property
    def _widths(self) -> tuple[Advances, Advances]:
        """Advances of the whole chain, for regular and bold."""
        return _measures(self.chain(bold=False)), _measures(self.chain(bold=True))

    def has(self, character: str) -> bool:
        """Whether any font of the chain can show the character."""
        return character in self._widths[0] or any(character in advances(path) for path in self.chain(bold=False))

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


def _core_first(core: Path, full: Path) -> tuple[Path, ...]:
    """Core and full file, or the full file alone where the folder has no core."""
    return (core, full) if core.is_file() else (full,)

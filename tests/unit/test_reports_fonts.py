"""The core fonts are the full ones, cut down. `python -m tests.unit.test_reports_fonts` writes them anew."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from shared.reports.layout.ink import BODY, STRONG
from shared.reports.layout.typeface import (
    BOLD_CORE_FILE,
    BOLD_FILE,
    REGULAR_CORE_FILE,
    REGULAR_FILE,
    Typeface,
    advances,
)
from tests.unit.test_reports_samples import FONTS

PAIRS = ((REGULAR_FILE, REGULAR_CORE_FILE), (BOLD_FILE, BOLD_CORE_FILE))
ALPHABETS = ((0x20, 0x7E), (0xA0, 0x17F), (0x370, 0x3FF), (0x400, 0x45F), (0x2010, 0x2027), (0x2030, 0x203A),
             (0x20A0, 0x20BF))  # fmt: skip
SIGNS = "\u2212\u00d7✓✕≥≤≈≠→←↑↓⚡★☆❤♥™\ufffd"
UNUSED = ["GDEF", "GPOS", "GSUB", "MATH", "FFTM", "kern", "gasp"]


def core_of(path: Path) -> bytes:
    """The font at `path` with the characters that reports are made of, without hints and without shaping."""
    options = Options(notdef_outline=True, recommended_glyphs=True, hinting=False, layout_features=[], name_IDs=["*"])
    options.drop_tables += UNUSED
    with TTFont(path, recalcTimestamp=False) as font:
        subsetter = Subsetter(options)
        subsetter.populate(
            unicodes=[code for first, last in ALPHABETS for code in range(first, last + 1)], text=SIGNS
        )
        subsetter.subset(font)
        target = io.BytesIO()
        font.save(target)
    return target.getvalue()


@pytest.mark.parametrize(("full", "core"), PAIRS)
def test_a_core_is_cut_from_its_font(full: str, core: str) -> None:
    assert (FONTS / core).read_bytes() == core_of(FONTS / full)


@pytest.mark.parametrize(("full", "core"), PAIRS)
def test_a_core_has_the_advances_of_its_font(full: str, core: str) -> None:
    whole, part = advances(FONTS / full), advances(FONTS / core)
    assert len(part) > 600
    assert part.items() <= whole.items()


def test_what_the_core_lacks_comes_from_the_full_font() -> None:
    face = Typeface.of(FONTS)
    lacking = min(set(advances(FONTS / BOLD_FILE)) - set(advances(FONTS / BOLD_CORE_FILE)))
    assert [path.name for path, _ in face.runs(f"a{lacking}", bold=True)] == [BOLD_CORE_FILE, BOLD_FILE]
    assert face.has(lacking)
    assert face.width_mm(lacking, STRONG) > 0


def test_a_folder_without_cores_gives_the_same_measures(tmp_path: Path) -> None:
    for name in (REGULAR_FILE, BOLD_FILE):
        (tmp_path / name).symlink_to(FONTS / name)
    text = "Größe Ελληνικά Жж 12.5 kWh"
    assert Typeface.of(tmp_path).width_mm(text, BODY) == Typeface.of(FONTS).width_mm(text, BODY)


if __name__ == "__main__":
    for full_name, core_name in PAIRS:
        (FONTS / core_name).write_bytes(core_of(FONTS / full_name))

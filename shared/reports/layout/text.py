"""Text of unknown origin made fit for a page: cleaned, shortened, broken into lines.

What a car or Tesla sends can hold control characters, any script and any length. Nothing of it may reach a page
unmeasured.
"""

from __future__ import annotations

import unicodedata

from shared.reports.layout.ink import Font
from shared.reports.layout.typeface import Typeface

REPLACEMENT = "\ufffd"
"""Stands for a character that cannot be shown."""

_LINE_ENDS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")


def shorten(text: str, limit: int) -> str:
    """`text`, or its first `limit` characters and a word on how many are left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()} … ({len(text) - limit:,} more characters)"


def clean(text: str, face: Typeface) -> str:
    """`text` in composed form with only line feeds and characters that `face` can show.

    Invisible format characters (joiners, direction overrides) go, other control characters and characters without a
    glyph become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    return "".join([_shown(character, face) for character in composed])


def _shown(character: str, face: Typeface) -> str:
    """What stands on the page for one character."""
    if character in _LINE_ENDS:
        return "\n"
    category = unicodedata.category(character)
    if category == "Zs" or character == "\t":
        return " "
    if category == "Cf" or unicodedata.name(character, "").startswith("VARIATION SELECTOR"):
        return ""
    return character if category != "Cc" and face.has(character) else REPLACEMENT


def wrap(text: str, width_mm: float, font: Font, face: Typeface) -> list[str]:
    """Lines of cleaned `text` no wider than `width_mm`; a word that is wider is broken. At least one line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        stripped = paragraph.strip(" ")
        if face.width_mm(stripped, font) <= width_mm:
            lines.append(stripped)
        else:
            lines.extend(_fill(stripped, width_mm, font, face))
    return lines


def _fill(paragraph: str, width_mm: float, font: Font, face: Typeface) -> list[str]:
    """Greedy line filling of one paragraph."""
    space_mm = face.width_mm(" ", font)
    lines: list[str] = []
    line: list[str] = []
    used_mm = 0.0
    for word in paragraph.split():
        for part in _parts(word, width_mm, font, face):
            part_mm = face.width_mm(part, font)
            if line and used_mm + space_mm + part_mm > width_mm:
                lines.append(" ".join(line))
                line, used_mm = [], 0.0
            used_mm += part_mm + (space_mm if line else 0.0)
            line.append(part)
    return [*lines, " ".join(line)]


def _parts(word: str, width_mm: float, font: Font, face: Typeface) -> list[str]:
    """The word in pieces that fit; one piece for nearly every word."""
    if face.width_mm(word, font) <= width_mm:
        return [word]
    parts = [""]
    used_mm = 0.0
    for character in word:
        step_mm = face.width_mm(character, font)
        if parts[-1] and used_mm + step_mm > width_mm:
            parts.append("")
            used_mm = 0.0
        parts[-1] += character
        used_mm += step_mm
    return parts


def clip(lines: list[str], limit: int, width_mm: float, font: Font, face: Typeface) -> list[str]:
    """At most `limit` lines; a cut is shown by an ellipsis that still fits the width."""
    if len(lines) <= limit:
        return lines
    last = lines[limit - 1]
    while last and face.width_mm(last + " …", font) > width_mm:
        last = last[:-1]
    return [*lines[: limit - 1], (last + " …").lstrip()]

"""`pdf.py MARKS FONTS URL`: a PDF of given marks, drawn with the PDF library's own calls.

It is spared the analysis and the layout: MARKS is a JSON file with the finished pages, each a list of marks, each a
list of its kind and its fields.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import functions_framework
import msgspec
import segno
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fpdf import FPDF

LOADED = (flask, functions_framework, AESGCM)
"""An instance of the report function has these in memory before its first report."""


def _text(pdf: FPDF, x: float, y: float, text: str, font: tuple[float, bool], colour: list[int]) -> None:
    size_pt, bold = font
    pdf.set_font("report", "B" if bold else "", size_pt)
    pdf.set_text_color(*colour)
    pdf.text(x, y, text)


def _box(pdf: FPDF, x: float, y: float, width: float, height: float, fill: list[int], radius: float) -> None:
    pdf.set_fill_color(*fill)
    pdf.rect(x, y, width, height, style="F", round_corners=radius > 0, corner_radius=radius)


def _rule(pdf: FPDF, x1: float, y1: float, x2: float, y2: float, colour: list[int], width: float) -> None:
    pdf.set_draw_color(*colour)
    pdf.set_line_width(width)
    pdf.line(x1, y1, x2, y2)


def _poly(pdf: FPDF, points: Any, fill: Any, colour: Any, width: float, dash: float) -> None:
    pdf.set_line_width(width)
    pdf.set_dash_pattern(dash=dash)
    if fill:
        pdf.set_fill_color(*fill)
    if colour:
        pdf.set_draw_color(*colour)
    pdf.polyline(points, fill=bool(fill), polygon=bool(fill), style="F" if fill else "D")
    pdf.set_dash_pattern()


def _dot(pdf: FPDF, x: float, y: float, radius: float, fill: list[int], rim: list[int]) -> None:
    pdf.set_fill_color(*fill)
    pdf.set_draw_color(*rim)
    pdf.circle(x, y, radius, style="FD")


def _jump(pdf: FPDF, x: float, y: float, width: float, height: float, page: int) -> None:
    pdf.link(x, y, width, height, pdf.add_link(page=page + 1))


def _link(pdf: FPDF, x: float, y: float, width: float, height: float, url: str) -> None:
    pdf.link(x, y, width, height, url)


DRAW: dict[str, Callable[..., None]] = {
    "Text": _text,
    "Box": _box,
    "Rule": _rule,
    "Poly": _poly,
    "Dot": _dot,
    "Jump": _jump,
    "Link": _link,
}


def render(pages: list[list[list[Any]]], fonts: Path, url: str) -> bytes:
    """The document. The code that leads to the address is made anew, as it belongs to the work."""
    segno.make(url)
    pdf = FPDF(format="A4", unit="mm")
    pdf.set_auto_page_break(auto=False)
    pdf.add_font("report", "", fonts / "DejaVuSans-Core.ttf")
    pdf.add_font("report", "B", fonts / "DejaVuSans-Bold-Core.ttf")
    for marks in pages:
        pdf.add_page()
        for kind, *fields in marks:
            DRAW[kind](pdf, *fields)
    return bytes(pdf.output())


if __name__ == "__main__":
    drawn = render(msgspec.json.decode(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]), sys.argv[3])
    sys.stdout.write(str(len(drawn)))

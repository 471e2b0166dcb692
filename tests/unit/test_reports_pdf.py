"""The document: whole, deterministic, searchable, and nothing of anybody else in it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.reports.build import SECTIONS, lay_out, render_report
from shared.reports.layout.ink import PAGE_HEIGHT_MM, PAGE_WIDTH_MM, Text
from shared.reports.layout.typeface import Typeface
from shared.reports.readings import MODULES, read
from shared.reports.snapshot import ModuleResult, ModuleStatus, Snapshot
from tests.unit.test_reports_samples import FONTS, OTHER_VIN, VIN, Json, bodies, failed, good, snapshot, vehicle_data

FACE = Typeface.of(FONTS)
ROOT = Path(__file__).resolve().parents[2]


def text_of(pdf: bytes) -> str:
    """All text, blanks and line ends made one blank."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return " ".join(" ".join(pages).split())


def render(given_snapshot: Snapshot) -> str:
    return text_of(render_report(given_snapshot, fonts=FONTS))


@cache
def sample_pdf() -> bytes:
    return render_report(snapshot(), fonts=FONTS)


@cache
def sample_text() -> str:
    return text_of(sample_pdf())


def test_structure() -> None:
    with pikepdf.open(io.BytesIO(sample_pdf())) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert str(pdf.docinfo["/Title"]) == "Vehicle report MyTesla · Model 3 Long Range All-Wheel Drive"
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20260211084200")
        assert str(pdf.Root["/Lang"]) == "en-GB"
        for page in pdf.pages:
            assert [float(edge) for edge in page.mediabox] == pytest.approx([0, 0, 595.28, 841.89], abs=0.01)
        with pdf.open_outline() as outline:
            assert [item.title for item in outline.root] == [section.title for section in SECTIONS]
        links = [note for note in pdf.pages[0]["/Annots"] if note["/Subtype"] == "/Link"]
        assert len(links) == len(SECTIONS)


def test_every_page_says_which_one_it_is() -> None:
    total = len(pypdfium2.PdfDocument(sample_pdf()))
    assert [f"Page {number} of {total}" in sample_text() for number in range(1, total + 1)] == [True] * total


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_every_section_is_named_in_contents_and_at_its_place(section: Any) -> None:
    assert sample_text().count(section.title) >= 2


@pytest.mark.parametrize(
    "words",
    [
        VIN,
        "MyTesla",
        "order-1.v1",
        "12,346 mi",
        "as of 2026-02-11 10:42 (UTC+02:00)",
        "10 of 10 modules",
        "328.8 mi ± 2.2 mi",
        "24 % below recommended, urgent warning",
        "Automatic Emergency Braking is unavailable",
        "87,654 mi",
        "Supercharging and public charging recorded by Tesla",
        "EUR 2 65.0 kWh 19.75",
        "SEK 1 32.5 kWh 150.00",
        "1 of 3 invoices come with this report",
        "Failed: timed out",
        "Not fetched",
        "No service visit is open.",
        "2026.2.3",
        "2026.8.1 (available)",
        "2026.2.0",
        "Minor Fixes",
        "$MT352",
        "82.3kWh",
        "Keys of the car 5",
        "4.5 °C",
        "1 session without this car's VIN left out.",
    ],
)
def test_what_the_sample_says(words: str) -> None:
    assert words in sample_text()


@pytest.mark.parametrize(
    "private",
    [OTHER_VIN, "Foreign Site", "60.12", "24.65", "Secret Song", "Somebody's phone", "987654321", "77", "169.75"],
)
def test_what_the_report_never_says(private: str) -> None:
    assert private not in sample_text()


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert render_report(snapshot(), fonts=FONTS) == sample_pdf()
    stored = Snapshot.decode(snapshot().encode())
    assert render_report(stored, fonts=FONTS) == sample_pdf()


@pytest.mark.parametrize(("seed", "zone"), [("1", "Asia/Tokyo"), ("2", "America/New_York")])
def test_the_bytes_do_not_depend_on_the_process(seed: str, zone: str) -> None:
    program = (
        "import hashlib; from tests.unit.test_reports_samples import FONTS, snapshot;"
        "from shared.reports.build import render_report;"
        "print(hashlib.sha256(render_report(snapshot(), fonts=FONTS)).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(sample_pdf()).hexdigest()


def test_another_moment_gives_other_bytes() -> None:
    later = msgspec.structs.replace(snapshot(), taken_at=snapshot().taken_at + timedelta(days=1))
    assert render_report(later, fonts=FONTS) != sample_pdf()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_failed_module_is_named_with_its_reason(module: str) -> None:
    text = render(snapshot(replaced={module: failed(module, "rate_limited", f"Told about {module}.")}))
    assert "9 of 10 modules" in text
    assert f"failed. Told about {module}." in text
    assert text.count(f"Told about {module}.") >= 2


def test_every_module_failed_for_a_reason_of_its_own() -> None:
    replaced = {module: failed(module, f"odd_reason_{number}") for number, module in enumerate(MODULES)}
    text = render(snapshot(replaced=replaced))
    assert "0 of 10 modules" in text
    for number in range(len(MODULES)):
        assert f"Odd reason {number}." in text


def test_a_skipped_module_and_one_of_a_later_version() -> None:
    skipped = ModuleResult(module="specs", status=ModuleStatus.SKIPPED, reason="not_in_package")
    text = render(snapshot(replaced={"specs": skipped, "tea_leaves": failed("tea_leaves", "spilled")}))
    assert "Specifications: not fetched. Not in package." in text
    assert "Tea leaves: failed. Spilled." in text


def test_an_unreadable_answer_is_a_gap() -> None:
    text = render(snapshot(answers={"options": ["neither", "fish"]}))
    assert "Options: unreadable. Tesla's answer could not be read" in text


def test_a_wrong_field_costs_that_field_only() -> None:
    data = vehicle_data()
    data["charge_state"]["battery_level"] = "high"
    text = render(snapshot(answers={"vehicle_data": {"response": data}}))
    assert "Partly read" in text
    assert "charge_state.battery_level" in text
    assert "243.3 mi" in text


def test_a_missing_drive_state_is_explained_by_the_consent() -> None:
    data = vehicle_data()
    del data["drive_state"]
    without = render(snapshot(answers={"vehicle_data": {"response": data}}))
    assert "drive_state: location was not granted" in without
    granted = msgspec.structs.replace(
        snapshot(answers={"vehicle_data": {"response": data}}), granted_scopes=("vehicle_location",)
    )
    assert "drive_state: the car did not send it" in render(granted)
    data["granular_access"] = {"hide_private": True}
    hidden = msgspec.structs.replace(
        snapshot(answers={"vehicle_data": {"response": data}}), granted_scopes=("vehicle_location",)
    )
    assert "the owner keeps the location private" in render(hidden)


def test_an_order_without_modules_still_gives_a_report() -> None:
    text = render(msgspec.structs.replace(snapshot(), modules=(), invoices=()))
    assert "0 of 0 modules" in text
    assert "Not part of this order." in text


def test_a_fallback_font_shows_what_the_own_fonts_lack(tmp_path: Path) -> None:
    notes = {"release_notes": [{"title": "Ж", "description": "tail"}]}
    narrow = tmp_path / "fonts"
    narrow.mkdir()
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        _without_cyrillic(FONTS / name, narrow / name)
    given_snapshot = snapshot(answers={"release_notes": notes})
    assert "\ufffd" in text_of(render_report(given_snapshot, fonts=narrow))
    filled = render_report(given_snapshot, fonts=narrow, fallback_fonts=[FONTS / "DejaVuSans.ttf"])
    assert "Ж" in text_of(filled)


def _without_cyrillic(source: Path, target: Path) -> None:
    """A copy of a font that lacks the Cyrillic block."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    with TTFont(source) as font:
        subsetter = Subsetter(Options(notdef_outline=True, glyph_names=True))
        subsetter.populate(unicodes=[code for code in font.getBestCmap() if not 0x400 <= code < 0x500])
        subsetter.subset(font)
        font.save(target)


# --- any snapshot -------------------------------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            "<invalid>",
            "W" * 10_000,
            "\x00\x07\x1b[2J",
            "\u202eevil\u202c",
            "😀" * 300,
            "日本語 한국어 العربية עברית",
            "a\u0301" * 400,
            "\n" * 500,
            ") Tj ET BT (",
            "\ud83d",
            "9999-12-31T23:59:59-23:00",
            "0001-01-01T00:00:00+23:00",
            10**30,
            -1e300,
            [],
            {},
            ["x"] * 50,
            {"a": {"b": {"c": {"d": {"e": 1}}}}},
        ]
    ),
)


def paths(tree: Any, prefix: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a JSON tree below its root."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in members:
        yield (*prefix, key)
        yield from paths(value, (*prefix, key))


PLACES = {module: sorted(paths(body), key=str) for module, body in bodies().items()}


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Json]:
    """Good bodies with some places dropped or overwritten."""
    given_bodies = bodies()
    for module, body in given_bodies.items():
        for place in draw(st.lists(st.sampled_from(PLACES[module]), max_size=4)) if PLACES[module] else ():
            _spoil(body, place, draw(HOSTILE), drop=draw(st.booleans()))
    return given_bodies


def _spoil(tree: Any, place: tuple[str | int, ...], value: Any, *, drop: bool) -> None:
    """Drop or overwrite one place, if it is still there."""
    for key in place[:-1]:
        reachable = (isinstance(tree, dict) and key in tree) or (
            isinstance(tree, list) and isinstance(key, int) and key < len(tree)
        )
        if not reachable:
            return
        tree = tree[key]
    if isinstance(tree, dict):
        tree[place[-1]] = value
        if drop:
            del tree[place[-1]]
    elif isinstance(tree, list) and isinstance(place[-1], int) and place[-1] < len(tree):
        tree[place[-1]] = value


def any_snapshot(given_answers: dict[str, Json]) -> Snapshot:
    """A snapshot of bodies that json can write and msgspec may not read."""
    modules = tuple(good(name, body) for name, body in given_answers.items())
    return msgspec.structs.replace(snapshot(), modules=modules)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(answers())
def test_any_answer_gives_pages_with_all_text_inside(given_answers: dict[str, Json]) -> None:
    flow = lay_out(read(any_snapshot(given_answers)), FACE)
    for sheet in flow.sheets:
        for mark in sheet.marks:
            if isinstance(mark, Text):
                assert mark.x_mm >= 0
                assert mark.x_mm + FACE.width_mm(mark.text, mark.font) <= PAGE_WIDTH_MM
                assert 0 < mark.y_mm < PAGE_HEIGHT_MM
                assert OTHER_VIN not in mark.text


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(answers())
def test_any_answer_gives_a_sound_pdf(given_answers: dict[str, Json]) -> None:
    pdf = render_report(any_snapshot(given_answers), fonts=FONTS)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
    text = text_of(pdf)
    assert all(section.title in text for section in SECTIONS)


def test_texts_of_ten_thousand_characters_everywhere() -> None:
    def long(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: value if key in {"vin", "vehicle_info"} else long(value) for key, value in tree.items()}
        if isinstance(tree, list):
            return [long(value) for value in tree]
        return "Ä日😀\x00 " * 2_500 if isinstance(tree, str) else tree

    pdf = render_report(snapshot(answers=long(bodies())), fonts=FONTS)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
        assert len(document.pages) < 60
    assert "…" in text_of(pdf)


def test_many_of_everything_stays_bounded() -> None:
    many = bodies()
    history = many["charging_history"]["data"]
    many["charging_history"]["data"] = history * 500
    alerts = many["recent_alerts"]["response"]["recent_alerts"]
    many["recent_alerts"]["response"]["recent_alerts"] = alerts * 1000
    many["vehicle_data"]["response"]["odd_state"] = {f"field_{number}": number for number in range(5000)}
    text = render(snapshot(answers=many))
    assert "1,500 sessions" in text
    assert "850 older alerts are not shown." in text
    assert "4700 more fields are not shown." in text


def test_importing_the_report_loads_no_pdf_library() -> None:
    program = "import sys, shared.reports.build; print(sorted({'fpdf', 'fontTools', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []

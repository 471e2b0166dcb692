"""The document: whole, deterministic, searchable, and nothing of anybody else in it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pypdfium2
import pytest

from shared.reports.build import SECTIONS, render_report
from shared.reports.layout.typeface import Typeface
from shared.reports.readings import MODULES
from shared.reports.snapshot import ModuleResult, ModuleStatus, Snapshot
from shared.reports.version import RENDERER_VERSION
from tests.unit.test_reports_samples import FONTS, OTHER_VIN, VIN, bodies, failed, snapshot, vehicle_data

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


@pytest.mark.parametrize("url", ["", "https://reports.example.com/api/v1/reports/order-1.v1/verify"])
def test_cover_and_last_page_say_what_the_report_was_made_from(url: str) -> None:
    pdf = render_report(snapshot(), fonts=FONTS, verify_url=url)
    digest = hashlib.sha256(snapshot().encode()).hexdigest()
    document = pypdfium2.PdfDocument(pdf)
    pages = ["".join(page.get_textpage().get_text_range().split()) for page in document]
    assert f"SnapshotSHA-256{digest}·rendererversion{RENDERER_VERSION}" in pages[0]
    assert digest in pages[-1]
    assert "order-1.v1" in pages[-1]
    assert f"Rendererversion{RENDERER_VERSION}" in pages[-1]
    assert (url != "") == ("Verifyat" in pages[-1])
    assert url in pages[-1]
    document.close()


@pytest.mark.parametrize("url", ["", "https://reports.example.com/verify"])
def test_a_link_leads_to_the_verification_where_there_is_one(url: str) -> None:
    with pikepdf.open(io.BytesIO(render_report(snapshot(), fonts=FONTS, verify_url=url))) as pdf:
        assert pdf.check_pdf_syntax() == []
        actions = [note["/A"] for page in pdf.pages for note in page.get("/Annots", []) if "/A" in note]
        assert [str(action["/URI"]) for action in actions if "/URI" in action] == [url] * 2 * bool(url)


def test_all_text_is_text_in_embedded_fonts_and_there_is_no_picture() -> None:
    with pikepdf.open(io.BytesIO(sample_pdf())) as pdf:
        assert [len(page.get_images()) for page in pdf.pages] == [0] * len(pdf.pages)
        fonts = {str(font["/BaseFont"]) for page in pdf.pages for font in page["/Resources"]["/Font"].values()}
        assert fonts == {"/MPDFAA+DejaVuSansBook", "/MPDFAA+DejaVuSansBold"}


def test_no_state_of_health_stands_alone() -> None:
    assert "State of health, quoted 93%, see “Battery health”" in sample_text()
    assert "State of health Tesla's figure 93 ± 0.5 %" in sample_text()


def test_both_methods_where_the_car_says_what_it_is() -> None:
    data = vehicle_data()
    data["vehicle_config"] |= {"trim_badging": "74d", "eu_vehicle": False}
    specs = bodies()["specs"]
    specs["response"]["modelYear"] = 2024
    text = render(snapshot(answers={"vehicle_data": {"response": data}, "specs": specs}))
    assert "Tesla's figure 93 ± 0.5 % · By rated range 96.3 ± 0.8 %" in text
    assert "The two methods agree within 3.3 points." in text
    assert "EPA rating, fueleconomy.gov, model3 74D of 2024 (specs.modelYear)" in text


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
        "EUR 2 19.75 0.00 0.00 0.00 0.00 19.75",
        "SEK 1 150.00 0.00 0.00 0.00 0.00 150.00",
        "0.304 EUR, 4.615 SEK",
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
        "Tesla's figure 93 ± 0.5 %; one method only; usual at this age 94 to 97 %.",
        "No figure: the car did not say its type and badge",
        "Age 2.0 years, by specs.productionDate",
        "6,166 mi a year",
        "Ends first Battery Warranty Active 2030-02-11",
        "UI (Touchscreen computer)",
        "front axle right softer by 0.10 bar",
        "Supercharging enabled",
        "Idle time, mean 5.0 min",
        "Site 1, FI 1 session, 32 kWh",
        "2026-01-02, 101",
        "Charging history: Period: all that Tesla keeps. Sessions found from 2026-01-02 to 2026-01-04.",
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


def test_importing_the_report_loads_no_pdf_library() -> None:
    program = "import sys, shared.reports.build; print(sorted({'fpdf', 'fontTools', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []

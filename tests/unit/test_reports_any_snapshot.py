"""Whatever an answer or a snapshot holds, a report comes out, whole and inside its pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pikepdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.reports.build import SECTIONS, lay_out, render_report
from shared.reports.layout.flow import Flow
from shared.reports.layout.ink import PAGE_HEIGHT_MM, PAGE_WIDTH_MM, Text
from shared.reports.layout.typeface import Typeface
from shared.reports.readings import read
from shared.reports.snapshot import InvoiceFile, ModuleResult, ModuleStatus, Snapshot
from tests.unit.test_reports_pdf import render, text_of
from tests.unit.test_reports_samples import FONTS, OTHER_VIN, Json, bodies, good, snapshot

FACE = Typeface.of(FONTS)


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


def texts(flow: Flow) -> list[Text]:
    """Every line of text on the pages."""
    return [mark for sheet in flow.sheets for mark in sheet.marks if isinstance(mark, Text)]


def all_inside(flow: Flow) -> bool:
    """Whether no text leaves its sheet."""
    return all(
        mark.x_mm >= 0
        and mark.x_mm + FACE.width_mm(mark.text, mark.font) <= PAGE_WIDTH_MM
        and 0 < mark.y_mm < PAGE_HEIGHT_MM
        for mark in texts(flow)
    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(answers())
def test_any_answer_gives_pages_with_all_text_inside(given_answers: dict[str, Json]) -> None:
    flow = lay_out(read(any_snapshot(given_answers)), FACE)
    assert all_inside(flow)
    assert not any(OTHER_VIN in mark.text for mark in texts(flow))


TIMES = st.datetimes(
    timezones=st.none() | st.just(UTC) | st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
)
WORDS = st.text(max_size=80)
RESULTS = st.builds(
    ModuleResult,
    module=st.sampled_from([*bodies(), "tea_leaves", ""]),
    status=st.sampled_from(ModuleStatus),
    reason=st.none() | WORDS,
    detail=st.none() | WORDS,
    fetched_at=st.none() | TIMES,
    body=st.sampled_from([b"null", b"{}", b"[]", b'{"response":null}', b'{"response":{}}']).map(msgspec.Raw),
)
INVOICES = st.builds(
    InvoiceFile,
    content_id=WORDS,
    file_name=WORDS,
    status=st.sampled_from(["ok", "failed"]),
    reason=st.none() | WORDS,
    session_id=st.none() | st.integers(-(2**60), 2**60),
    size_bytes=st.integers(-(2**60), 2**60),
    sha256=st.none() | WORDS,
)
SNAPSHOTS = st.builds(
    Snapshot,
    order_id=WORDS,
    vehicle_id=WORDS,
    vin=WORDS,
    package=WORDS,
    region=WORDS,
    taken_at=TIMES,
    granted_scopes=st.lists(WORDS, max_size=3).map(tuple),
    history_from=st.none() | TIMES,
    history_to=st.none() | TIMES,
    modules=st.lists(RESULTS, max_size=6).map(tuple),
    invoices=st.lists(INVOICES, max_size=3).map(tuple),
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(SNAPSHOTS, WORDS)
def test_any_snapshot_that_can_be_stored_gives_pages(given_snapshot: Snapshot, url: str) -> None:
    stored = Snapshot.decode(given_snapshot.encode())
    assert all_inside(lay_out(read(stored, url), FACE))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(TIMES, TIMES)
def test_a_rich_snapshot_of_any_moment_gives_pages(taken_at: datetime, history_from: datetime) -> None:
    moved = msgspec.structs.replace(snapshot(), taken_at=taken_at, history_from=history_from)
    assert all_inside(lay_out(read(moved), FACE))


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

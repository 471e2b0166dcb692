"""The report of an event as whoever gets it reads it: every site is told of, and nothing is shown that never was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
from msgspec.structs import replace

from shared.energy.dispatch.event_facts import EventFacts
from shared.energy.dispatch.event_report import blocks, render_event
from shared.energy.dispatch.goals import Goal
from shared.energy.dispatch.model import Counts, Dispatch, State, Stop
from shared.energy.dispatch.records import Meter, Outcome, Restoration, SiteRecord, Snapshot, Stage, StageTimes
from shared.energy.dispatch.settlement import settle
from shared.energy.dispatch.wording import site_words
from shared.reports.layout.plot import Plot
from tests.lab import ROOT
from tests.unit.dispatch_samples import END, START, dispatch, record

FONTS = ROOT / "functions" / "build_report" / "fonts"
OTHER_SCRIPTS = Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf")


def facts(found: Dispatch, records: Sequence[SiteRecord] = (), *, minutes: float = 60.0) -> EventFacts:
    """What is known of the event so many minutes after its start; each full interval brought 500 Wh."""
    end = START + timedelta(minutes=minutes)
    figures = settle(records, [500.0] * int(minutes // 5), START, end, found.course)
    return EventFacts(found, figures, records, end)


def ended(number: int, restoration: Restoration, reason: str = "") -> SiteRecord:
    """A site whose event is over."""
    times = StageTimes(commanded_at=START, accepted_at=START, confirmed_at=START, restoring_at=END, restored_at=END)
    return record(
        number,
        stage=Stage.DONE,
        outcome=Outcome.CONFIRMED,
        restoration=restoration,
        reason=reason,
        snapshot=Snapshot(START, "backup"),
        meter=Meter(END, 3_000.0, 3_000.0, 3_600.0),
        times=times,
    )


def text(shown: EventFacts, **fonts: Sequence[Path]) -> str:
    """The report's text, its lines as one."""
    document = pypdfium2.PdfDocument(render_event(shown, fonts=FONTS, **fonts))
    try:
        return " ".join(" ".join(page.get_textpage().get_text_bounded().split()) for page in document)
    finally:
        document.close()


def test_every_site_that_was_reached_is_in_the_tally_of_restoring() -> None:
    kinds = [
        Restoration.RESTORED,
        Restoration.NOTHING_CHANGED,
        Restoration.NOTHING_CHANGED,
        Restoration.LEFT_TO_OWNER,
    ]
    counts = Counts(committed=4, accepted=4, confirmed=4, delivering=4, restored=1, left_to_owner=1)
    said = text(facts(dispatch(state=State.DONE, counts=counts), [ended(n, kind) for n, kind in enumerate(kinds)]))
    for line in ("Put back as found 1", "Had nothing to put back 2", "Left as others have set it 1", "Still to do 0"):
        assert line in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "The event has not begun."),
        (
            {"state": State.CANCELLED, "stop": Stop(at=START - timedelta(hours=1), actor="utility")},
            "before it began.",
        ),
    ],
)
def test_where_nothing_could_be_delivered_yet_nothing_is_drawn(changes: dict[str, object], said: str) -> None:
    shown = facts(replace(dispatch(), **changes), minutes=0.0)
    assert said in text(shown)
    assert "Delivered, mean -" in text(shown)
    assert not [block for block in blocks(shown) if isinstance(block, Plot)]
    assert [block for block in blocks(facts(dispatch())) if isinstance(block, Plot)]


def test_codes_in_the_table_of_sites_are_explained_once() -> None:
    reasons = ["near_reserve", "near_reserve", "storm_mode", "outranked_by evening-2", "dead gateway", ""]
    said = text(facts(dispatch(), [ended(n, Restoration.RESTORED, reason) for n, reason in enumerate(reasons)]))
    for code in ("near_reserve", "storm_mode", "outranked_by"):
        sentence = site_words(code)
        assert sentence.endswith(".")
        assert said.count(sentence) == 1
    assert site_words("dead gateway") == ""


def test_names_in_other_scripts_are_written_where_there_is_a_font() -> None:
    if not OTHER_SCRIPTS.is_file():
        pytest.skip("no font of other scripts is installed")
    found = dispatch()
    named = replace(found, signal=replace(found.signal, programme="東京"))
    assert "東京" in text(facts(named), fallback_fonts=[OTHER_SCRIPTS])


def test_a_target_that_was_changed_is_told_with_its_times() -> None:
    first = Goal(since=START - timedelta(hours=1), target_kw=3.0, committed_kw=3.0)
    goals = (first, *(replace(first, since=START + timedelta(minutes=n), target_kw=float(n)) for n in (16, 20)))
    said = text(facts(replace(dispatch(), goals=goals)))
    assert "15.20 kW in the mean: 3.00 kW, from 18:16 16.00 kW, from 18:20 20.00 kW" in said
    assert "Committed 3.00 kW" in said
    many = (first, *(replace(first, since=START + timedelta(minutes=n), target_kw=float(n)) for n in range(1, 9)))
    assert "3.00 kW, 4 more changes, from 18:05 5.00 kW" in text(facts(replace(dispatch(), goals=many)))

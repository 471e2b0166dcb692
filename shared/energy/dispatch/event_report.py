"""The report of one event as a PDF: what was asked, committed and delivered, by whom, and that all was put back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from shared.energy.dispatch.event_facts import EventFacts
from shared.energy.dispatch.records import Restoration, SiteRecord
from shared.energy.dispatch.settlement import Settlement, participates
from shared.energy.dispatch.wording import site_words
from shared.reports.layout.axis import span_of
from shared.reports.layout.blocks import Block, Entry, Heading, KeyValues, Note, Paragraph, place_all, small_print
from shared.reports.layout.flow import Flow, frame
from shared.reports.layout.ink import BAD, BRAND, MUTED, PALE, WATCH
from shared.reports.layout.masthead import Masthead
from shared.reports.layout.plot import Area, Line, Plot
from shared.reports.layout.table import Column, Table
from shared.reports.layout.typeface import Typeface
from shared.reports.pdf import Imprint, write_pdf

MOST_SITES = 300
"""Rows of the table of sites; the CSV has them all."""
_MOST_CHANGES = 4
_NOTHING = "-"
_METHOD = (
    "Delivered power is what the batteries gave (gross), integrated over the devices' own measurements of "
    "battery_power and summed in 5-minute intervals. It is checked per site against the fall of the battery's "
    "energy; solar power may charge a battery meanwhile, and then the two differ. Programmes that pay for an "
    "increment over a baseline need the utility's own baseline, which is not computed here."
)


def render_event(facts: EventFacts, *, fonts: Path, fallback_fonts: Sequence[Path] = ()) -> bytes:
    """The report as a PDF; the same arguments give the same bytes.

    Args:
        facts: What it tells.
        fonts: The folder of the report's own fonts.
        fallback_fonts: Further font files for scripts that these lack, such as Chinese.

    Raises:
        OSError: A font cannot be read.
    """
    face = Typeface.of(fonts, fallback_fonts)
    flow = Flow(face)
    place_all(blocks(facts), flow)
    name = facts.dispatch.signal.id
    frame(flow, f"Dispatch event {name}", f"Event {name} · as of {_time(facts.as_of)}")
    imprint = Imprint(f"Dispatch event {name}", f"Event {name}", facts.as_of)
    return write_pdf(flow.sheets, flow.bookmarks, face, imprint)


def blocks(facts: EventFacts) -> list[Block]:
    """Every block of the report, in order."""
    return [
        *_head(facts),
        Heading("Delivery"),
        _chart(facts),
        *_delivery(facts),
        Heading("Restoration"),
        *_restoration(facts),
        Heading("Sites"),
        *_sites(facts),
        Heading("Method"),
        small_print(_METHOD),
    ]


def _head(facts: EventFacts) -> list[Block]:
    dispatch, found = facts.dispatch, facts.settlement
    signal, held = dispatch.signal, dispatch.course.during(facts.start, facts.end)
    line = f"{_time(facts.start)} to {_time(signal.ends_at)}" + (" · test" if signal.test else "")
    entries = [
        Entry("State", str(dispatch.state)),
        Entry("Strategy", str(signal.strategy).replace("_", " ")),
        Entry("Target", _over_time(found.target_kw, [(one.since, one.target_kw) for one in held])),
        Entry(
            "Committed",
            _over_time(found.committed_kw, [(one.since, one.committed_kw) for one in held])
            + _of_the_commitment(signal.ramp_minutes, dispatch.plan.shortfall_kw),
        ),
        Entry("Delivered, mean", _kw(found.mean_kw) if found.intervals else _NOTHING),
        Entry("Delivered, energy", f"{found.delivered_kwh:,.1f} kWh" if found.intervals else _NOTHING),
        Entry("Participation", _NOTHING if found.participation is None else f"{found.participation:.1%}"),
        Entry("Priority", str(signal.priority)),
        Entry("Received", f"{_time(dispatch.received_at)}, modification {signal.modification}"),
        Entry("Programme", signal.programme or _NOTHING),
    ]
    made: list[Block] = [Masthead("Dispatch event", signal.id, signal.programme, line), KeyValues(entries)]
    if dispatch.stop is not None:
        stop = dispatch.stop
        made.append(Note(f"Ended at {_time(stop.at)} by {stop.actor}. {stop.reason}", WATCH))
    return made


def _over_time(mean_kw: float, held: Sequence[tuple[datetime, float]]) -> str:
    """What held all through, or its mean and what it was from when on."""
    if len({kw for _, kw in held}) == 1:
        return _kw(held[0][1])
    told = [f"{at:%H:%M} {_kw(kw)}" for at, kw in held[1:][-_MOST_CHANGES:]]
    left_out = len(held) - 1 - len(told)
    more = [f"{left_out} more changes"] if left_out else []
    return f"{_kw(mean_kw)} in the mean: {_kw(held[0][1])}, " + ", ".join([*more, *(f"from {one}" for one in told)])


def _of_the_commitment(ramp_minutes: float, shortfall_kw: float) -> str:
    """How it grows at the beginning, and what the fleet could no longer carry of it."""
    ramp = f", in steps over {ramp_minutes:g} min" if ramp_minutes else ""
    return ramp + (f", {_kw(shortfall_kw)} short when it began" if shortfall_kw else "")


def _chart(facts: EventFacts) -> Block:
    found, start = facts.settlement, facts.start
    if not found.intervals:
        over = facts.dispatch.stop is not None or facts.dispatch.state.final
        return Paragraph("The event was over before it began." if over else "The event has not begun.")
    steps, goal, target = (_steps(found, start, name) for name in ("kw", "goal_kw", "target_kw"))
    last = steps[-1][0]
    area = [(0.0, 0.0), *steps, (last, 0.0)]
    return Plot(
        x_span=(0.0, last),
        y_span=span_of([0.0, *(kw for _, kw in (*steps, *goal, *target))], from_zero=True),
        x_title="minutes from the start",
        y_title="kW",
        areas=[Area(area, PALE, "delivered, 5-minute means")],
        lines=[
            Line(goal, BRAND, "committed"),
            Line(target, MUTED, "target", dash_mm=1.5),
        ],
    )


def _steps(found: Settlement, start: datetime, name: str) -> list[tuple[float, float]]:
    """One of the intervals' figures as a line of steps over the minutes from the start."""
    points: list[tuple[float, float]] = []
    for one in found.intervals:
        points += [((moment - start).total_seconds() / 60, getattr(one, name)) for moment in (one.start, one.end)]
    return points


def _delivery(facts: EventFacts) -> list[Block]:
    counts, found = facts.dispatch.counts, facts.settlement
    checked = f"{found.energy_agrees} of {found.energy_checked}" if found.energy_checked else "not told"
    entries = [
        Entry("Sites committed at first", str(facts.dispatch.plan.sites)),
        Entry("Command accepted", str(counts.accepted)),
        Entry("Confirmed by reading", str(counts.confirmed)),
        Entry("Seen delivering", str(counts.delivering)),
        Entry("Refused", str(counts.refused)),
        Entry("Unknown at the end", str(counts.unknown)),
        Entry("Energy agrees with power", checked),
    ]
    return [KeyValues(entries)]


def _restoration(facts: EventFacts) -> list[Block]:
    counts = facts.dispatch.counts
    unchanged = sum(one.took_part and one.restoration is Restoration.NOTHING_CHANGED for one in facts.records)
    entries = [
        Entry("Put back as found", str(counts.restored)),
        Entry("Had nothing to put back", str(unchanged)),
        Entry("Left as others have set it", str(counts.left_to_owner)),
        Entry("Not put back", str(counts.not_restored)),
        Entry("Still to do", str(counts.unfinished)),
    ]
    made: list[Block] = [KeyValues(entries)]
    if counts.not_restored:
        made.append(Note("Sites that could not be put back need a person: see the table for the reason.", BAD))
    return made


def _sites(facts: EventFacts) -> list[Block]:
    ran = sorted((one for one in facts.records if one.took_part), key=lambda one: one.energy_site_id)
    if not ran:
        return [Paragraph("The event reached no site.")]
    rows = [_row(record, facts.start, facts.end) for record in ran[:MOST_SITES]]
    columns = [
        Column("Site", 1.6, strong=True),
        Column("Outcome", 1.0),
        Column("Took part", 0.8),
        Column("Restored", 1.3),
        Column("Reason", 1.6),
        Column("Expected", 1.0, "right"),
        Column("Delivered", 1.1, "right"),
    ]
    made: list[Block] = [Table(columns, rows)]
    if len(ran) > MOST_SITES:
        made.append(small_print(f"{len(ran) - MOST_SITES} more sites are in the CSV of this event."))
    return [*made, *map(small_print, _explained(ran[:MOST_SITES]))]


def _explained(records: Sequence[SiteRecord]) -> list[str]:
    """The codes of the table that have a sentence, each once."""
    told: dict[str, str] = {}
    for reason in sorted({_reason(record) for record in records}):
        sentence = site_words(reason)
        if sentence:
            told.setdefault(sentence, f"{reason.replace('_', ' ')}: {sentence}")
    return list(told.values())


def _reason(record: SiteRecord) -> str:
    return record.reason or record.trouble


def _row(record: SiteRecord, start: datetime, end: datetime) -> list[str]:
    return [
        record.energy_site_id,
        str(record.outcome) or _NOTHING,
        "yes" if participates(record, start, end) else "no",
        str(record.restoration).replace("_", " ") or _NOTHING,
        _reason(record).replace("_", " "),
        _kw(record.expected_w / 1000),
        f"{record.meter.delivered_wh / 1000:,.2f} kWh",
    ]


def _kw(value: float) -> str:
    return f"{value:,.2f} kW"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"

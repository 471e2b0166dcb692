"""The report of one event as a PDF: what was asked, committed and delivered, by whom, and that all was put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.energy.dispatch.model import Dispatch
from shared.energy.dispatch.records import SiteRecord
from shared.energy.dispatch.settlement import Settlement, participates
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
_NOTHING = "-"
_METHOD = (
    "Delivered power is what the batteries gave (gross), integrated over the devices' own measurements of "
    "battery_power and summed in 5-minute intervals. It is checked per site against the fall of the battery's "
    "energy; solar power may charge a battery meanwhile, and then the two differ. Programmes that pay for an "
    "increment over a baseline need the utility's own baseline, which is not computed here."
)


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What the report is made of. `as_of`: when it was put together."""

    dispatch: Dispatch
    settlement: Settlement
    records: Sequence[SiteRecord]
    as_of: datetime

    @property
    def start(self) -> datetime:
        """When the event began."""
        return self.dispatch.signal.start

    @property
    def end(self) -> datetime:
        """When it ended."""
        rows = self.settlement.intervals
        return rows[-1].end if rows else self.start


def render_event(facts: EventFacts, *, fonts: Path) -> bytes:
    """The report as a PDF; the same arguments give the same bytes. Raises OSError: a font cannot be read."""
    face = Typeface.of(fonts, [])
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
    signal = dispatch.signal
    line = f"{_time(facts.start)} to {_time(signal.ends_at)}" + (" · test" if signal.test else "")
    entries = [
        Entry("State", str(dispatch.state)),
        Entry("Strategy", str(signal.strategy).replace("_", " ")),
        Entry("Target", _kw(found.target_kw)),
        Entry("Committed", _kw(found.committed_kw)),
        Entry("Delivered, mean", _kw(found.mean_kw)),
        Entry("Delivered, energy", f"{found.delivered_kwh:,.1f} kWh"),
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


def _chart(facts: EventFacts) -> Block:
    found, start = facts.settlement, facts.start
    steps: list[tuple[float, float]] = []
    for one in found.intervals:
        begins, ends = ((moment - start).total_seconds() / 60 for moment in (one.start, one.end))
        steps += [(begins, one.kw), (ends, one.kw)]
    last = steps[-1][0] if steps else 1.0
    goals = [found.target_kw, found.committed_kw]
    area = [(0.0, 0.0), *steps, (last, 0.0)]
    return Plot(
        x_span=(0.0, last),
        y_span=span_of([0.0, *goals, *(kw for _, kw in steps)], from_zero=True),
        x_title="minutes from the start",
        y_title="kW",
        areas=[Area(area, PALE, "delivered, 5-minute means")],
        lines=[
            Line([(0.0, found.committed_kw), (last, found.committed_kw)], BRAND, "committed"),
            Line([(0.0, found.target_kw), (last, found.target_kw)], MUTED, "target", dash_mm=1.5),
        ],
    )


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
    entries = [
        Entry("Put back as found", str(counts.restored)),
        Entry("Left as the owner wants it", str(counts.left_to_owner)),
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
    return made


def _row(record: SiteRecord, start: datetime, end: datetime) -> list[str]:
    return [
        record.energy_site_id,
        str(record.outcome) or _NOTHING,
        "yes" if participates(record, start, end) else "no",
        str(record.restoration).replace("_", " ") or _NOTHING,
        (record.reason or record.trouble).replace("_", " "),
        _kw(record.expected_w / 1000),
        f"{record.meter.delivered_wh / 1000:,.2f} kWh",
    ]


def _kw(value: float) -> str:
    return f"{value:,.2f} kW"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"

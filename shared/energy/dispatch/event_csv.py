"""An event's sites and intervals as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.energy.dispatch.records import Call, SiteRecord, StageTimes
from shared.energy.dispatch.settlement import Settlement, energy_agrees, participates

SITE_COLUMNS = (
    "energy_site_id",
    "outcome",
    "restoration",
    "reason",
    "expected_w",
    "delivered_wh",
    "energy_start_wh",
    "energy_end_wh",
    "energy_agrees",
    "participated",
    "commanded_at",
    "accepted_at",
    "confirmed_at",
    "delivering_at",
    "restoring_at",
    "restored_at",
    "prior_mode",
    "prior_export_rule",
    "owner_changed",
    "authorised_evidence",
    "authorised_at",
    "programme_evidence",
    "programme_at",
    "utility_evidence",
    "utility_at",
    "calls",
    "first_call_commanded_at",
    "first_call_let_go_at",
    "first_call_expected_w",
    "first_call_accepted_at",
    "first_call_confirmed_at",
    "first_call_delivering_at",
    "first_call_restored_at",
    "first_call_restoration",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?[0-9.]+")
INTERVAL_COLUMNS = ("start", "end", "kw", "kwh", "target_kw", "committed_kw", "goal_kw")


def sites_csv(records: Iterable[SiteRecord], start: datetime, end: datetime) -> str:
    """One row per site that was committed or called, times in ISO 8601. `start`, `end`: the event's.

    Of a site that was called twice the times are those of its second call, energy is that of both; what the first
    call was stands behind.
    """
    rows = (_site_row(record, start, end) for record in sorted(records, key=lambda one: one.energy_site_id))
    return _csv(SITE_COLUMNS, rows)


def intervals_csv(settlement: Settlement) -> str:
    """One row per 5-minute interval: mean kW, kWh, and what they are to be compared with at that time."""
    rows = (
        [
            *map(_time, (one.start, one.end)),
            *(f"{figure:.3f}" for figure in (one.kw, one.kwh, one.target_kw, one.committed_kw, one.goal_kw)),
        ]
        for one in settlement.intervals
    )
    return _csv(INTERVAL_COLUMNS, rows)


def _site_row(record: SiteRecord, start: datetime, end: datetime) -> list[str]:
    meter, times, found = record.meter, record.times, record.snapshot
    facts = [record.authorised, record.programme, record.utility]
    return [
        record.energy_site_id,
        str(record.outcome),
        str(record.restoration),
        record.reason or record.trouble,
        _figure(record.expected_w),
        _figure(meter.delivered_wh),
        _figure(meter.energy_start_wh),
        _figure(meter.energy_end_wh),
        _word(energy_agrees(record)),
        _word(participates(record, start, end)),
        *map(_time, (times.commanded_at, times.accepted_at, times.confirmed_at)),
        *map(_time, (times.delivering_at, times.restoring_at, times.restored_at)),
        found.mode if found else "",
        found.export_rule if found else "",
        _word(record.owner_changed),
        *(text for fact in facts for text in (str(fact.evidence), _time(fact.at))),
        str(record.calls),
        *_first_call(record.before),
    ]


def _first_call(call: Call | None) -> list[str]:
    times = call.times if call else StageTimes()
    return [
        *map(_time, (times.commanded_at, times.let_go_at)),
        _figure(call.expected_w if call else None),
        *map(_time, (times.accepted_at, times.confirmed_at, times.delivering_at, times.restored_at)),
        str(call.restoration) if call else "",
    ]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: str) -> str:
    """The cell as a spreadsheet shows it, never runs it: texts that begin like a formula get an apostrophe."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _word(value: bool | None) -> str:  # noqa: FBT001 - a cell's value, not a switch
    return {None: "", True: "yes", False: "no"}[value]


def _time(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds") if value else ""

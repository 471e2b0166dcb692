"""Charging history: Supercharging and public charging recorded by Tesla."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from shared.reports.analysis import charging
from shared.reports.analysis.charging import History, Money
from shared.reports.layout.blocks import Block, Heading, Note, Paragraph
from shared.reports.layout.figures import Bar, Bars
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, source
from shared.reports.units import NONE, Units, figure, number, plural, words
from shared.tesla.models.charging import ChargingHistory, ChargingSession

SCOPE = (
    "Supercharging and public charging recorded by Tesla. Charging at home and at other networks is not in this "
    "list, so it is not all of the car's charging."
)
WIDE = {"Energy": 1.3, "Congestion": 1.2, "Sessions": 0.9}
"""Columns that need another width than the rest."""

MOST_ROWS = 400
MOST_CURRENCIES = 20
MOST_MONTHS = 12


def blocks(readings: Readings) -> Sequence[Block]:
    """Sums per currency, energy by month, every session."""
    answer = readings.get("charging_history", ChargingHistory)
    if answer is None:
        return gap(readings, "charging_history")
    history = charging.history_of(answer, readings.snapshot.vin)
    end = source(readings, "dx/charging/history", readings.fetched_at("charging_history"))
    foreign = f"{plural(history.foreign, 'session')} without this car's VIN left out."
    return [
        Note(SCOPE),
        Paragraph(f"{_window(readings)} {_count(history)}"),
        *(_figures(history, readings.units) if history.sessions else []),
        *([Paragraph(foreign)] if history.foreign else []),
        end,
    ]


def _window(readings: Readings) -> str:
    """The period that was asked for."""
    units, snapshot = readings.units, readings.snapshot
    if snapshot.history_from is None and snapshot.history_to is None:
        return "Period: all that Tesla keeps."
    start = "the beginning" if snapshot.history_from is None else units.day(snapshot.history_from)
    return f"Period: {start} to {units.day(snapshot.history_to or readings.now)}."


def _count(history: History) -> str:
    """Sessions and energy in a sentence."""
    if not history.sessions:
        return "No session is recorded for this car."
    return f"{plural(len(history.sessions), 'session')}, {figure(history.energy_kwh, 'kWh', 1)} in all."


def _figures(history: History, units: Units) -> list[Block]:
    """Tables and bars of a history with sessions."""
    sessions = history.sessions
    more = len(sessions) - MOST_ROWS
    return [
        Heading("Cost by currency", 1),
        _money_table(charging.totals(sessions)),
        Heading("Energy by month", 1),
        Bars(_months(sessions)),
        Heading("Sessions", 1),
        _session_table(sessions[:MOST_ROWS], units),
        *([Paragraph(f"{more} older sessions are in the sums but not in the table.")] if more > 0 else []),
    ]


def _money_table(totals: Sequence[Money]) -> Table:
    """One row per currency; currencies are never added up."""
    titles = ("Sessions", "Energy", "Charging", "Congestion", "Parking", "Other", "Total", "Unpaid", "per kWh")
    columns = [
        Column("Currency", 1, strong=True),
        *(Column(title, WIDE.get(title, 1.0), "right") for title in titles),
    ]
    return Table(columns, [_money_row(money) for money in totals[:MOST_CURRENCIES]])


def _money_row(money: Money) -> tuple[str, ...]:
    """Sums of one currency."""
    kinds = ("CHARGING", "CONGESTION", "PARKING")
    other = money.due - sum(money.by_type.get(kind, 0.0) for kind in kinds)
    return (
        money.currency,
        number(money.sessions),
        figure(money.energy_kwh, "kWh", 1),
        *(number(money.by_type.get(kind, 0.0), 2) for kind in kinds),
        number(abs(other), 2),
        number(money.due, 2),
        number(money.unpaid, 2),
        number(money.price_per_kwh, 3),
    )


def _months(sessions: Sequence[ChargingSession]) -> list[Bar]:
    """Energy of the last months that have any, newest first."""
    sums: dict[str, float] = defaultdict(float)
    for session in sessions:
        start = session.charge_start_date_time
        if start is not None:
            sums[f"{start.year:04d}-{start.month:02d}"] += charging.energy_kwh(session)
    newest = sorted(sums, reverse=True)[:MOST_MONTHS]
    highest = max((sums[month] for month in newest), default=0.0)
    return [
        Bar(month, sums[month] / highest if 0 < highest < float("inf") else 0.0, figure(sums[month], "kWh", 1))
        for month in newest
    ]


def _session_table(sessions: Sequence[ChargingSession], units: Units) -> Table:
    """Every session, newest first, on the clock of its site."""
    columns = [
        Column("Start (local)", 1.7),
        Column("Site", 3),
        Column("Energy", 1.1, "right"),
        Column("Charging", 1, "right"),
        Column("Idle after", 1, "right"),
        Column("Cost", 1.5, "right"),
        Column("Paid", 0.7),
        Column("Invoice", 0.8),
    ]
    return Table(columns, [_session_row(session, units) for session in sessions])


def _session_row(session: ChargingSession, units: Units) -> tuple[str, ...]:
    """One session."""
    start, stop = session.charge_start_date_time, session.charge_stop_date_time
    site = ", ".join(part for part in (session.site_location_name, session.country_code) if part)
    costs = [f"{number(due, 2)} {currency}" for currency, due in sorted(charging.dues(session).items())]
    return (
        units.clock(start),
        words(site),
        figure(charging.energy_kwh(session), "kWh", 1),
        _minutes(start, stop),
        _minutes(stop, session.unlatch_date_time),
        "\n".join(costs) or NONE,
        "No" if charging.unpaid(session) else "Yes" if costs else NONE,
        number(len(session.invoices)) if session.invoices else "None",
    )


def _minutes(start: datetime | None, stop: datetime | None) -> str:
    """Time between two moments in minutes."""
    if start is None or stop is None or stop < start:
        return NONE
    return figure((stop - start).total_seconds() / 60, "min")


SECTION = Section("Charging history", blocks)

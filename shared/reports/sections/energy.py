"""Supercharging: energy, prices, idle time, and every session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from shared.reports.analysis.charging import History, dues, energy_kwh, paid, tiers_kwh, totals
from shared.reports.analysis.charging_patterns import idle, idle_minutes, minutes_between, prices
from shared.reports.layout.axis import span_of
from shared.reports.layout.blocks import Block, Heading, Paragraph, small_print
from shared.reports.layout.ink import BRAND, INK
from shared.reports.layout.plot import Line, Plot, Spot
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, grid
from shared.reports.sections.supercharging import MOST_CHARTS, history_source, recorded
from shared.reports.units import NONE, Units, figure, number, plural, words, yes_no
from shared.tesla.models.charging import ChargingSession

MOST_ROWS = 400
_FEWEST_PRICES = 3
_MONTHS_PER_YEAR = 12
_MOST_TICKS = 9

COLUMNS = (
    Column("Start (site's clock)", 1.7),
    Column("Site", 2.9),
    Column("Energy", 1.1, "right"),
    Column("Charging", 1, "right"),
    Column("Idle after", 1, "right"),
    Column("Cost", 1.5, "right"),
    Column("Paid", 0.7),
    Column("Invoice", 0.8),
)


def blocks(readings: Readings) -> Sequence[Block]:
    """Sums, price per kilowatt hour over time, every session."""
    history, instead = recorded(readings)
    if instead:
        return instead
    units, more = readings.units, len(history.sessions) - MOST_ROWS
    return [
        grid(_sums(history, units)),
        *(block for money in totals(history.sessions)[:MOST_CHARTS] for block in _prices(history, money.currency)),
        Heading("Every session, newest first", 1),
        Table(COLUMNS, [_row(session, units) for session in history.sessions[:MOST_ROWS]]),
        *([Paragraph(f"{more} older sessions are in the sums but not in the table.")] if more > 0 else []),
        small_print(
            "Energy is fees.usageBase of the fees per kWh. Idle time is unlatchDateTime less chargeStopDateTime: the "
            "car stood plugged in after charging had ended, free of charge or not."
        ),
        history_source(readings),
    ]


def _sums(history: History, units: Units) -> list[tuple[str, str]]:
    """Energy, prices, tiers and idle time."""
    sessions, waiting = history.sessions, idle(history.sessions)
    tiers = tiers_kwh(sessions)
    tier_words = ", ".join(f"{tier}: {figure(kwh, 'kWh', 1)}" for tier, kwh in enumerate(tiers, 1) if kwh > 0)
    mean = ", ".join(f"{number(money.price_per_kwh, 3)} {money.currency}" for money in totals(sessions)[:4]
                     if money.price_per_kwh is not None)  # fmt: skip
    return [
        ("Sessions", number(len(sessions))),
        ("Energy of these sessions", figure(history.energy_kwh, "kWh", 1)),
        ("Energy per session", figure(history.energy_kwh / len(sessions), "kWh", 1)),
        ("Mean price per kWh", mean or NONE),
        ("First and last session", f"{units.day(history.first)} to {units.day(history.last)}"),
        ("Idle time, mean", figure(waiting.mean, "min", 1)),
        ("Energy by price tier", tier_words or NONE),
        ("Idle time, longest", figure(waiting.longest, "min")),
    ]


def _prices(history: History, currency: str) -> list[Block]:
    """The price of a kilowatt hour in each session over time, with the mean."""
    found = prices(history.sessions, currency)
    if len(found) < _FEWEST_PRICES:
        return []
    energy_mean = next(money.price_per_kwh for money in totals(history.sessions) if money.currency == currency) or 0.0
    days = [_day(price.at) for price in found]
    span = (min(days) - 3, max(days) + 3)
    plot = Plot(
        x_span=span,
        y_span=span_of([price.per_kwh for price in found], from_zero=True),
        x_title="",
        y_title=f"{currency} per kWh",
        lines=[Line([(span[0], energy_mean), (span[1], energy_mean)], INK, "mean over all energy", 1.2)],
        spots=[Spot(day, price.per_kwh, BRAND) for day, price in zip(days, found, strict=True)],
        x_words=_month_ticks(found[0].at, found[-1].at),
        height_mm=46.0,
    )
    return [Heading(f"Price per kWh, {currency}", 1), plot]


def _day(at: datetime) -> float:
    """Days since the year 1, with the time of day."""
    return at.toordinal() + (at.hour * 60 + at.minute) / 1440


def _month_ticks(first: datetime, last: datetime) -> list[tuple[float, str]]:
    """Beginnings of months between two moments, as many as fit."""
    start, stop = (at.year * _MONTHS_PER_YEAR + at.month - 1 for at in (first, last))
    every = max(1, -(-(stop - start) // _MOST_TICKS))
    months = [divmod(number, _MONTHS_PER_YEAR) for number in range(start + 1, stop + 1, every)]
    named = [
        (_day(datetime(year, month + 1, 1, tzinfo=UTC)), f"{year:04d}-{month + 1:02d}") for year, month in months
    ]
    return named or [(_day(first), f"{first.year:04d}-{first.month:02d}")]


def _row(session: ChargingSession, units: Units) -> tuple[str, ...]:
    """One session."""
    start, stop = session.charge_start_date_time, session.charge_stop_date_time
    site = ", ".join(part for part in (session.site_location_name, session.country_code) if part)
    costs = [f"{number(due, 2)} {currency}" for currency, due in sorted(dues(session).items())]
    return (
        units.clock(start),
        words(site),
        figure(energy_kwh(session), "kWh", 1),
        figure(minutes_between(start, stop), "min"),
        figure(idle_minutes(session), "min"),
        "\n".join(costs) or NONE,
        yes_no(paid(session)),
        plural(len(session.invoices), "file") if session.invoices else "None",
    )


SECTION = Section("Supercharging: energy", blocks)

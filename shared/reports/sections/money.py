"""Supercharging: what it cost, per currency."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.charging import KINDS, OTHER, History, Money, free_fees, totals
from shared.reports.analysis.charging_patterns import months
from shared.reports.layout.blocks import Block, Heading, Note, Paragraph, small_print
from shared.reports.layout.ink import WATCH
from shared.reports.layout.stacks import Column, Stacks
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, grid
from shared.reports.sections.supercharging import (
    MOST_CHARTS,
    MOST_CURRENCIES,
    SCOPE,
    figures_table,
    history_source,
    recorded,
    window,
)
from shared.reports.units import NONE, number, plural, yes_no

MONTHS = 24
NAMES = ("charging", "congestion", "parking", "idle", "other")
_CENT = 0.005


def blocks(readings: Readings) -> Sequence[Block]:
    """Payment state, sums per currency, spending by month."""
    history, instead = recorded(readings)
    state = _state(readings)
    if instead:
        return [*instead, *state]
    found = totals(history.sessions)
    shown = found[:MOST_CHARTS]
    foreign = f"{plural(history.foreign, 'session')} without this car's VIN left out."
    return [
        Note(SCOPE),
        Paragraph(f"{window(readings)} {plural(len(history.sessions), 'session')} for this car."),
        *state,
        *_unpaid(found),
        *_tables(found[:MOST_CURRENCIES]),
        *(block for money in shown for block in _chart(history, money)),
        *_free(history),
        *([Paragraph(foreign)] if history.foreign else []),
        small_print(
            "Total due is fees.totalDue, net due is fees.netDue. Tax is the difference where the two differ; where "
            "they are equal, Tesla does not say whether tax is contained, so that part stands under “Due, tax "
            "unknown”. Fees of two currencies are never added up."
        ),
        history_source(readings),
    ]


def _state(readings: Readings) -> list[Block]:
    """What the car says of its account at the Superchargers."""
    if readings.fetched_at("vehicle_data") is None:
        return []
    data = readings.data
    return [
        grid(
            [
                ("Supercharging enabled", yes_no(data.supercharging_enabled)),
                ("Supercharger payment needed", yes_no(data.supercharger_payment_needed)),
            ]
        )
    ]


def _unpaid(found: Sequence[Money]) -> list[Block]:
    """What is still to be paid."""
    owed = [money for money in found if money.unpaid > _CENT]
    if not owed:
        return [Paragraph("No fee is marked as unpaid.")]
    said = "; ".join(
        f"{number(money.unpaid, 2)} {money.currency} in {plural(money.unpaid_sessions, 'session')}" for money in owed
    )
    return [Note(f"Marked as unpaid: {said}. Tesla may block Supercharging until it is.", WATCH)]


def _tables(found: Sequence[Money]) -> list[Block]:
    """Fees by kind, then totals with and without tax; one row per currency."""
    kinds = ("Currency", "Sessions", "Charging", "Congestion", "Parking", "Idle", "Other", "Total due")
    sums = ("Currency", "Total due", "Net due", "Tax", "Due, tax unknown", "Unpaid", "per kWh")
    return [
        figures_table(kinds, [_kinds_row(money) for money in found]),
        figures_table(sums, [_sums_row(money) for money in found]),
    ]


def _kinds_row(money: Money) -> tuple[str, ...]:
    """Fees by kind."""
    kinds = (number(money.by_type.get(kind, 0.0), 2) for kind in (*KINDS, OTHER))
    return money.currency, number(money.sessions), *kinds, number(money.due, 2)


def _sums_row(money: Money) -> tuple[str, ...]:
    """With and without tax."""
    known_tax = money.due - money.tax_unknown_due > _CENT
    return (
        money.currency,
        number(money.due, 2),
        number(money.net, 2),
        number(money.tax, 2) if known_tax else "unknown",
        number(money.tax_unknown_due, 2) if money.tax_unknown_due > _CENT else NONE,
        number(money.unpaid, 2),
        number(money.price_per_kwh, 3),
    )


def _chart(history: History, money: Money) -> list[Block]:
    """Spending by month in one currency."""
    found = months(history.sessions, money.currency, MONTHS)
    columns = [Column(month.name, month.dues) for month in found]
    if not any(part > 0 for column in columns for part in column.parts):
        return []
    return [Heading(f"By month, {money.currency}, total due", 1), Stacks(columns, NAMES, money.currency)]


def _free(history: History) -> list[Block]:
    """Charging that was not paid in money."""
    free = free_fees(history.sessions)
    kinds = (("NO_CHARGE", "without charge"), ("CREDIT", "paid with credit"))
    said = [f"{plural(free[kind], 'session')} {words}" for kind, words in kinds if free[kind]]
    return [Paragraph(f"Not paid in money: {' and '.join(said)}.")] if said else []


SECTION = Section("Supercharging: money", blocks)

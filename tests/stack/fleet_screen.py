"""How the fleet looks at the terminal: a table of ticks with a bar each, why sites do not count, what was set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tests.stack.dispatch_act import DispatchAct
from tests.stack.fleet_act import FleetAct

_BAR = 14


def show_fleet(console: Console, act: FleetAct) -> None:
    """Everything that the act came to."""
    console.print(f"\n[bold]The Powerwall fleet[/] {len(act.sites)} sites", highlight=False)
    console.print(ticks(act.rows))
    console.print(Group(*_notes(act)), highlight=False)


def show_event(console: Console, act: DispatchAct) -> None:
    """The event: what was committed and delivered, as a chart by 5 minutes, and how the homes were left."""
    event, settlement, counts = act.event["event"], act.event["settlement"], act.event["event"]["counts"]
    console.print(
        f"\n[bold]The event[/] {event['target_kw']:.0f} kW asked, strategy {event['strategy']}", highlight=False
    )
    table = Table(box=None, pad_edge=False)
    for title in ("from", "delivered kW", "committed kW", "0"):
        table.add_column(title, justify="right" if title.endswith("kW") else "left")
    most = max([settlement["committed_kw"], *(one["kw"] for one in settlement["intervals"])])
    for one in settlement["intervals"]:
        length = round(2 * _BAR * one["kw"] / most)
        figures = (one["start"][11:16], f"{one['kw']:.0f}", f"{one['committed_kw']:.0f}")
        table.add_row(*figures, Text("█" * length, "green"))
    console.print(table)
    share = settlement["participation"] or 0.0
    console.print(
        f"  mean {settlement['mean_kw']:.0f} kW of {settlement['committed_kw']:.0f} committed, "
        f"{settlement['delivered_kwh']:.0f} kWh, {100 * share:.0f} % of the sites took part",
        f"  sites confirmed by reading {counts['confirmed']}, seen delivering {counts['delivering']}, "
        f"put back as found {counts['restored']}, not put back {counts['not_restored']}",
        sep="\n",
        highlight=False,
    )


def ticks(rows: Sequence[Any]) -> Table:
    """One line per tick: counts, kW now and available, and a bar of the kW now (left: charging)."""
    table = Table(box=None, pad_edge=False)
    for title in ("tick", "fresh", "flow kW", "can give, 1 h", "3 h", "charging | discharging"):
        table.add_column(title, justify="left" if title.startswith(("tick", "charging")) else "right")
    most = max((abs(row["flow_kw"]) for row in rows), default=0.0)
    for row in rows:
        hours = [f"{row['available_kw'][name]:.0f}" for name in ("1", "3")]
        figures = (f"{row['fresh']} of {row['sites']}", f"{row['flow_kw']:+.0f}", *hours)
        table.add_row(row["at"][11:16], *figures, bar(row["flow_kw"], most))
    return table


def bar(value: float, most: float) -> Text:
    """A bar to the left for what is below zero, to the right for what is above."""
    length = round(_BAR * abs(value) / most) if most else 0
    left, right = (length, 0) if value < 0 else (0, length)
    return Text.assemble(
        " " * (_BAR - left), ("█" * left, "blue"), ("│", "dim"), ("█" * right, "green"), " " * (_BAR - right)
    )


def _notes(act: FleetAct) -> list[RenderableType]:
    reasons = ", ".join(f"{item['sites']} {item['code']}" for item in act.fleet["by_reason"]) or "none"
    lines = [
        f"available kW is what could be delivered; flow kW (the sum of battery_power) is what happens now: "
        f"{act.fleet['flow_kw']:.0f} against {act.fleet['available_kw']['1']:.0f} for an hour",
        f"not counted or at their reserve: {reasons}",
    ]
    if act.mode:
        lines.append(f"mode of one site: asked for {act.mode['requested']}, read back {act.mode['read_back']}")
    if act.tariff:
        window = act.tariff["expected"]["peak_windows"][0]
        powers = " → ".join(f"{moment:%H:%M} {power:+.0f} W" for moment, power in act.tariff_power_w)
        lines.append(
            f"tariff of one site: peak {window['start'][11:16]}-{window['end'][11:16]} UTC; battery {powers}"
        )
    return [Text.from_markup(f"  {escape(line)}") for line in lines]

"""The results and the list of benches in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.bench.model import Bench
from tests.bench.results import Entry


def show_list(console: Console, benches: Sequence[Bench]) -> None:
    """One line a bench."""
    table = Table("key", "unit", "better", "aim", "runs", box=None, pad_edge=False)
    for bench in benches:
        table.add_row(bench.key, bench.unit, bench.better, escape(bench.aim or "-"), str(bench.runs))
    console.print(table)


def show_results(console: Console, benches: Sequence[Bench], entries: Mapping[str, Entry]) -> None:
    """One row a bench, medians with the extremes below them, then the notes. No entry: it failed."""
    table = Table(box=None, pad_edge=False)
    for name in ("key", "median", "best peer", "ratio", "aim", "runs"):
        table.add_column(name, no_wrap=name != "best peer")
    for bench in benches:
        table.add_row(*_row(bench, entries.get(bench.key)))
    console.print()
    console.print(table)
    for bench in benches:
        note = entries.get(bench.key, {}).get("note")
        if note:
            console.print(f"\n[bold]{bench.key}[/] {escape(note)}", highlight=False, soft_wrap=True)


def _row(bench: Bench, entry: Entry | None) -> list[str]:
    aim = escape(bench.aim or "-")
    if entry is None:
        return [bench.key, "[red]failed[/]", "", "", aim, ""]
    value = f"{entry['value']:g} {bench.unit}\n{entry['min']:g} - {entry['max']:g}"
    ratio = "-" if entry["ratio"] is None else f"{entry['ratio']:g}"
    return [bench.key, escape(value), _best_peer(bench, entry), ratio, aim, str(entry["runs"])]


def _best_peer(bench: Bench, entry: Entry) -> str:
    peers: dict[str, float] = entry["peers"]
    if not peers:
        return "-"
    choose = min if bench.better == "lower" else max
    name = choose(peers, key=peers.__getitem__)
    return escape(f"{peers[name]:g}\n{name}")

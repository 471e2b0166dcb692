"""How `make run` looks at the terminal: stages as they end, vehicles as they change, then outcomes and places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from tests.stack.fleet_screen import show_event, show_fleet
from tests.stack.job import Job, Outcome, Wish

_MARKS = {"ok": "[green]ok[/]", "failed": "[red]failed[/]", "skipped": "[yellow]skipped[/]", "pending": "…"}


class Watch:
    """Prints what a job tells. On a terminal the stage under way is shown with a spinner."""

    def __init__(self, console: Console) -> None:
        self._console, self._states = console, dict[tuple[str, str], str]()
        self._status: Status | None = None

    def told(self, stage: str, seconds: float | None) -> None:
        """A stage begins (no seconds yet) or has ended."""
        if self._status:
            self._status.stop()
            self._status = None
        if seconds is not None:
            self._console.print(f"[green]✓[/] {escape(stage)} [dim]{seconds:.1f} s[/]", highlight=False)
        elif self._console.is_terminal:
            self._status = self._console.status(escape(stage))
            self._status.start()

    def seen(self, _wish: Wish, view: Any) -> None:
        """An order as it stands: vehicles that changed are printed."""
        for vehicle in view["vehicles"]:
            key, now = (view["order_id"], vehicle["vehicle_id"]), _standing(vehicle)
            if self._states.get(key) != now:
                self._states[key] = now
                name = vehicle["display_name"] or "(no name)"
                text = f"  {vehicle['vehicle_id']} {name} …{vehicle['vin_last4']}: {now}"
                self._console.print(escape(text), highlight=False)

    def summary(self, job: Job) -> None:
        """Every module's outcome, what it cost, and where things lie."""
        for outcome in job.outcomes:
            self._console.print(f"\n[bold]{escape(outcome.wish.title)}[/]", highlight=False)
            self._console.print(_modules(outcome))
        if job.fleet:
            show_fleet(self._console, job.fleet)
        if job.event:
            show_event(self._console, job.event)
        self._console.print(
            f"\n[bold]Tesla calls of the orders[/] {job.cost['calls']:.0f}, "
            f"which would have cost ${job.cost['price_usd']:.3f}",
            highlight=False,
        )
        self._console.print("\n[bold]Results[/]")
        for outcome in job.outcomes:
            for path in [*outcome.reports, outcome.folder / "invoices", outcome.folder / "manifest.json"]:
                self._console.print(f"  {_short(path)}", highlight=False, soft_wrap=True)
        if job.event:
            self._console.print(f"  {_short(job.results / 'event-report.pdf')}", highlight=False, soft_wrap=True)

    def failed(self, error: Exception) -> None:
        """The job ended early."""
        if self._status:
            self._status.stop()
        self._console.print(f"[bold red]Failed in the stage[/] {escape(str(error))}", soft_wrap=True)


def _standing(vehicle: Any) -> str:
    reason = f" ({vehicle['reason']})" if vehicle["reason"] else ""
    return f"{vehicle['status']}{reason}"


def _modules(outcome: Outcome) -> Table:
    """Modules down, vehicles across; the account's own modules stand in the first column only."""
    vehicles = outcome.view["vehicles"]
    table = Table(box=None, pad_edge=False)
    table.add_column("module")
    for vehicle in vehicles:
        table.add_column(f"{vehicle['vehicle_id']} …{vehicle['vin_last4']}")
    by_vehicle = [{item["module"]: item for item in vehicle["modules"]} for vehicle in vehicles]
    for name in dict.fromkeys(name for modules in by_vehicle for name in modules):
        table.add_row(name, *(_cell(modules.get(name)) for modules in by_vehicle))
    counts = [vehicle["invoices"] for vehicle in vehicles]
    table.add_row(
        "[dim]invoices[/]", *(f"[dim]{count['ok']} fetched, {count['failed']} failed[/]" for count in counts)
    )
    return table


def _cell(item: Any) -> str:
    if item is None:
        return ""
    reason = f" [dim]{escape(item['reason'])}[/]" if item["reason"] else ""
    price = f" [dim]${item['price_usd']:.3f}[/]" if item["price_usd"] else ""
    return _MARKS[item["status"]] + reason + price


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

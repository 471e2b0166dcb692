"""What a person at the terminal sees."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.stack.environment import OPERATOR
from tests.stack.stack import Stack


def show_stack(stack: Stack) -> None:
    """Addresses, functions and the first commands to try."""
    console = Console()
    console.print(f"\n[bold green]Running[/] at [bold]{stack.base_url}[/] ({stack.config.backend})\n")
    console.print(_functions(stack))
    console.print(_places(stack))
    console.print("\n[bold]Try[/]")
    for command in _commands(stack):
        console.print(f"  {escape(command)}", soft_wrap=True, highlight=False)
    console.print("\nCtrl-C stops everything; the state stays.")


def show_failure(error: Exception) -> None:
    """Why there is no stack, on standard error."""
    Console(stderr=True).print(f"[bold red]The stack did not start:[/] {escape(str(error))}", soft_wrap=True)


def _functions(stack: Stack) -> Table:
    table = Table("function", "reached by", "listens at", box=None, pad_edge=False)
    for name, item in stack.manifest.functions.items():
        reached = f"topic {item.topic.name}" if item.topic else ", ".join(item.paths)
        table.add_row(name, reached, stack.function_process(name).url)
    return table


def _places(stack: Stack) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    accounts = ", ".join(str(each["email"]) for each in stack.simulator.get("accounts", ()))
    table.add_row("\nsimulated Tesla", f"\n{stack.simulator.get('auth', '')} (accounts: {accounts or 'none'})")
    table.add_row("  its controls", str(stack.simulator.get("control", "")))
    table.add_row("logs", f"{stack.state_dir / 'logs'}/FUNCTION.log")
    table.add_row("health", f"{stack.base_url}/_stack/health")
    return table


def _commands(stack: Stack) -> list[str]:
    body = '{"package": "basic"}'
    return [
        f"curl -s {stack.base_url}/api/v1/orders -H 'Content-Type: application/json' -d '{body}'",
        f"curl -s '{stack.base_url}/_stack/token?email={OPERATOR}'   # an operator's ID token",
        f"tail -f {stack.state_dir / 'logs'}/*.log",
    ]

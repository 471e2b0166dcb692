"""`python -m tests.bench [--only KEY ...] [--list] [--runs N]`: measure, print, keep in build/bench.json.

A bench that fails is named with its traceback; the others still run, its old entry stays, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from tests.bench.model import Bench, Measurement
from tests.bench.registry import find_benches
from tests.bench.results import Entry, entry_of, merge_results, read_results
from tests.bench.sampling import machine
from tests.bench.screen import show_list, show_results

RESULTS = Path(__file__).resolve().parents[2] / "build" / "bench.json"

log = logging.getLogger("tests.bench")


def main(
    arguments: list[str] | None = None, *, benches: Sequence[Bench] | None = None, results: Path = RESULTS
) -> int:
    """Do as the command line says, with all benches or those given; gives the exit code. Raises BadResults."""
    known = find_benches() if benches is None else list(benches)
    options = _parse(arguments, [bench.key for bench in known])
    console = Console()
    if options.list:
        show_list(console, known)
        return 0
    read_results(results)  # a file that cannot be merged into is better known before than after
    chosen = [bench for bench in known if not options.only or bench.key in options.only]
    entries = run_benches(chosen, options.runs, results)
    show_results(console, chosen, entries)
    return 0 if len(entries) == len(chosen) else 1


def run_benches(benches: Sequence[Bench], runs: int | None, results: Path) -> dict[str, Entry]:
    """Run one after another, each result kept at once; gives the entries of those that did not fail."""
    entries: dict[str, Entry] = {}
    for bench in benches:
        around = machine()
        log.info("%s ...", bench.key)
        measured = _measure(bench, runs or bench.runs)
        if measured:
            entries[bench.key] = entry_of(bench, measured)
            entries[bench.key]["note"] = "; ".join(part for part in (measured.note, around) if part)
            merge_results(results, {bench.key: entries[bench.key]})
    return entries


def _measure(bench: Bench, runs: int) -> Measurement | None:
    """Its measurement; None when it failed, which is logged."""
    try:
        return bench.measure(runs)
    except Exception:
        log.exception("%s failed", bench.key)
        return None


def _parse(arguments: list[str] | None, keys: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the project.")
    parser.add_argument(
        "--only", nargs="+", action="extend", choices=keys, metavar="KEY", help=f"of: {', '.join(keys)}"
    )
    parser.add_argument("--list", action="store_true", help="show the benches, measure nothing")
    parser.add_argument("--runs", type=_positive, help="runs of each bench instead of its own number")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=Console(stderr=True), show_path=False)],
    )
    log.setLevel(logging.INFO)
    sys.exit(main())

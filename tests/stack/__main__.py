"""`python -m tests.stack`: `serve` keeps the whole service up on this machine, `run` does its main job once."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from rich.console import Console

from shared.manifest import BadManifest
from shared.settings import BadSettings
from tests.stack.config import ROOT, StackConfig
from tests.stack.cron import BadCronLine
from tests.stack.emulators import EmulatorError
from tests.stack.job import Job, StageFailed
from tests.stack.processes import FunctionFailed
from tests.stack.screen import show_failure, show_stack
from tests.stack.stack import Stack
from tests.stack.state import StateInUse
from tests.stack.tesla import SimulatorFailed
from tests.stack.watch import Watch

_START_ERRORS = (
    BadManifest,
    BadSettings,
    BadCronLine,
    FunctionFailed,
    SimulatorFailed,
    StateInUse,
    EmulatorError,
    OSError,  # the port is in use, the folder out of reach
)
_INTERVALS = "seconds between runs of the scheduled functions; 0 never, without it every 2"


def main(arguments: list[str] | None = None) -> int:
    """Do as the command line says; gives the exit code."""
    options = _parse(arguments)
    return _run(options) if options.command == "run" else _serve_until_stopped(options)


def _run(options: argparse.Namespace) -> int:
    watch = Watch(Console())
    job = Job(options.backend, watch.told, watch.seen)
    try:
        job.run()
    except StageFailed as error:
        watch.failed(error)
        return 1
    watch.summary(job)
    return 0


def _serve_until_stopped(options: argparse.Namespace) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    config = StackConfig(
        state_dir=options.state,
        backend=options.backend,
        port=options.port,
        tick_s=options.tick,
        functions_dir=options.functions,
    )
    try:
        _serve(config, stop)
    except _START_ERRORS as error:
        show_failure(error)
        return 1
    return 0


def _serve(config: StackConfig, stop: threading.Event) -> None:
    with Stack(config) as stack:
        show_stack(stack)
        stop.wait()


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stack", description="The whole service on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything, do the main job once, say where the results lie")
    run.add_argument("--backend", choices=("embedded", "emulators"), default="embedded")
    serve = commands.add_parser("serve", help="start everything and stay up")
    serve.add_argument("--backend", choices=("embedded", "emulators"), default="embedded")
    serve.add_argument("--state", type=Path, default=Path(".local"), help="folder that survives (default: .local)")
    serve.add_argument("--port", type=int, default=8080, help="of the gateway; 0 picks a free one (default: 8080)")
    serve.add_argument("--tick", type=float, default=2.0, help=_INTERVALS)
    serve.add_argument("--functions", type=Path, default=ROOT / "functions", help="folder with functions.yaml")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

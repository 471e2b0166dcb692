"""A simulator process without the stack, and which core something runs on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.stack.tesla import SimulatorProcess


@contextmanager
def running_simulator(*options: str) -> Iterator[dict[str, Any]]:
    """A simulator with these options until the block ends, and its greeting. Raises SimulatorFailed."""
    with ExitStack() as opening:
        reading, writing = os.pipe()
        opening.callback(os.close, reading)
        opening.callback(os.close, writing)
        log = opening.enter_context(tempfile.TemporaryFile())
        simulator = SimulatorProcess(options, reading, log)
        opening.callback(simulator.stop)
        yield simulator.greeting()


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Keep this thread, and processes it starts, on one core, where the system has several and can."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) <= number:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

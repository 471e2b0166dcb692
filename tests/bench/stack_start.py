"""Starting the whole stack: every function in its own process, the simulator, gateway and deliveries."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench.model import Bench, Measurement
from tests.stack.config import StackConfig
from tests.stack.stack import Stack


def measure(runs: int) -> Measurement:
    """From nothing to every function answering, in an empty folder each time; a first start does not count."""
    _start_s()
    return Measurement(
        samples=tuple(_start_s() for _ in range(runs)), note="embedded backend, empty state, warm disk"
    )


def _start_s() -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with Stack(StackConfig(state_dir=Path(folder))):
            return time.perf_counter() - started


BENCHES = (Bench(key="stack_start_s", unit="s", better="lower", measure=measure),)

"""Taking samples so that what disturbs the machine disturbs everyone alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(runs: int, *takes: Callable[[], float]) -> list[tuple[float, ...]]:
    """Take A B, A B, ... `runs` times; gives the samples of A, of B, ..."""
    rounds = [[take() for take in takes] for _ in range(runs)]
    return list(zip(*rounds, strict=True))


def machine() -> str:
    """Cores and how busy they are with other things, to be read along with a figure."""
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before"

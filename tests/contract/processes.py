"""Worker processes of the race and crash tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def start(worker: str, path: Path, argument: str = "") -> subprocess.Popen[str]:
    """Start a worker of `tests.contract.workers`."""
    command = [sys.executable, "-m", "tests.contract.workers", worker, str(path), argument]
    return subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)


def outputs(worker: str, path: Path, arguments: list[str]) -> list[str]:
    """Run a worker for each argument side by side; gives what they said."""
    processes = [start(worker, path, argument) for argument in arguments]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


@contextmanager
def killed_after(worker: str, path: Path, lines: int, argument: str = "") -> Iterator[list[str]]:
    """A worker that is killed once it said `lines` lines; gives all that it said."""
    process = start(worker, path, argument)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(lines)]
    process.kill()
    said += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    yield said

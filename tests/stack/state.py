"""One stack per state folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StateInUse(Exception):
    """Another stack runs in the folder."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made when missing; the claim ends with this process at the latest."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateInUse(f"another stack runs in {folder}; stop it or choose another folder") from None
        yield


def clock_file(state_dir: Path) -> Path:
    """The file that says how far all clocks of the stack are ahead of the machine's."""
    return state_dir.resolve() / "clock-ahead-s"

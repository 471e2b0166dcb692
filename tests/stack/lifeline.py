"""Children that cannot outlive their parent, however it dies.

The parent keeps the writing end of a pipe that nobody writes to; every child holds the reading end. When the parent
is gone the kernel closes the pipe, and a thread in the child ends the child's process group.

``python -m tests.stack.lifeline FD MODULE ARGUMENTS...`` runs any module that way.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def follow(descriptor: int) -> None:
    """Kill this process group as soon as the pipe behind `descriptor` is closed at its other end."""
    threading.Thread(target=_wait, args=(descriptor,), name="lifeline", daemon=True).start()


def _wait(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Follow the pipe, then be the module."""
    descriptor, module, *rest = arguments
    follow(int(descriptor))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

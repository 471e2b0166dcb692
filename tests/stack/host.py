"""The process of one function: what the deployed runtime does, on a socket that the stack has opened.

``python -m tests.stack.host NAME`` reads FUNCTION_TARGET, FUNCTION_SOURCE, THREADS and WORKERS as functions-framework
does, STACK_SOCKET (descriptor of the listening socket) and STACK_LIFELINE (see `lifeline`). The socket belongs to the
stack: while a killed process is being replaced, new requests wait in it instead of being refused.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from tests.stack import crash, lifeline

_KEEP_ALIVE_S = 75
_GRACEFUL_S = 10


def main(name: str) -> None:
    """Load the function and answer until SIGTERM."""
    crash.arm(name, os.environ)
    framework: Any = importlib.import_module("functions_framework")
    server: Any = importlib.import_module("functions_framework._http")
    app = framework.create_app(os.environ["FUNCTION_TARGET"], os.environ["FUNCTION_SOURCE"], "http")
    server.create_server(app, debug=False, **_gunicorn_options()).run("127.0.0.1", 0)


def _gunicorn_options() -> dict[str, Any]:
    """Options over those of functions-framework."""
    descriptor = int(os.environ["STACK_LIFELINE"])

    def post_fork(_server: object, _worker: object) -> None:
        lifeline.follow(descriptor)  # in the worker: a thread started earlier would not survive the fork

    return {
        "bind": f"fd://{os.environ['STACK_SOCKET']}",
        "keepalive": _KEEP_ALIVE_S,
        "graceful_timeout": _GRACEFUL_S,
        "control_socket_disable": True,
        "post_fork": post_fork,
        "worker_exit": _worker_exit,
        "on_exit": _on_exit,
    }


def _worker_exit(_server: object, worker: Any) -> None:
    """A worker that was asked to stop has answered everything. The leader calls this too, for a worker that died."""
    if worker.pid == os.getpid() and worker.booted and not worker.alive:
        _leave()


def _on_exit(_server: object) -> None:
    """The leader's workers are gone. Where they could not start, its exit code says so, and is left to it."""
    if isinstance(sys.exc_info()[1], StopIteration):  # how gunicorn takes SIGTERM
        _leave()


def _leave() -> None:
    """End the process at once: two dozen interpreters that tidy up take more than a second."""
    if "COVERAGE_PROCESS_START" not in os.environ:  # its figures are written at the very end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])

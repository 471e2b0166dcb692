"""The functions as processes: started side by side, watched, replaced when they die.

Each function has a listening socket that the stack opens once and every process of that function inherits: a request
that arrives while a dead process is being replaced waits, as it does while Cloud Run starts an instance.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.stack.config import ROOT

_BACKLOG = 512
_STEADY_S = 2.0
_LONGEST_PAUSE_S = 5.0
_LOG_TAIL = 2000


class FunctionFailed(Exception):
    """A function did not come up; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How one function is started: entry point, file, threads and worker processes, its environment and log file."""

    name: str
    entry: str
    source: Path
    threads: int
    workers: int
    environment: Mapping[str, str]
    log: Path


class FunctionProcess:
    """One function. A process that dies is replaced at once, one that keeps dying after growing pauses."""

    def __init__(self, launch: Launch, lifeline: int, on_death: Callable[[str, int], None]) -> None:
        """Open the socket; `lifeline` is the pipe that ties children to us, `on_death` gets name and exit code."""
        self._launch, self._lifeline, self._on_death = launch, lifeline, on_death
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.restarts = 0
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The function's name in the manifest."""
        return self._launch.name

    @property
    def pid(self) -> int:
        """The process that leads the function's group; 0 while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def start(self) -> None:
        """Start the process and keep it running."""
        self._process = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(self._process))

    async def ready(self, session: ClientSession, timeout_s: float) -> None:
        """Wait for ``GET /health``. Raises FunctionFailed when that takes too long or the process keeps dying."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.restarts < 2:
            with contextlib.suppress(ClientError, TimeoutError):
                async with session.get(f"{self.url}/health", timeout=ClientTimeout(total=1.0)) as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.02)
        raise FunctionFailed(f"{self.name} did not answer GET /health with 2xx:\n{self.log_tail()}")

    def kill(self) -> None:
        """SIGKILL, as when an instance is lost."""
        self._signal(signal.SIGKILL)

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL after `grace_s`; the socket is closed."""
        if self._keeper:
            self._keeper.cancel()
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_s)
            self.kill()
            await self._process.wait()
        self._socket.close()

    def log_tail(self) -> str:
        """The end of what the function wrote."""
        return self._launch.log.read_text(errors="replace")[-_LOG_TAIL:] if self._launch.log.exists() else ""

    async def _keep(self, process: Process) -> None:
        """Replace the process whenever it dies."""
        deaths_in_a_row = 0
        while True:
            started = time.monotonic()
            code = await process.wait()
            self._kill_orphans(process.pid)
            self.restarts += 1
            self._on_death(self.name, code)
            deaths_in_a_row = deaths_in_a_row + 1 if time.monotonic() - started < _STEADY_S else 0
            await asyncio.sleep(_pause_s(deaths_in_a_row))
            process = self._process = await self._spawn()

    async def _spawn(self) -> Process:
        launch, descriptors = self._launch, (self._socket.fileno(), self._lifeline)
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        with launch.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.stack.host",
                launch.name,
                env=_process_environment(launch, *descriptors),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                start_new_session=True,
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    @staticmethod
    def _kill_orphans(group: int) -> None:
        """End workers whose leader is gone: they would go on answering."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _pause_s(deaths_in_a_row: int) -> float:
    """Nothing at first; growing for a process that dies young again and again."""
    return min(0.1 * 2.0**deaths_in_a_row, _LONGEST_PAUSE_S) if deaths_in_a_row > 1 else 0.0


def _process_environment(launch: Launch, listening: int, lifeline: int) -> dict[str, str]:
    return {
        **launch.environment,
        "FUNCTION_TARGET": launch.entry,
        "FUNCTION_SOURCE": str(launch.source),
        "THREADS": str(launch.threads),
        "WORKERS": str(launch.workers),
        "STACK_SOCKET": str(listening),
        "STACK_LIFELINE": str(lifeline),
    }

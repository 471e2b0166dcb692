"""The whole service on this machine: simulator, functions, gateway, message delivery, scheduler."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import requests
from msgspec.structs import replace

from shared.manifest import Manifest, read_manifest
from shared.platform.clock import OffsetClock
from shared.platform.ports import Delivery
from shared.settings import read_settings
from tests.stack.backend import Backend, open_backend
from tests.stack.config import StackConfig
from tests.stack.delivery import Attempt
from tests.stack.environment import (
    OPERATOR,
    application_secrets,
    identity_settings,
    pace_settings,
    process_environment,
)
from tests.stack.identity import Identity
from tests.stack.keychain import Keychain, new_signing_key
from tests.stack.loop import LoopThread
from tests.stack.messaging import Messaging, drain
from tests.stack.processes import FunctionProcess
from tests.stack.services import Services, log_path
from tests.stack.state import claimed, clock_file
from tests.stack.tesla import SimulatorProcess, tesla_settings

_BACKLOG = 512


class Stack:
    """Everything of one `StackConfig`, between ``__enter__`` and ``__exit__``.

    Attributes:
        config: As given.
        state_dir: Where everything lies that survives a stop.
        manifest: The functions.
        base_url: The gateway's address.
        simulator: The simulator's addresses, credentials and accounts, as it prints them.
        environment: Variables that every function gets.
        identity: Mints ID tokens.
        clock: The time as the functions have it.
        messaging: The backend's bus and queue.
    """

    base_url: str
    simulator: dict[str, Any]
    environment: dict[str, str]
    identity: Identity
    clock: OffsetClock
    messaging: Messaging

    def __init__(self, config: StackConfig) -> None:
        """Read the manifest; nothing is started. Raises BadManifest, and KeyError for a function not in it."""
        self.config, self.state_dir = config, config.state_dir.resolve()
        self.manifest = _chosen(read_manifest(config.functions_dir / "functions.yaml"), config.functions)
        self._open = ExitStack()
        self._ahead_s = 0.0

    def __enter__(self) -> Self:
        """Start everything and wait until every function answers.

        Raises:
            FunctionFailed: A function does not come up.
            SimulatorFailed: The simulator does not.
            StateInUse: Another stack runs in the state folder.
            BadSettings: The settings contradict each other.
        """
        with ExitStack() as opening:
            self._start(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything; messages under way are finished or given back."""
        self._open.close()

    @property
    def deliveries(self) -> list[Attempt]:
        """Every push request so far, in the order of their ends."""
        return list(self._services.deliverer.attempts)

    @property
    def deaths(self) -> list[tuple[str, int]]:
        """(function, exit code) of every process that died without being asked to stop."""
        return list(self._services.deaths)

    def function_process(self, name: str) -> FunctionProcess:
        """The process of a function."""
        return self._services.functions[name]

    def kill(self, name: str) -> None:
        """SIGKILL a function; it is started again at once."""
        self._loop.call(self._services.functions[name].kill)

    def token(self, email: str = OPERATOR, audience: str = "") -> str:
        """An ID token of that principal, for our functions."""
        return self.identity.token(email, audience or self.environment["OIDC_AUDIENCE"])

    def tick(self) -> list[str]:
        """Run every scheduled topic now; gives the message ids."""
        return self._services.scheduler.tick()

    def advance(self, seconds: float) -> None:
        """Let time pass: for every function, the deliveries and the simulated Tesla, without waiting."""
        self._ahead_s += seconds
        path = clock_file(self.state_dir)
        fresh = path.with_suffix(".new")
        fresh.write_text(str(self._ahead_s))
        fresh.replace(path)
        requests.post(
            f"{self.simulator['control']}/clock", json={"advance_s": seconds}, timeout=30
        ).raise_for_status()

    def pause(self) -> None:
        """Begin no delivery until `resume`."""
        self._loop.call(self._services.deliverer.pause)

    def resume(self) -> None:
        """Deliver again."""
        self._loop.call(self._services.deliverer.resume)

    def wait_idle(self, timeout_s: float = 30.0) -> None:
        """Return once no message is waiting or under way. Raises NotIdle."""
        self._loop.run(self._services.deliverer.wait_idle(timeout_s))

    def dead_letters(self, topic: str) -> list[Delivery]:
        """Takes out the topic's dead letters."""
        return drain(self.messaging.queue, f"{topic}-dead")

    def published(self, topic: str) -> list[Delivery]:
        """Takes out what was published to an outward topic."""
        return drain(self.messaging.queue, topic)

    def logs(self, name: str) -> str:
        """What a function (or ``simulator``) wrote."""
        path = log_path(self.state_dir, name)
        return path.read_text(errors="replace") if path.exists() else ""

    def _start(self, opening: ExitStack) -> None:
        opening.enter_context(claimed(self.state_dir))
        lifeline = _lifeline(opening)
        simulator = self._start_simulator(opening, lifeline)
        listening = opening.enter_context(socket.create_server(("127.0.0.1", self.config.port), backlog=_BACKLOG))
        self.base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        keys = Keychain(self.state_dir / "keys")
        clock_file(self.state_dir).unlink(missing_ok=True)
        self.clock = OffsetClock(clock_file(self.state_dir))
        self.identity = Identity(keys.keep("oidc-key.pem", new_signing_key), self.clock)
        backend = opening.enter_context(open_backend(self.config, self.manifest, keys, self.base_url))
        self.messaging = backend.messaging
        self.simulator = simulator.greeting() if simulator else dict(self.config.tesla or {})
        self.environment = self._environment(backend, keys)
        self._loop = LoopThread()
        opening.callback(self._loop.stop)
        self._services = self._loop.call(self._assemble, backend, lifeline)
        opening.callback(lambda: self._loop.run(self._services.stop()))
        self._loop.run(self._services.start(listening))
        self._loop.run(self._services.ready())

    def _start_simulator(self, opening: ExitStack, lifeline: int) -> SimulatorProcess | None:
        if self.config.tesla is not None:
            return None
        path = log_path(self.state_dir, "simulator")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            simulator = SimulatorProcess(self.config.simulator_options, lifeline, log)
        opening.callback(simulator.stop)
        return simulator

    def _environment(self, backend: Backend, keys: Keychain) -> dict[str, str]:
        chosen = {
            **process_environment(),
            **backend.settings,
            **identity_settings(self.base_url),
            **pace_settings(),
            "CLOCK_OFFSET_FILE": str(clock_file(self.state_dir)),
            **tesla_settings(self.simulator),
            **self.config.settings,
        }
        secrets = application_secrets(keys, self.simulator, read_settings(chosen))
        return {**chosen, **backend.keep_secrets(secrets), **self.config.settings}

    def _assemble(self, backend: Backend, lifeline: int) -> Services:
        return Services(
            self.config,
            self.manifest,
            self.environment,
            identity=self.identity,
            messaging=backend.messaging,
            downloads=backend.downloads,
            lifeline=lifeline,
        )


def _chosen(manifest: Manifest, names: frozenset[str]) -> Manifest:
    """The manifest with these functions only; with all of them if none is named. Raises KeyError for unknown ones."""
    chosen = {name: manifest.functions[name] for name in sorted(names)}
    return replace(manifest, functions=chosen) if chosen else manifest


def _lifeline(opening: ExitStack) -> int:
    """The reading end of a pipe that closes when this process is gone."""
    reading, writing = os.pipe()
    opening.callback(os.close, reading)
    opening.callback(os.close, writing)
    return reading

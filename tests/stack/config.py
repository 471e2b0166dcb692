"""What one local stack is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.manifest import Topic

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder."""

_LEAST_ATTEMPTS = 5
"""Fewer cannot be set on a Pub/Sub subscription."""

Backend = Literal["embedded", "emulators"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryConfig:
    """How messages travel. Production retries between 10 s and 600 s; a laptop does not want to wait that long.

    `duplicate` delivers every message that many times, each copy after a random delay of up to `shuffle_s`, which
    also mixes the order of messages. `attempts` overrides the manifest's (Pub/Sub takes 5 and more). `lease_s` None:
    a bit more than the function's timeout.
    """

    backoff_min_s: float = 0.2
    backoff_max_s: float = 10.0
    duplicate: int = 1
    shuffle_s: float = 0.0
    seed: int = 1
    attempts: int | None = None
    lease_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackConfig:
    """Options of one stack.

    Attributes:
        backend: SQLite and a folder, or Google's emulators.
        state_dir: Folder of everything that survives: stores, keys, logs.
        settings: Environment variables of the functions that differ from the stack's own choice.
        tesla: URLs (and credentials) as the simulator prints them; None starts a simulator of its own.
        simulator_options: Command line of that simulator.
        emulators: Environment of emulators that run already; None starts some when the backend needs them.
        port: Of the gateway; 0 picks a free one.
        tick_s: Seconds between two runs of every scheduled topic; None follows the cron lines; 0 never ticks.
        threads: Most requests that one function process answers at a time.
        workers: Function name -> worker processes, for functions that production would scale out.
        delivery: How messages travel.
        functions_dir: Folder with ``functions.yaml`` and one folder per function.
        functions: Names of those that are started, with their topics; empty: all.
        ready_s: How long the functions may take to answer.
        stop_s: How long work in progress may take to finish when the stack stops.
    """

    state_dir: Path
    backend: Backend = "embedded"
    settings: Mapping[str, str] = field(default_factory=dict)
    tesla: Mapping[str, Any] | None = None
    simulator_options: tuple[str, ...] = ()
    emulators: Mapping[str, str] | None = None
    port: int = 0
    tick_s: float | None = 2.0
    threads: int = 16
    workers: Mapping[str, int] = field(default_factory=dict)
    delivery: DeliveryConfig = DeliveryConfig()
    functions_dir: Path = ROOT / "functions"
    functions: frozenset[str] = frozenset()
    ready_s: float = 30.0
    stop_s: float = 5.0

    def attempts(self, topic: Topic) -> int:
        """Deliveries before a message of that topic is a dead letter."""
        wanted = self.delivery.attempts or topic.attempts
        return wanted if self.backend == "embedded" else max(wanted, _LEAST_ATTEMPTS)

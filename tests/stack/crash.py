"""Fault injection: a function kills itself at a chosen, or a random, call of a port.

The product has no hooks for this: before the function is loaded, the host wraps the adapters that the functions
`documents`, `blobs` and `events` of `shared.bootstrap` (or of the module CRASH_MODULE) hand out.

- ``CRASH_AT=fetch_vehicle:blobs.put:3``: die right after the 3rd successful ``blobs.put`` of a process of that
  function; with ``:before`` at the end, instead of the 3rd call. ``documents.put/orders`` counts the calls with that
  first argument only: of a collection, or of an object. Several are separated by commas. Each happens once.
- ``CRASH_RANDOM=seed:probability:most``: die before or after any port call with that probability, at most so often
  over all functions.
- ``CRASH_ROUND=2``: what happened is counted per state folder and round. A process that was started for an earlier
  round goes by what happened in that one.

A crash is SIGKILL to the whole process group: no handler, no finally, no flush.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PORTS = ("documents", "blobs", "events")
"""The functions of `shared.bootstrap` whose answers are wrapped."""

_POINT = re.compile(
    rf"(?P<function>\w+):(?P<call>(?:{'|'.join(PORTS)})\.\w+(?:/[^:,\s]+)?):(?P<count>[1-9]\d*)"
    r"(?::(?P<when>before|after))?"
)


class BadCrashPoint(Exception):
    """CRASH_AT or CRASH_RANDOM cannot be read."""


class Trigger(Protocol):
    """Decides whether a call is the last one."""

    def before(self, call: str) -> None:
        """Called before ``port.method/first argument``."""

    def after(self, call: str) -> None:
        """Called after ``port.method/first argument`` gave its answer."""


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """One entry of CRASH_AT."""

    function: str
    call: str
    count: int
    before: bool

    def counts(self, call: str) -> bool:
        """Whether it is a call of that method and, if the point names one, with that first argument."""
        return self.call in {call, call.partition("/")[0]}


def parse_points(text: str) -> list[CrashPoint]:
    """The entries of CRASH_AT. Raises BadCrashPoint."""
    return [_parse_point(part.strip()) for part in text.split(",") if part.strip()]


def _parse_point(text: str) -> CrashPoint:
    match = _POINT.fullmatch(text)
    if match is None:
        raise BadCrashPoint(f"{text!r} is not FUNCTION:PORT.METHOD[/ARGUMENT]:COUNT[:before|after]")
    return CrashPoint(match["function"], match["call"], int(match["count"]), match["when"] == "before")


class AtPoint:
    """Dies at one point, if no process of this state folder did so before."""

    def __init__(self, point: CrashPoint, marks: Marks, die: Callable[[], None]) -> None:
        self._point, self._marks, self._die = point, marks, die
        self._calls: Counter[bool] = Counter()

    def before(self, call: str) -> None:
        """Count the call that is about to be made."""
        self._count(call, is_before=True)

    def after(self, call: str) -> None:
        """Count the call that succeeded."""
        self._count(call, is_before=False)

    def _count(self, call: str, *, is_before: bool) -> None:
        if not self._point.counts(call) or is_before != self._point.before:
            return
        self._calls[is_before] += 1
        if self._calls[is_before] == self._point.count and self._marks.take(repr(self._point)):
            self._die()


class AtRandom:
    """Dies with a probability per call, while marks are left; the marks taken so far vary the sequence."""

    def __init__(self, name: str, text: str, marks: Marks, die: Callable[[], None]) -> None:
        try:
            seed, probability, most = text.split(":")
            self._probability, self._most = float(probability), int(most)
        except ValueError:
            raise BadCrashPoint(f"{text!r} is not SEED:PROBABILITY:MOST") from None
        self._marks, self._die = marks, die
        self._lock = threading.Lock()  # one mark, one death: no second thread takes another before the end
        self._random = random.Random(f"{seed}:{name}:{marks.taken()}")

    def before(self, call: str) -> None:
        """Throw the dice for a call that has no effect yet."""
        self._throw(call)

    def after(self, call: str) -> None:
        """Throw the dice for a call whose effect nobody has seen yet."""
        self._throw(call)

    def _throw(self, _call: str) -> None:
        with self._lock:
            if self._random.random() < self._probability and self._marks.take_one_of(self._most):
                self._die()


class Marks:
    """Files that say which crashes have happened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def taken(self) -> int:
        """How many crashes have happened."""
        return len(list(self._folder.iterdir()))

    def take(self, name: str) -> bool:
        """Whether this caller is the first to take the mark."""
        try:
            (self._folder / hashlib.sha256(name.encode()).hexdigest()[:16]).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def take_one_of(self, most: int) -> bool:
        """Take one of `most` numbered marks; False when all are gone."""
        return any(self.take(f"random {number}") for number in range(most))


class CrashingPort:
    """A port whose methods report to the triggers; everything else is the adapter's."""

    def __init__(self, name: str, adapter: object, triggers: Sequence[Trigger]) -> None:
        self._name, self._adapter, self._triggers = name, adapter, triggers

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._adapter, attribute)
        return self._watched(f"{self._name}.{attribute}", value) if callable(value) else value

    def _watched(self, call: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            full = f"{call}/{arguments[0]}" if arguments and isinstance(arguments[0], str) else call
            for trigger in self._triggers:
                trigger.before(full)
            answer = method(*arguments, **named)
            for trigger in self._triggers:
                trigger.after(full)
            return answer

        return watched


def arm(name: str, environ: Mapping[str, str]) -> None:
    """Wrap the ports of this process if the environment asks for it. Raises BadCrashPoint."""
    triggers = _triggers(name, environ)
    if not triggers:
        return
    module = importlib.import_module(environ.get("CRASH_MODULE") or "shared.bootstrap")
    for port in PORTS:
        setattr(module, port, _wrapped(port, getattr(module, port), triggers))


def _triggers(name: str, environ: Mapping[str, str]) -> list[Trigger]:
    points = [point for point in parse_points(environ.get("CRASH_AT", "")) if point.function == name]
    chance = environ.get("CRASH_RANDOM", "")
    if not points and not chance:
        return []
    marks = Marks(Path(environ["STATE_DIR"]) / "crashes" / environ.get("CRASH_ROUND", "0"))
    triggers: list[Trigger] = [AtPoint(point, marks, die) for point in points]
    if chance:
        triggers.append(AtRandom(name, chance, marks, die))
    return triggers


def _wrapped(port: str, factory: Callable[[], object], triggers: Sequence[Trigger]) -> Callable[[], CrashingPort]:
    def wrapped() -> CrashingPort:
        return CrashingPort(port, factory(), triggers)

    return wrapped


def die() -> None:
    """SIGKILL to the whole function, as when its instance is lost."""
    os.killpg(os.getpgrp(), signal.SIGKILL)

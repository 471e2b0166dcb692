"""Finds the benches: every module of a package that declares `BENCHES`."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Sequence

from tests.bench.model import Bench, Measurement


def find_benches(package: str = "tests.bench") -> list[Bench]:
    """All benches by key. Raises ValueError when two have the same key."""
    paths = importlib.import_module(package).__path__
    names = [item.name for item in pkgutil.iter_modules(paths) if item.name != "__main__"]
    return in_order([bench for name in names for bench in _declared(package, name)])


def in_order(benches: Sequence[Bench]) -> list[Bench]:
    """The benches by key. Raises ValueError when two have the same key."""
    twice = [key for key, count in Counter(bench.key for bench in benches).items() if count > 1]
    if twice:
        raise ValueError(f"more than one bench of the key {', '.join(sorted(twice))}")
    return sorted(benches, key=lambda bench: bench.key)


def _declared(package: str, name: str) -> Sequence[Bench]:
    """The module's benches, none for a helper. One that cannot be imported fails when it is its turn, by its name."""
    try:
        module = importlib.import_module(f"{package}.{name}")
    except (ImportError, SyntaxError) as error:
        return [_unloadable(name, error)]
    benches: Sequence[Bench] = getattr(module, "BENCHES", ())
    return benches


def _unloadable(name: str, error: Exception) -> Bench:
    def measure(_runs: int) -> Measurement:
        raise error

    return Bench(key=name, unit="", better="lower", measure=measure)

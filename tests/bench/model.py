"""What a bench is and what it gives."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Better = Literal["lower", "higher"]


class Invalid(Exception):
    """What ran is not what the bench is about: something failed, or a peer did other work. The message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one bench measured.

    Attributes:
        samples: One value a run, at least one, in the bench's unit.
        peers: Name -> one value a run, measured in the same minutes.
        note: Settings and details that the figure needs to be read.
    """

    samples: tuple[float, ...]
    peers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    note: str = ""

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.samples)

    @property
    def peer_values(self) -> dict[str, float]:
        """The peers' medians."""
        return {name: statistics.median(samples) for name, samples in self.peers.items()}

    def best_peer(self, better: Better) -> str | None:
        """The name of the peer that did best, or None without peers."""
        values = self.peer_values
        choose = min if better == "lower" else max
        return choose(values, key=values.__getitem__) if values else None

    def ratio(self, better: Better) -> float | None:
        """Our median over the best peer's; None without peers, or where that peer's is zero."""
        best = self.best_peer(better)
        return self.value / self.peer_values[best] if best and self.peer_values[best] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One figure.

    Attributes:
        key: Its name in the results; ends with the unit where it has one.
        unit: Of the value.
        better: Which way is good.
        measure: Measures with that many runs; raises whatever went wrong.
        runs: How many unless the caller says.
        aim: What is aimed at, in words; empty: nothing yet.
    """

    key: str
    unit: str
    better: Better
    measure: Callable[[int], Measurement]
    runs: int = 5
    aim: str = ""

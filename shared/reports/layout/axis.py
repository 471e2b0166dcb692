"""Axes: from values to millimetres, with ticks at round figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_FLATTEST = 1e-9
_WIDEST = 1e9
_NOISE = 0.01
"""Share of a step that differences between binary fractions may be off by."""


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` along `length_mm` from `start_mm`; a negative length runs upwards."""

    low: float
    high: float
    start_mm: float
    length_mm: float

    def at_mm(self, value: float) -> float:
        """Where a value lies; beyond the ends, at the end."""
        share = (value - self.low) / (self.high - self.low)
        return self.start_mm + self.length_mm * min(1.0, max(0.0, share))


def span_of(values: Iterable[float], *, from_zero: bool = False) -> tuple[float, float]:
    """A span that holds all values with some air, never empty; values beyond all sense are left out."""
    sound = [value for value in values if -_WIDEST < value < _WIDEST]
    low, high = (min(sound), max(sound)) if sound else (0.0, 1.0)
    if from_zero:
        low = min(0.0, low)
    air = (high - low) * 0.08 or max(abs(high) * 0.1, 0.1)
    return (low if from_zero and low == 0 else low - air), high + air


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round figures from `low` to `high`, at most `most` steps apart."""
    if high - low < _FLATTEST:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in _STEPS if step * power >= rough * (1 - _FLATTEST))
    first = math.ceil(low / step - _FLATTEST)
    last = math.floor(high / step + _FLATTEST)
    return [number * step for number in range(first, last + 1)]


def tick_words(value: float, values: list[float]) -> str:
    """A tick's label with as many decimals as its neighbours need."""
    step = min((abs(b - a) for a, b in pairwise(values)), default=1.0)
    decimals = max(0, min(6, -math.floor(math.log10(step) + _FLATTEST))) if step > 0 else 0
    if abs(round(step, decimals) - step) > step * _NOISE:  # 0.3 - 0.2 needs no second decimal
        decimals += 1
    return f"{value:,.{decimals}f}"

"""How a part of the car stands, in one of four steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """The steps; each has a sign of its own, so that a grey print still tells them apart."""

    GOOD = "✓"
    WATCH = "!"
    BAD = "✕"
    UNKNOWN = "?"


@dataclass(frozen=True)
class Verdict:
    """A step, the word for it and the reason in a sentence."""

    level: Level
    word: str
    reason: str


def worst(levels: Iterable[Level]) -> Level:
    """The most urgent of several steps; unknown ones count only where there is nothing else."""
    order = (Level.BAD, Level.WATCH, Level.GOOD)
    found = set(levels)
    return next((level for level in order if level in found), Level.UNKNOWN)

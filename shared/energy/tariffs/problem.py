"""What is wrong with a tariff: all of it at once, in sentences, and never more than a person reads."""

from __future__ import annotations

import msgspec

MOST_PROBLEMS = 50


class Problem(msgspec.Struct, frozen=True):
    """One fault: where it is (dotted, "" for the whole tariff) and what is wrong there, as a sentence."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


class Findings:
    """Collects problems up to `MOST_PROBLEMS`; each is kept once."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self._more = False

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: str, sentence: str) -> None:
        """Note a fault."""
        if len(self._found) < MOST_PROBLEMS:
            self._found[Problem(path, sentence)] = None
        else:
            self._more = True

    def listed(self) -> list[Problem]:
        """The faults in the order in which they were found; the last says if there are more."""
        rest = [Problem("", f"There are more than these {MOST_PROBLEMS} problems.")] if self._more else []
        return [*self._found, *rest]

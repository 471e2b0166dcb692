"""How large a tariff may be, and which values may stand in it at all. Checked first: everything else relies on it."""

from __future__ import annotations

from collections.abc import Mapping

from shared.energy.tariffs.problem import Findings

MOST_VALUES = 20_000
DEEPEST = 12
LONGEST_TEXT = 500
LARGEST_NUMBER = 1e6


def check_limits(tariff: Mapping[str, object], findings: Findings) -> None:
    """Note what is too large, too deep, no JSON, or no finite number. Takes any value, whatever it holds."""
    waiting: list[tuple[str, object, int]] = [("", tariff, 0)]
    seen = 0
    while waiting and not findings:
        path, value, depth = waiting.pop()
        seen += 1
        if seen + len(waiting) > MOST_VALUES:
            findings.add("", f"The tariff holds more than {MOST_VALUES} values.")
        elif depth > DEEPEST:
            findings.add("", f"The tariff is nested more than {DEEPEST} levels deep.")
        elif isinstance(value, Mapping) and _keys_are_texts(value, path, findings):
            waiting += [(f"{path}.{key}" if path else str(key), item, depth + 1) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [(f"{path}[{index}]", item, depth + 1) for index, item in enumerate(value)]
        else:
            _check_scalar(value, path, findings)


def _keys_are_texts(value: Mapping[object, object], path: str, findings: Findings) -> bool:
    if all(isinstance(key, str) and len(key) <= LONGEST_TEXT for key in value):
        return True
    findings.add(path, f"Keys are texts of at most {LONGEST_TEXT} characters.")
    return False


def _check_scalar(value: object, path: str, findings: Findings) -> None:
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            findings.add(path, f"A text has at most {LONGEST_TEXT} characters.")
    elif isinstance(value, (int, float)):
        if not abs(value) <= LARGEST_NUMBER:  # NaN compares with nothing
            findings.add(path, f"A number has to be finite and at most {LARGEST_NUMBER:,.0f}.")
    elif value is not None:
        findings.add(path, "This is no JSON value.")

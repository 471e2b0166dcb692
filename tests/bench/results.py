"""The results file: one JSON object, one entry a key. A run replaces the entries it measured and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bench.model import Bench, Measurement

Entry = dict[str, Any]


class BadResults(Exception):
    """The results file holds something else."""


def entry_of(bench: Bench, measurement: Measurement) -> Entry:
    """The entry of one bench: medians, extremes, and the ratio to the best peer."""
    ratio = measurement.ratio(bench.better)
    entry = {
        "value": _short(measurement.value),
        "unit": bench.unit,
        "better": bench.better,
        "peers": {name: _short(value) for name, value in measurement.peer_values.items()},
        "ratio": None if ratio is None else _short(ratio),
        "runs": len(measurement.samples),
        "min": _short(min(measurement.samples)),
        "max": _short(max(measurement.samples)),
    }
    return entry | ({"note": measurement.note} if measurement.note else {})


def read_results(path: Path) -> dict[str, Entry]:
    """All entries by key; none where there is no file. Raises BadResults."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadResults(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadResults(f"{path} holds no object")
    return found


def merge_results(path: Path, entries: dict[str, Entry]) -> None:
    """Put the entries into the file, which is whole at any moment. Raises BadResults."""
    merged = read_results(path) | entries
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(merged, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    fresh.replace(path)


def _short(value: float) -> float:
    """Four significant digits: the machine is not steadier than that."""
    return float(f"{value:.4g}")

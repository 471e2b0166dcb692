"""The recordings as files: one per type, in JSON. Moments and bytes, which JSON lacks, are marked."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from tests.recorded.kinds import Kind
from tests.recorded.shape import choices, example, field_paths, required

FOLDER: Final = Path(__file__).parent

_TIME, _DAY, _BYTES = "$time", "$day", "$bytes"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a release wrote of a type: an example with every field, the paths of all fields and of those without a
    default, and the values that it knows where they are few.
    """

    example: Any
    fields: list[str]
    required: list[str]
    choices: dict[str, list[str]]


def recording_of(kind: Kind) -> Recording:
    """What the present code writes."""
    return Recording(example(kind.type), field_paths(kind.type), required(kind.type), choices(kind.type))


def read_all() -> dict[str, Recording]:
    """Every stored recording by the name of its type."""
    found = {path.stem: json.loads(path.read_text(), object_hook=_unmarked) for path in sorted(FOLDER.glob("*.json"))}
    return {name: Recording(**values) for name, values in found.items()}


def write(name: str, recording: Recording) -> None:
    """Store a recording over what is there."""
    text = json.dumps(_marked(asdict(recording)), indent=2, sort_keys=True, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n")


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _marked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_marked(each) for each in value]
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    return {_DAY: value.isoformat()} if isinstance(value, date) else value


def _unmarked(value: dict[str, Any]) -> Any:
    if _BYTES in value:
        return base64.b64decode(value[_BYTES])
    if _TIME in value:
        return datetime.fromisoformat(value[_TIME])
    return date.fromisoformat(value[_DAY]) if _DAY in value else value

"""Whether the present code can run beside the release that was recorded. Each check gives its problems as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from tests.recorded.files import Recording
from tests.recorded.kinds import Kind
from tests.recorded.shape import choices, grown, is_open, places, required


def problems(kind: Kind, recording: Recording) -> list[str]:
    """Everything that one of the two releases writes and the other could not read."""
    checks = (_reads, _insists_on_nothing_new, _writes_what_is_insisted_on, _knows_every_value, _ignores_unknown)
    return [problem for check in checks for problem in check(kind, recording)]


def _reads(kind: Kind, recording: Recording) -> Iterator[str]:
    """What was written then, and what will be written with more fields than are known today."""
    for what, data in (
        ("the recording", recording.example),
        ("a newer release", grown(kind.type, recording.example)),
    ):
        try:
            kind.read(data)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            yield f"{kind.name}: cannot read what {what} wrote: {error}"


def _insists_on_nothing_new(kind: Kind, recording: Recording) -> Iterator[str]:
    """What stands inside a field that is new itself was written by nobody yet."""
    structs = _structs(recording.fields)
    for path in sorted(set(required(kind.type)) - set(recording.required)):
        if _struct(path) in structs:
            yield f"{kind.name}: {path} is new and has no default: what the recorded release wrote lacks it"


def _writes_what_is_insisted_on(kind: Kind, recording: Recording) -> Iterator[str]:
    present = places(kind.type)
    structs = _structs([place.path for place in present])
    for path in sorted(set(recording.required) - {place.path for place in present if place.written}):
        if _struct(path) in structs:
            yield f"{kind.name}: {path} is not always written any more: the recorded release cannot read without it"


def _structs(fields: Iterable[str]) -> set[str]:
    return {_struct(path) for path in fields}


def _struct(path: str) -> str:
    """Where the struct stands that the field belongs to."""
    return path.rpartition(".")[0]


def _knows_every_value(kind: Kind, recording: Recording) -> Iterator[str]:
    present = choices(kind.type)
    for path, values in recording.choices.items():
        for value in sorted(set(values) - set(present.get(path, values))):
            yield f"{kind.name}: {path} may still be {value!r} in what the recorded release wrote"


def _ignores_unknown(kind: Kind, _recording: Recording) -> Iterator[str]:
    for place in places(kind.type):
        if not is_open(place.struct.cls):
            yield f"{kind.name}: {place.struct.cls.__name__} refuses fields of a newer release"

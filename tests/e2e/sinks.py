"""Where a secret could have gone: everything that a stack writes, sends and answers, packed things unpacked."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable

from tests.e2e.place import Place
from tests.e2e.tapped import Messages


def sinks(place: Place, messages: Messages, problems: Iterable[str]) -> dict[str, str]:
    """Name of a sink -> all that is there. `problems` are answers that the caller kept."""
    logs = {f"log of {path.stem}": path.read_text() for path in (place.stack.state_dir / "logs").iterdir()}
    everything = place.stores.everything()
    return {
        **logs,
        "messages": "\n".join(f"{topic} {_opened(data)!r} {attributes}" for topic, data, attributes in messages()),
        "object names": "\n".join(info.name for info in place.stores.blobs.list("")),
        "document keys": "\n".join(f"{name} {document.key}" for name, document in everything),
        "document bodies": "\n".join(repr(document.body) for _, document in everything),
        "problems": "\n".join(problems),
    }


def history(place: Place) -> str:
    """Every line of the readings' history."""
    names = [info.name for info in place.stores.blobs.list("energy/history/")]
    return "\n".join(gzip.decompress(place.stores.blobs.get(name)).decode() for name in names)


def _opened(data: bytes) -> bytes:
    """The message, and behind it the state that a poll's message carries compressed."""
    try:
        before = json.loads(data).get("before", "")
    except ValueError:
        return data
    return data + zlib.decompress(base64.b64decode(before)) if before else data

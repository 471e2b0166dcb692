"""`functions/functions.yaml`: its schema and its reader. Terraform, packaging and the stack agree through it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from shared.typed import from_plain

Memory = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(Mi|Gi)$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{2,60}$")]
UrlPath = Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9/._-]+$")]
LONGEST_PUSH_S = 600


class BadManifest(Exception):
    """The manifest cannot be used; the message names every bad entry."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Topic(_Strict, frozen=True, kw_only=True):
    """The topic a function is pushed from: one function, one message type.

    `schedule` is a cron line on which Cloud Scheduler publishes an empty message; `max_age_s` the age past which a
    message is recorded as expired and not executed; `attempts` the deliveries before it is a dead letter.
    """

    name: Name
    max_age_s: Annotated[int, msgspec.Meta(ge=1)]
    attempts: Annotated[int, msgspec.Meta(ge=5, le=100)]
    schedule: str | None = None


class Rights(_Strict, frozen=True, kw_only=True):
    """What the function's service account may touch: nothing beyond this."""

    documents: Literal["r", "rw"] | None = None
    blobs: Literal["r", "rw"] | None = None
    publish: tuple[Name, ...] = ()
    secrets: tuple[Name, ...] = ()
    sign_urls: bool = False


class Function(_Strict, frozen=True, kw_only=True):
    """One function: its entry point in `main.py`, how it is reached (`paths` or `topic`), its size and rights.

    `assets` are folders beside `main.py` that travel in the archive.
    """

    entry: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+$")]
    memory: Memory
    cpu: Annotated[int, msgspec.Meta(ge=1, le=8)]
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=3600)]
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    instances: tuple[int, int]
    rights: Rights
    paths: tuple[UrlPath, ...] = ()
    topic: Topic | None = None
    assets: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True):
    """All functions by name, and the topics that others subscribe to."""

    functions: dict[str, Function]
    outward_topics: tuple[str, ...]

    def topics(self) -> dict[str, tuple[str, Topic]]:
        """Topic name -> (function name, topic)."""
        return {item.topic.name: (name, item.topic) for name, item in self.functions.items() if item.topic}


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file. Raises BadManifest."""
    import yaml

    return parse_manifest(yaml.safe_load(path.read_text()))


def parse_manifest(document: Any) -> Manifest:
    """The manifest in a parsed YAML document. Raises BadManifest with every bad entry."""
    if not isinstance(document, dict) or not isinstance(document.get("functions"), dict):
        raise BadManifest("the manifest needs a mapping `functions`")
    functions = {}
    problems = [f"{key}: unknown entry" for key in set(document) - {"functions", "outward_topics"}]
    for name, entry in document["functions"].items():
        try:
            functions[name] = from_plain(entry, Function)
        except msgspec.ValidationError as error:
            problems.append(f"functions.{name}: {error}")
    manifest = Manifest(functions, tuple(document.get("outward_topics") or ()))
    problems += _contradictions(manifest)
    if problems:
        raise BadManifest("; ".join(problems))
    return manifest


def _contradictions(manifest: Manifest) -> list[str]:
    problems = []
    topics = Counter(item.topic.name for item in manifest.functions.values() if item.topic)
    entries = Counter(item.entry for item in manifest.functions.values())
    known = set(topics) | set(manifest.outward_topics)
    for name, item in manifest.functions.items():
        where = f"functions.{name}"
        checks = [
            (bool(item.paths) == bool(item.topic), "needs either paths or a topic"),
            (item.topic is not None and item.timeout_s > LONGEST_PUSH_S, f"timeout_s is over {LONGEST_PUSH_S}"),
            (item.topic is not None and topics[item.topic.name] > 1, "shares its topic with another function"),
            (entries[item.entry] > 1, f"shares its entry point name {item.entry} with another function"),
            (item.instances[0] > item.instances[1], "instances: the least is above the most"),
        ]
        problems += [f"{where}: {text}" for wrong, text in checks if wrong]
        problems += [f"{where}.rights.publish: unknown topic {t}" for t in item.rights.publish if t not in known]
    return problems

"""A route table: method and path template to a target, found segment by segment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

Found = tuple[T, dict[str, str]]
"""A target with the values of its path parameters."""


@dataclass(slots=True)
class _Node(Generic[T]):
    """One path segment: literal children, at most one parameter child, targets by method."""

    literal: dict[str, _Node[T]] = field(default_factory=dict)
    wildcard: _Node[T] | None = None
    targets: dict[str, tuple[T, tuple[str, ...]]] = field(default_factory=dict)


class RouteTable(Generic[T]):
    """Routes such as `GET /api/1/vehicles/{tag}`; a literal segment wins over a parameter."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, template: str, target: T) -> None:
        """Register `target`; parameters are whole segments in braces."""
        node, names = self._root, []
        for segment in _segments(template):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.wildcard = node.wildcard or _Node()
                node = node.wildcard
            else:
                node = node.literal.setdefault(segment, _Node())
        node.targets[method] = (target, tuple(names))

    def find(self, method: str, path: str) -> Found[T] | None:
        """The target and its path parameters, or None."""
        found = self._descend(self._root, _segments(path), 0, (), method)
        if found is None:
            return None
        (target, names), values = found
        return target, dict(zip(names, values, strict=True))

    def methods(self, path: str) -> set[str]:
        """Methods that exist on `path`; empty when nothing does."""
        known = ("GET", "POST", "PUT", "PATCH", "DELETE")
        return {method for method in known if self.find(method, path)}

    def _descend(
        self, node: _Node[T], segments: list[str], depth: int, values: tuple[str, ...], method: str
    ) -> tuple[tuple[T, tuple[str, ...]], tuple[str, ...]] | None:
        if depth == len(segments):
            target = node.targets.get(method)
            return (target, values) if target else None
        segment = segments[depth]
        child = node.literal.get(segment)
        found = self._descend(child, segments, depth + 1, values, method) if child else None
        if found is None and node.wildcard is not None:
            found = self._descend(node.wildcard, segments, depth + 1, (*values, segment), method)
        return found


def _segments(path: str) -> list[str]:
    """The parts of a path between slashes."""
    return path.strip("/").split("/")

"""Which function answers a path: the load balancer's URL map, from the manifest."""

from __future__ import annotations

from collections.abc import Iterable

from shared.manifest import Manifest


class RouteTable:
    """Path prefixes and what they lead to; the longest one that matches wins."""

    def __init__(self, routes: Iterable[tuple[str, str]]) -> None:
        """Use pairs of prefix and target. A prefix without a final slash matches itself and what is below."""
        self._routes = sorted(routes, key=lambda route: len(route[0]), reverse=True)

    def find(self, path: str) -> str | None:
        """The target of a path (without its query), or None."""
        return next((target for prefix, target in self._routes if _matches(prefix, path)), None)


def routes_of(manifest: Manifest) -> RouteTable:
    """The public functions of a manifest by their prefixes; functions with a topic have none."""
    return RouteTable((prefix, name) for name, item in manifest.functions.items() for prefix in item.paths)


def _matches(prefix: str, path: str) -> bool:
    if prefix.endswith("/"):
        return path.startswith(prefix)
    return path == prefix or path.startswith(prefix + "/")

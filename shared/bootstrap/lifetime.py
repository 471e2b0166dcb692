"""How long what is built lives: as long as the process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_BUILDING = RLock()


def built_once(build: Callable[P, R]) -> Callable[P, R]:
    """Build once per process, also when the first requests come in many threads; `cache_clear` forgets it."""
    cached: Callable[..., R] = cache(build)

    @wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> R:
        with _BUILDING:
            return cached(*args, **kwargs)

    built.__dict__["cache_clear"] = cached.cache_clear  # type: ignore[attr-defined]  # of functools.cache
    return built

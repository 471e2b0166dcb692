"""One change of a document that many processes change at once, and which may not be there yet."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from shared.platform.documents import Collection, Stored
from shared.platform.errors import AlreadyExists, NotFound, VersionChanged
from shared.platform.ports import Clock

T = TypeVar("T")
_ROUNDS = 5
_PAUSE_S = 0.1


def change_or_create(records: Collection[T], key: str, empty: T, change: Callable[[T], T], clock: Clock) -> Stored[T]:
    """Change what is there, or what would be there if it were `empty`; after a pause again where it is contended.

    Raises what `change` raises, and VersionChanged when others never stop.
    """
    for round_number in range(1, _ROUNDS):
        try:
            return _attempt(records, key, empty, change)
        except VersionChanged:
            clock.sleep(_PAUSE_S * round_number * random.random())  # noqa: S311  jitter, not a secret
    return _attempt(records, key, empty, change)


def _attempt(records: Collection[T], key: str, empty: T, change: Callable[[T], T]) -> Stored[T]:
    try:
        return records.update(key, change)
    except NotFound:
        try:
            return records.create(key, change(empty))
        except AlreadyExists:
            return records.update(key, change)

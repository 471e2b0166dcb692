"""Windows of events in the shards' index: while one is open every site is polled at every tick."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.energy.shards import ShardIndex, Shards, Window

_BEFORE = timedelta(minutes=15)
_AFTER = timedelta(minutes=30)


def open_window(shards: Shards, dispatch: str, start: datetime, end: datetime) -> None:
    """Poll every site at every tick around that time."""
    window = Window(key=_key(dispatch), start=start - _BEFORE, end=end + _AFTER)

    def change(index: ShardIndex) -> ShardIndex:
        if window in index.windows:
            return index
        return replace(index, windows=(*_others(index, dispatch), window))

    shards.change_index(change)


def close_window(shards: Shards, dispatch: str) -> None:
    """The event needs no closer look any more."""
    if any(window.key == _key(dispatch) for window in shards.index().windows):
        shards.change_index(lambda index: replace(index, windows=_others(index, dispatch)))


def _others(index: ShardIndex, dispatch: str) -> tuple[Window, ...]:
    return tuple(window for window in index.windows if window.key != _key(dispatch))


def _key(dispatch: str) -> str:
    return f"dispatch.{dispatch}"

"""What the tests of tokens run in processes of their own: ``python -m tests.token_worker NAME ARGUMENTS``.

The service's settings are in the environment; the clock is the real one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from shared import bootstrap
from shared.accounts.model import Account
from shared.tesla.oauth import TokenSet

LIFE_S = 28_800
STORE = ("create", "get", "put", "replace", "delete", "query")
STARTED, DIED = "started", 9


def attach(account: str, access: str, refresh: str) -> None:
    """Connect an account whose access token is about to expire."""
    now = bootstrap.clock.now()
    value = Account(
        product="vehicle",
        region="eu",
        scopes=("vehicle_device_data",),
        state="active",
        tokens=b"",
        access_issued_at=now - timedelta(seconds=LIFE_S),
        access_expires_at=now + timedelta(seconds=60),
        needed_until=now + timedelta(days=7),
    )
    tokens = TokenSet(access_token=access, refresh_token=refresh, expires_in=LIFE_S)
    bootstrap.keeper().attach(account, value, tokens)


def access(account: str, threads: str, start: str) -> None:
    """Ask for the account's token from many threads at once, as soon as the file `start` is there."""
    keeper = bootstrap.keeper()
    print(STARTED, flush=True)
    while not Path(start).exists():
        time.sleep(0.005)
    with ThreadPoolExecutor(int(threads)) as pool:
        tokens = list(pool.map(lambda _: keeper.access(account).token, range(int(threads))))
    print(*tokens, flush=True)


def refresh(account: str, step: str, after: str) -> None:
    """The planned refresh, which dies at its n-th call of a store or of Tesla, or `after` it; 0: it lives.

    Says how many calls there were.
    """
    calls = at_every_call(partial(_die, int(step), after=after == "after"))
    bootstrap.keeper().upkeep(account, lambda: None)
    print(calls[0], flush=True)


def at_every_call(act: Callable[[int, Callable[[], Any]], Any]) -> list[int]:
    """Let `act` make every call of the document store and of Tesla, given its number; gives the count so far."""
    calls = [0]

    def watched(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        calls[0] += 1
        return act(calls[0], partial(call, *args, **options))

    for owner, names in ((bootstrap.documents(), STORE), (bootstrap.transport(), ("send",))):
        for name in names:
            setattr(owner, name, partial(watched, getattr(owner, name)))
    return calls


def _die(step: int, number: int, call: Callable[[], Any], *, after: bool) -> Any:
    if number != step:
        return call()
    if after:
        call()
    os._exit(DIED)


_WORKERS: dict[str, Callable[..., None]] = {"attach": attach, "access": access, "refresh": refresh}

if __name__ == "__main__":
    _WORKERS[sys.argv[1]](*sys.argv[2:])

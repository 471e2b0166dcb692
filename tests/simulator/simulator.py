"""A simulator inside a test process: its server runs on a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self

import msgspec

from . import browser
from .config import SimulatorConfig
from .control import Control, Grant
from .faults import Fault
from .ledger import Call
from .server import Server
from .state import Urls
from .world import Account

START_S = 30


class Simulator:
    """A running Fleet API on free loopback ports, from `with` to the end of the block."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self.config = config or SimulatorConfig()
        self._server = Server(self.config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tesla-simulator", daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_S):
            raise TimeoutError("the simulator did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)

    @property
    def urls(self) -> Urls:
        """Base URLs: auth, eu, na, cn."""
        return self._server.state.urls

    @property
    def control_url(self) -> str:
        """Base URL of the control API."""
        return f"{self.urls.auth}/_sim"

    @property
    def control(self) -> Control:
        """Operations that have no shorthand here: changes of cars, sites and accounts, options."""
        return self._server.control

    @property
    def accounts(self) -> list[Account]:
        """The accounts with their `vehicles` and `sites`."""
        return self._server.state.world.accounts

    @property
    def ledger(self) -> list[Call]:
        """Every call so far, oldest first."""
        return self._server.state.ledger.calls()

    def calls(self, endpoint: str | None = None, vin: str | None = None) -> list[Call]:
        """The calls to an endpoint, or about a car."""
        return self._server.state.ledger.calls(endpoint=endpoint, vin=vin)

    def add_fault(self, match: str, kind: str, **options: Any) -> Fault:
        """Put a fault in force; `options` are the other fields of `Fault`.

        Raises:
            msgspec.ValidationError: no such kind or option.
            ValueError: `match` is no expression.
        """
        fault = msgspec.convert({"match": match, "kind": kind, **options}, Fault)
        return self._server.control.add_fault(fault)

    def clear(self) -> None:
        """Lift all faults and empty the ledger."""
        self._server.state.faults.clear()
        self._server.state.ledger.clear()

    def reset(self) -> None:
        """A new world of the same seed; all tokens die."""
        self._server.state.reset()

    def now(self) -> float:
        """The simulator's time, Unix s."""
        return self._server.state.clock.now()

    def advance(self, seconds: float) -> float:
        """Move the simulator's clock forward; returns its time, Unix s."""
        return self._server.state.clock.advance(seconds)

    def authorize(self, auth_url: str, account: int = 0, *, deny: bool = False, untick: tuple[str, ...] = ()) -> str:
        """Consent at the page as an account; returns the redirect URL of the callback, not followed.

        Raises:
            ValueError: the page refuses.
        """
        return browser.authorize(auth_url, self.accounts[account].email, deny=deny, untick=untick)

    def grant(self, account: int = 0, scopes: tuple[str, ...] = (), region: str | None = None) -> Grant:
        """Tokens of an account without a consent page."""
        return self._server.control.grant(account, list(scopes), region)

    def revoke(self, account: int = 0) -> None:
        """Withdraw an account's consent."""
        self._server.control.revoke(account)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._server.stop())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

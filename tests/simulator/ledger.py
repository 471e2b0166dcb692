"""The record of the calls that reached the simulated Tesla, the latest ones."""

from __future__ import annotations

import msgspec


class Call(msgspec.Struct, frozen=True):
    """One call. `status` is what Tesla answered, also when the answer was lost on the way (`fault`).

    `body` is what was sent to a fleet host, as text; it stays empty for the auth host, where secrets travel.
    """

    index: int
    at_s: float
    host: str
    method: str
    path: str
    endpoint: str
    query: dict[str, str]
    vin: str | None
    sub: str | None
    token: str | None
    status: int
    billed: bool
    price_usd: float
    fault: str | None
    body: str = ""


class Ledger:
    """Append-only list of calls; read from any thread, written by the server's.

    Past `limit` calls the older half of them is forgotten; `len` still counts all, and indexes go on.
    """

    def __init__(self, limit: int) -> None:
        self._calls: list[Call] = []
        self._limit, self._forgotten = max(1, limit), 0

    def __len__(self) -> int:
        return self._forgotten + len(self._calls)

    def add(self, call: Call) -> None:
        """Append one call."""
        self._calls.append(call)
        if len(self._calls) > self._limit:
            half = (self._limit + 1) // 2
            self._calls, self._forgotten = self._calls[half:], self._forgotten + half

    def calls(self, *, endpoint: str | None = None, vin: str | None = None) -> list[Call]:
        """A copy, oldest first, narrowed to an endpoint name or a VIN when given."""
        return [
            call
            for call in list(self._calls)
            if (endpoint is None or call.endpoint == endpoint) and (vin is None or call.vin == vin)
        ]

    def clear(self) -> None:
        """Forget everything, and count from 0 again."""
        self._calls, self._forgotten = [], 0

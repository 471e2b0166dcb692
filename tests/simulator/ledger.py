"""The record of every call that reached the simulated Tesla."""

from __future__ import annotations

import msgspec


class Call(msgspec.Struct, frozen=True):
    """One call. `status` is what Tesla answered, also when the answer was lost on the way (`fault`)."""

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


class Ledger:
    """Append-only list of calls; read from any thread, written by the server's."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call) -> None:
        """Append one call."""
        self._calls.append(call)

    def calls(self, *, endpoint: str | None = None, vin: str | None = None) -> list[Call]:
        """A copy, oldest first, narrowed to an endpoint name or a VIN when given."""
        return [
            call
            for call in list(self._calls)
            if (endpoint is None or call.endpoint == endpoint) and (vin is None or call.vin == vin)
        ]

    def clear(self) -> None:
        """Forget everything."""
        self._calls = []

"""The tables of docs/dispatch.md: what each strategy sends to a site, and what the codes of answers mean."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec

from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.records import Snapshot
from shared.energy.dispatch.strategies import TABLE, Expect, body, touches
from shared.energy.dispatch.wording import TEXTS
from shared.tesla.catalogue import Contract, EnergyAction, energy_endpoint
from tests.markdown import code, table

_FOUND = Snapshot(datetime(2026, 7, 1, tzinfo=UTC), "another mode", 20.0, "another rule", "the site's own tariff")
_TARIFF = {"…": "the event's window"}
_EXPECTED = {
    Expect.LOAD_OFFSET: "the house's own net load, never more",
    Expect.NOTHING: "nothing: the battery does not discharge, and may charge",
    Expect.EXPORT: "all that rating, energy and the site's export limit allow, into the grid too",
}


def strategies() -> str:
    """From what a signal asks for to what is sent, in order, at a site that has other settings."""
    rows = []
    for row, asked in groupby(Strategy, key=lambda strategy: TABLE[strategy]):
        names = list(asked)
        rows.append((code(names), f"`{row.mode}`", " then ".join(_bodies(names[0])), _EXPECTED[row.expect]))
    return table(("strategy", "mode", "bodies sent", "what to expect"), rows)


def reasons() -> str:
    """Why sites are left out of a plan, or a plan is less than asked; further ones are those of the fleet."""
    return table(("code", "meaning"), [(f"`{name}`", text) for name, text in TEXTS.items()])


def _bodies(strategy: Strategy) -> list[str]:
    sent = []
    for touch in touches(strategy, _FOUND, "the event's"):
        endpoint = energy_endpoint(touch.action, Contract.PUBLISHED)
        value: Any = _TARIFF if touch.action is EnergyAction.TARIFF else touch.ours
        sent.append(f"`{msgspec.json.encode(body(endpoint, touch.action, value)).decode()}`")
    return sent

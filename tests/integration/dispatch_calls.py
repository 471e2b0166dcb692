"""What the tests of the dispatch API share: signals as JSON, and calls of the operator."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.integration.dispatch_place import Place
from tests.integration.energy_api import operator
from tests.simulator import Simulator, SimulatorConfig

SIGNALS = "/api/v1/energy/signals"
DISPATCHES = "/api/v1/energy/dispatches"
STOP = "/api/v1/energy/stop"
SITES = 8


def few_sites() -> Simulator:
    """A simulator of one owner with a few sites."""
    return Simulator(SimulatorConfig(accounts=1, vehicles=0, sites=SITES, mixed_settings=True, empty_site=False))


def body(place: Place, name: str = "event", minutes: float = 60.0, **fields: Any) -> dict[str, Any]:
    """A signal as JSON: a dispatch that starts in two minutes, unless told otherwise."""
    start: datetime = fields.pop("start", place.now + timedelta(minutes=2))
    end = start + timedelta(minutes=minutes)
    return {"id": name, "start": start.isoformat(), "end": end.isoformat(), "target_kw": 3.0, **fields}


def send(place: Place, sent: dict[str, Any]) -> Any:
    reply = operator(place.lab, "POST", SIGNALS, sent)
    assert reply.status == 200, reply.text
    return reply.body


def shown(place: Place, name: str = "event", below: str = "") -> Any:
    reply = operator(place.lab, "GET", f"{DISPATCHES}/{name}{below}")
    assert reply.status == 200, reply.text
    return reply.body


def begun(place: Place, **fields: Any) -> dict[str, Any]:
    """An event whose sites are commanded; gives its signal."""
    asked = body(place, **fields)
    assert send(place, asked)["verdict"] in {"accepted", "less"}
    place.forward(60)
    place.work_off()
    return asked


def end(place: Place, minutes: float = 75) -> None:
    """Let the event run out."""
    place.live_through(minutes)
    assert place.changed() == []

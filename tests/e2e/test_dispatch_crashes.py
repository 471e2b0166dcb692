"""kill -9 between two side effects of an event: every home is as it was, commanded once, and the trail is whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.dispatch_truth import check
from tests.chaos.dispatched import Fleet, Kill, fleet_of
from tests.e2e.conftest import Starter

pytestmark = pytest.mark.stack

WHOLE = ""
RECORDS, TRAIL = "documents.replace/dispatch_shards", "documents.create/audit"
EVENTS: dict[str, dict[str, Kill]] = {
    "intended": {
        "shards planned, no dispatch stored": Kill("energy:documents.put/dispatch_plans:1", "signal"),
        "commands intended, none sent": Kill(f"dispatch_energy:{RECORDS}:1", "commanding"),
        "putting back not yet intended": Kill(f"dispatch_energy:{RECORDS}:1:before", "restoring"),
    },
    "done": {
        "dispatch stored, its signal not in the trail": Kill(f"energy:{TRAIL}:1:before", "signal"),
        "commands sent, no outcome stored": Kill(f"dispatch_energy:{RECORDS}:2:before", "commanding"),
        "put back, not stored": Kill(f"dispatch_energy:{RECORDS}:2:before", "restoring"),
    },
    "stored": {
        "outcomes stored, not in the trail": Kill(f"dispatch_energy:{RECORDS}:2", "commanding"),
        "end stored, not in the trail": Kill(f"dispatch_energy:{TRAIL}:1:before", "restoring", WHOLE),
    },
}
"""Events -> what was done last -> who dies then; each event goes on after every death in it."""
COMMANDED = {"commands sent, no outcome stored", "put back, not stored", "outcomes stored, not in the trail"}
"""Where commands had gone out by the hand of who died."""


@pytest.fixture(scope="module")
def fleet(starter: Starter) -> Iterator[Fleet]:
    """One fleet per backend for all events."""
    with fleet_of(starter) as working:
        yield working


@pytest.mark.parametrize("name", EVENTS)
def test_whoever_dies_every_site_is_put_back(fleet: Fleet, name: str) -> None:
    kills = EVENTS[name]
    before = len(fleet.stack.deaths)
    event = fleet.live(name, *kills.values())
    # Each replaced process was told to go; the one after it killed itself.
    assert fleet.stack.deaths[before:] == [(kill.function, -9) for kill in kills.values() for _ in range(2)]
    check(event)
    assert {site["outcome"] for site in event.sites} == {"confirmed"}
    assert {moment for moment, kill in kills.items() if event.sent.get(kill)} == COMMANDED & kills.keys()

"""kill -9 between two side effects of an event: every home is as it was, commanded once, and the trail is whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.dispatch_truth import check
from tests.chaos.dispatched import Fleet, Kill, fleet_of
from tests.e2e.conftest import Starter

pytestmark = pytest.mark.stack

WHOLE = ""
POINTS = {
    "shards planned, no dispatch stored": (Kill("energy:documents.put:2", "signal"), False),
    "dispatch stored, its signal not in the trail": (Kill("energy:documents.create:2", "signal"), False),
    "commands intended, none sent": (Kill("dispatch_energy:documents.replace:2", "commanding"), False),
    "commands sent, no outcome stored": (Kill("dispatch_energy:documents.replace:3:before", "commanding"), True),
    "outcomes stored, not in the trail": (Kill("dispatch_energy:documents.replace:3", "commanding"), True),
    "state stored, not in the trail": (Kill("dispatch_energy:documents.create:1:before", "commanding", WHOLE), False),
    "putting back not yet intended": (Kill("dispatch_energy:documents.replace:2:before", "restoring"), False),
    "put back, not stored": (Kill("dispatch_energy:documents.replace:3:before", "restoring"), True),
}
"""What was done last -> who dies when, and whether commands had gone out by its hand."""
ON_EMULATORS = "commands sent, no outcome stored"


@pytest.fixture(scope="module")
def fleet(starter: Starter) -> Iterator[Fleet]:
    """One fleet for all tests, after an event in which nobody died: what they do not count exists already."""
    with fleet_of(starter) as working:
        check(working.live("undisturbed"))
        yield working


def _die(fleet: Fleet, moment: str) -> None:
    kill, sent = POINTS[moment]
    before = len(fleet.stack.deaths)
    event = fleet.live(f"event-{list(POINTS).index(moment)}", kill)
    # The replaced process was told to go; the one after it killed itself.
    assert fleet.stack.deaths[before:] == [(kill.function, -9), (kill.function, -9)]
    check(event)
    assert {site["outcome"] for site in event.sites} == {"confirmed"}
    assert bool(event.sent) is sent


@pytest.mark.parametrize("moment", POINTS)
@pytest.mark.parametrize("starter", ["embedded"], indirect=True)
def test_whoever_dies_every_site_is_put_back(fleet: Fleet, moment: str) -> None:
    _die(fleet, moment)


@pytest.mark.parametrize("starter", [pytest.param("emulators", marks=pytest.mark.emulators)], indirect=True)
def test_whoever_dies_on_emulators_every_site_is_put_back(starter: Starter) -> None:
    with fleet_of(starter) as fleet:
        _die(fleet, ON_EMULATORS)

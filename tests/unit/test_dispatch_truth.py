"""What the tests of kills take for the truth: a second call is none of their business, a command sent blindly is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.chaos.dispatch_truth import check
from tests.chaos.dispatched import ALL, Lived, Settings

ONCE = ["commanding", "active", "restoring", "restored"]
SETTINGS = ["tariff", "operation"]
WHOLE = ["signal_less", "commanding", "active", "restoring", "done"]


def row(what: str, site: str = "", reason: str = "") -> dict[str, str]:
    return {"what": what, "energy_site_id": site, "reason": reason}


def call(*settings: str) -> dict[str, Any]:
    return {"settings": list(settings)}


def lived(*, first: dict[str, Any] | None, commands: dict[str, int], stages: list[str]) -> Lived:
    """An event in which the first site had these calls, and every other one a plain one."""
    sites = [str(number) for number in range(ALL)]
    calls = dict.fromkeys(sites, 1) | {"0": 1 if first is None else 2}
    trail = [row(what) for what in WHOLE]
    for site in sites:
        trail += [row(what, site) for what in ["committed", *(stages if site == "0" else ONCE)]]
        told = [(what, name) for what in ("read_back", "to_be_put_back", "put_back") for name in SETTINGS]
        trail += [row(what, site, name) for what, name in told] * calls[site]
    plain = Counter({"time_of_use_settings": 2, "operation": 2})
    times = dict.fromkeys(("commanding_at", "active_at", "restoring_at", "ended_at"), "2030-07-01T18:00:00Z")
    settings: dict[str, Settings] = dict.fromkeys(sites, ("backup", "never", "own"))
    return Lived(
        "event",
        settings,
        view={"event": {"state": "done"}, "times": times},
        sites=[
            {"energy_site_id": site, "outcome": "confirmed", "restoration": "restored", **call(*SETTINGS)}
            | {"first_call": first if site == "0" else None}
            for site in sites
        ],
        trail=trail,
        after=settings,
        commands={site: Counter(commands) if site == "0" else plain for site in sites},
    )


def test_one_call_and_two_are_both_the_truth() -> None:
    check(lived(first=None, commands={"time_of_use_settings": 2, "operation": 2}, stages=ONCE))
    check(lived(first=call(*SETTINGS), commands={"time_of_use_settings": 4, "operation": 4}, stages=ONCE * 2))


@pytest.mark.parametrize(
    ("first", "commands"),
    [
        (None, {"time_of_use_settings": 2, "operation": 3}),
        (None, {"time_of_use_settings": 4, "operation": 4}),
        (call(*SETTINGS), {"time_of_use_settings": 4, "operation": 5}),
        (call("tariff"), {"time_of_use_settings": 4, "operation": 4}),
        (call(*SETTINGS), {"time_of_use_settings": 4, "operation": 3}),
    ],
)
def test_a_command_more_or_less_than_its_calls_need_is_found(
    first: dict[str, Any] | None, commands: dict[str, int]
) -> None:
    with pytest.raises(AssertionError, match="once forth, once back"):
        check(lived(first=first, commands=commands, stages=ONCE * (1 if first is None else 2)))


def test_a_trail_that_tells_of_one_call_only_is_found() -> None:
    with pytest.raises(AssertionError):
        check(lived(first=call(*SETTINGS), commands={"time_of_use_settings": 4, "operation": 4}, stages=ONCE))

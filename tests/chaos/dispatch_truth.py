"""What has to be true of an event that is over, whoever was killed on the way."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.chaos.dispatched import ALL, Lived

_STAGES = ("committed", "commanding", "active", "restoring", "restored")
_OF_SETTINGS = ("read_back", "to_be_put_back", "put_back")
_ACTIONS = {"grid_import_export": "grid_import_export", "time_of_use_settings": "tariff", "operation": "operation"}
"""Endpoint -> the setting's name in the trail."""
_STATES = {"commanding": "commanding_at", "active": "active_at", "restoring": "restoring_at", "done": "ended_at"}


def check(event: Lived) -> None:
    """Every site took part and is as it was, nothing was set twice, and the trail tells of everything once.

    Who dies while sites are set may have them set late; one that turns out not to be needed before that is let go.
    """
    assert event.view["event"]["state"] == "done"
    assert event.after == event.before
    found = {site["energy_site_id"]: (site["outcome"], site["restoration"]) for site in event.sites}
    assert set(found) == set(event.before)
    assert len(found) == ALL
    by_id = {site["energy_site_id"]: site for site in event.sites}
    for site, commands in event.commands.items():
        rows, calls = [row for row in event.trail if row["energy_site_id"] == site], calls_of(by_id[site])
        changed = Counter(action for call in calls for action in call)
        executed = Counter({_ACTIONS[endpoint]: count for endpoint, count in commands.items()})
        told = f"once forth, once back in every call: {site} {commands}, {calls}"
        assert executed <= changed + changed, told
        assert not any(count % 2 for count in executed.values()), told
        if found[site] == ("confirmed", "restored"):
            assert executed == changed + changed, told
            assert all("tariff" in call for call in calls), site
            _check_trail_of(rows, site, calls)
        else:
            assert found[site] in {("", "nothing_changed"), ("unknown", "restored")}, site
            words = Counter(row["what"] for row in rows)
            assert {"committed": 1, "wanted_release": 1, found[site][1]: 1}.items() <= words.items(), site
    _check_whole_trail(event)


def calls_of(site: Any) -> list[list[str]]:
    """The settings that the event changed at the site, by call: steering may have called it twice."""
    first = site["first_call"]
    return [call["settings"] for call in (first, site) if call is not None]


def _check_trail_of(rows: list[Any], site: str, calls: list[list[str]]) -> None:
    """In every call each stage once and in order, every setting of the site once forth and once back."""
    stages = [row["what"] for row in rows if row["what"] in _STAGES]
    assert stages == [_STAGES[0], *_STAGES[1:] * len(calls)], site
    actions = Counter(action for call in calls for action in call)
    settings = Counter((row["what"], row["reason"]) for row in rows if row["what"] in _OF_SETTINGS)
    assert settings == Counter({(what, action): actions[action] for what in _OF_SETTINGS for action in actions}), site
    accepted = Counter(row["reason"] for row in rows if row["what"] == "command_accepted")
    assert accepted <= actions, site  # nobody heard what a dead one was answered


def _check_whole_trail(event: Lived) -> None:
    """The signal and every state that the dispatch says it was in, each once."""
    whole = Counter(row["what"] for row in event.trail if not row["energy_site_id"])
    states = Counter(state for state, name in _STATES.items() if event.view["times"][name])
    assert {"active", "done"} <= set(states)
    assert whole["signal_less"] == 1
    assert Counter({what: count for what, count in whole.items() if what in _STATES}) == states

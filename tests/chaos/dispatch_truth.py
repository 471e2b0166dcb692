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
    for site, commands in event.commands.items():
        rows = [row for row in event.trail if row["energy_site_id"] == site]
        assert set(commands.values()) <= {2}, f"once forth, once back: {site} {commands}"
        if found[site] == ("confirmed", "restored"):
            assert commands["time_of_use_settings"] == 2, site
            _check_trail_of(rows, site, commands)
        else:
            assert found[site] in {("", "nothing_changed"), ("unknown", "restored")}, site
            words = Counter(row["what"] for row in rows)
            assert {"committed": 1, "wanted_release": 1, found[site][1]: 1}.items() <= words.items(), site
    _check_whole_trail(event)


def _check_trail_of(rows: list[Any], site: str, commands: Counter[str]) -> None:
    """Every stage once and in order, every setting of the site once forth and once back."""
    assert [row["what"] for row in rows if row["what"] in _STAGES] == list(_STAGES), site
    actions = {_ACTIONS[endpoint] for endpoint in commands}
    settings = Counter((row["what"], row["reason"]) for row in rows if row["what"] in _OF_SETTINGS)
    assert settings == Counter((what, action) for what in _OF_SETTINGS for action in actions), site
    accepted = Counter(row["reason"] for row in rows if row["what"] == "command_accepted")
    assert all(accepted[action] <= 1 for action in actions), site  # nobody heard what a dead one was answered


def _check_whole_trail(event: Lived) -> None:
    """The signal and every state that the dispatch says it was in, each once."""
    whole = Counter(row["what"] for row in event.trail if not row["energy_site_id"])
    states = Counter(state for state, name in _STATES.items() if event.view["times"][name])
    assert {"active", "done"} <= set(states)
    assert whole["signal_less"] == 1
    assert Counter({what: count for what, count in whole.items() if what in _STATES}) == states

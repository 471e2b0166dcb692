"""The topic functions: each loads at its first message what that message needs, and nothing of the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shared import handlers
from shared.manifest import read_manifest
from shared.platform.sealing import new_key

ROOT = Path(__file__).resolve().parents[2]
TOPICS = sorted(
    name for name, item in read_manifest(ROOT / "functions" / "functions.yaml").functions.items() if item.topic
)

ALWAYS = {
    *("shared.bootstrap", "shared.edge", "shared.platform", "shared.log", "shared.settings", "shared.typed"),
    *("shared.accounts.grants", "shared.accounts.messages", "shared.handlers.scheduled"),
}
ACCOUNTS = {"shared.accounts", "shared.tesla"}
ORDERS = {*ACCOUNTS, "shared.orders", "shared.reports.snapshot"}
FLEET = {*ACCOUNTS, "shared.energy"}
MAY = {
    "build_report": ORDERS,
    "dispatch_energy": {*FLEET, "shared.reports"},  # the proof of a dispatch can be a PDF
    "fetch_order": ORDERS,
    "fetch_vehicle": ORDERS,
    "housekeeping": set[str](),
    "poll_energy_sites": FLEET,
    "refresh_tokens": ACCOUNTS,
    "start_energy_tick": FLEET,
}
"""Function -> modules and packages that it may load besides ALWAYS and its own home in `shared.handlers`."""
ONE_FUNCTIONS_OWN = {
    "shared.accounts.consent": "refresh_tokens",
    "shared.orders.order_worker": "fetch_order",
    "shared.orders.vehicle_worker": "fetch_vehicle",
    "shared.orders.report_worker": "build_report",
    "shared.energy.tick": "start_energy_tick",
    "shared.energy.dispatch": "dispatch_energy",
}
"""Module -> the one function that may load it."""
FIRST = {
    "build_report": {"order": "none", "vehicle_id": "v1"},
    "fetch_order": {"order": "none"},
    "fetch_vehicle": {"order": "none", "vehicle_id": "v1"},
    "refresh_tokens": {"account": "none"},
}
"""Function -> a message about what is not there any more. Of those in neither table the handler is built only."""
EMPTY = ("housekeeping", "start_energy_tick")
"""Functions whose message is empty."""
HEAVY = ("cryptography", "jwt", "requests", "pycurl", "fpdf")
"""Libraries whose import takes milliseconds."""

_FIRST_MESSAGE = """
import json, sys
from pathlib import Path
from shared import bootstrap
from shared.typed import from_json
name, data = sys.argv[1:]
bootstrap.push_app(name, Path("functions", name))
handler = bootstrap.handler(name, Path("functions", name))
if data:
    handler.run(from_json(data.encode(), handler.message))
print(json.dumps(sorted(sys.modules)))
"""


@cache
def _loaded(name: str) -> set[str]:
    """Modules of a fresh process that handled its first message."""
    environ = {
        "BACKEND": "embedded",
        "PUBLIC_URL": "https://api.example",
        "SECRET_LOCAL_URL_KEY": "0" * 32,
        "SECRET_BNC_CPT_TOKEN_KEY": new_key(),
        "SECRET_BNC_CPT_TESLA_CLIENT_ID": "id",
        "SECRET_BNC_CPT_TESLA_CLIENT_SECRET": "secret",
    }
    data = "{}" if name in EMPTY else json.dumps(FIRST[name]) if name in FIRST else ""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "error", "-c", _FIRST_MESSAGE, name, data]
        own = {**os.environ, **environ, "STATE_DIR": folder, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(json.loads(done.stdout.splitlines()[-1]))


def _within(module: str, parts: set[str]) -> bool:
    return any(module == part or module.startswith(f"{part}.") for part in parts)


def test_every_topic_function_has_a_home() -> None:
    assert sorted(handlers._HOMES) == TOPICS
    assert set(TOPICS) <= set(dir(handlers))


def test_what_handles_nothing_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'kitchen'"):
        handlers.kitchen  # type: ignore[attr-defined]  # noqa: B018  # that is the point


@pytest.mark.parametrize("name", TOPICS)
def test_the_first_message_loads_only_what_it_needs(name: str) -> None:
    allowed = {*ALWAYS, *MAY[name], f"shared.handlers.{handlers._HOMES[name]}"}
    parents = {part.rpartition(".")[0] for part in allowed}
    ours = {module for module in _loaded(name) if module.startswith("shared.")} - parents
    assert [module for module in sorted(ours) if not _within(module, allowed)] == []
    foreign = {module for module, owner in ONE_FUNCTIONS_OWN.items() if owner != name}
    assert [module for module in sorted(ours) if _within(module, foreign)] == []


def test_housekeeping_needs_no_heavy_library() -> None:
    """It runs once a minute, often as the first message of a process."""
    assert not _loaded("housekeeping") & set(HEAVY)

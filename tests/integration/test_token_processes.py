"""Refreshes by several processes over one store, and by one that dies: one exchange, and no account lost."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.model import Account
from shared.platform.documents import Collection
from shared.platform.errors import Unavailable
from shared.tesla.errors import ConnectionLost, TeslaError
from tests import token_worker
from tests.lab import ROOT, Lab, lab_environment
from tests.simulator import Simulator
from tests.stack import emulated

PROCESSES, THREADS = 5, 10
AFTER_THE_LEASE_S = 61
SCOPES = ("openid", "offline_access", "vehicle_device_data")


def _worker(environ: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.token_worker", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True)


def _run(environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    worker = _worker(environ, *arguments)
    said = worker.communicate(timeout=120)[0]
    lines = [line for line in said.splitlines() if not line.startswith("{")]
    return worker.returncode, lines[-1] if lines else ""


def _exchanges(simulator: Simulator) -> int:
    return sum(call.endpoint == "token" for call in simulator.ledger)


@pytest.fixture(params=["embedded", pytest.param("gcp", marks=pytest.mark.emulators)])
def environ(tesla: Simulator, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The service's environment over the embedded stores, or over Google's emulators."""
    tesla.clear()
    tesla.reset()
    variables = lab_environment(tesla, tmp_path)
    if request.param == "gcp":
        project = f"test-{uuid.uuid4().hex[:16]}"
        google = {**request.getfixturevalue("emulators").environment, "GOOGLE_CLOUD_PROJECT": project}
        prefix = "SECRET_"
        secrets = {
            name.removeprefix(prefix).lower().replace("_", "-"): value.encode()
            for name, value in variables.items()
            if name.startswith(prefix)
        }
        emulated._keep_secrets(google, project, secrets)
        variables = {**variables, **google, "BACKEND": "gcp", "BUCKET": f"{project}-data"}
    return variables


def test_a_crowd_of_processes_causes_one_exchange(tesla: Simulator, environ: dict[str, str], tmp_path: Path) -> None:
    granted, start = tesla.grant(0, SCOPES), tmp_path / "start"
    assert _run(environ, "attach", "a", granted.access_token, granted.refresh_token)[0] == 0
    before = _exchanges(tesla)
    workers = [_worker(environ, "access", "a", str(THREADS), str(start)) for _ in range(PROCESSES)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == token_worker.STARTED
    start.touch()
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    tokens = [token for text in said for token in text.splitlines()[-1].split()]
    assert len(tokens) == PROCESSES * THREADS
    assert len(set(tokens)) == 1
    assert granted.access_token not in tokens
    assert _exchanges(tesla) == before + 1


# Deaths and failures at every step


def _expiring(lab: Lab, count: int) -> list[str]:
    """Connected accounts whose tokens are about to expire."""
    names = [f"account{number}" for number in range(count)]
    for name in names:
        granted = lab.simulator.grant(0, SCOPES)
        token_worker.attach(name, granted.access_token, granted.refresh_token)
    return names


def _assert_alive(lab: Lab, account: str) -> None:
    """The account works now and after another life of its tokens, and nobody was asked to consent again."""
    assert bootstrap.sessions().of(account).call("vehicles").body
    stored = Collection(bootstrap.documents(), "accounts", Account).get(account)
    assert stored is not None
    assert stored.value.state == "active"


def _live_on(lab: Lab, accounts: list[str]) -> None:
    lab.clock.sleep(AFTER_THE_LEASE_S)
    for account in accounts:
        _assert_alive(lab, account)
    lab.clock.sleep(token_worker.LIFE_S)
    lab.simulator.advance(token_worker.LIFE_S)
    for account in accounts:
        _assert_alive(lab, account)


def test_a_process_that_dies_anywhere_in_a_refresh_loses_no_account(lab: Lab) -> None:
    environ = lab_environment(lab.simulator, Path(bootstrap.settings().state_dir))
    environ = {name: os.environ.get(name, value) for name, value in environ.items()}
    (whole,) = _expiring(lab, 1)
    status, steps = _run(environ, "refresh", whole, "0", "")
    assert (status, int(steps) >= 8) == (0, True)
    deaths = [(str(step), when) for step in range(1, int(steps) + 1) for when in ("before", "after")]
    accounts = _expiring(lab, len(deaths))

    def dies(number: int) -> int:
        return _run(environ, "refresh", accounts[number], *deaths[number])[0]

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(dies, range(len(deaths)))) == {token_worker.DIED}
    _live_on(lab, accounts)


@pytest.mark.parametrize("after", [False, True])
def test_a_failure_anywhere_in_a_refresh_loses_no_account(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    """Every call of the store or of Tesla fails in turn, or its answer is lost."""
    failing, failed = [0], list[int]()

    def act(_number: int, call: Any) -> Any:
        failing[0] -= 1
        if failing[0] >= 0 or failed:
            return call()
        failed.append(1)
        if after:
            call()
        raise ConnectionLost if call.func.__name__ == "send" else Unavailable

    for owner, names in ((bootstrap.documents(), token_worker.STORE), (bootstrap.transport(), ("send",))):
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))  # put back at the end
    token_worker.at_every_call(act)
    failed.append(1)
    accounts = _expiring(lab, 20)
    for step, account in enumerate(accounts):
        failing[0] = step
        failed.clear()
        try:
            bootstrap.keeper().upkeep(account, lambda: None)
        except (Unavailable, TeslaError):
            assert failed
    assert not failed  # the last steps were beyond the end
    failed.append(1)
    _live_on(lab, accounts)

"""Function processes: replaced when they die, gone with their parent, clear when they do not come up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.stack.config import ROOT
from tests.stack.processes import FunctionFailed
from tests.stack.sample import sample_stack, until, write_sample
from tests.stack.stack import Stack
from tests.stack.state import StateInUse


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with sample_stack(tmp_path_factory.mktemp("processes")) as running:
        yield running


def _echo(stack: Stack) -> dict[str, object]:
    shown: dict[str, object] = requests.get(f"{stack.base_url}/api/v1/echo", timeout=10).json()
    return shown


def test_a_killed_function_is_replaced_and_requests_wait_for_it(stack: Stack) -> None:
    before = _echo(stack)["pid"]
    stack.kill("web")
    assert _echo(stack)["pid"] != before
    assert stack.function_process("web").restarts == 1
    assert stack.deaths == [("web", -9)]
    assert stack.function_process("web_other").restarts == 0


def test_a_worker_without_its_leader_does_not_go_on_answering(stack: Stack) -> None:
    process = stack.function_process("web_other")
    url, leader = f"{stack.base_url}/api/v1/echo/other", process.pid
    before = requests.get(url, timeout=10).json()["pid"]
    assert before != leader
    os.kill(leader, signal.SIGKILL)
    until(lambda: process.pid not in {0, leader})
    _wait_gone([before])
    assert requests.get(url, timeout=10).json()["pid"] != before


def test_a_function_can_have_several_workers(tmp_path: Path) -> None:
    with sample_stack(tmp_path, workers={"web": 2}) as stack, ThreadPoolExecutor(16) as callers:
        url = f"{stack.base_url}/api/v1/echo?sleep_s=0.05"
        seen: set[object] = set()
        while len(seen) < 2:
            answers = callers.map(lambda _: requests.get(url, timeout=10).json()["pid"], range(16))
            seen |= set(answers)


def test_one_state_folder_has_one_stack(stack: Stack) -> None:
    with pytest.raises(StateInUse), sample_stack(stack.state_dir.parent):
        pass


def test_a_function_that_cannot_be_loaded_is_named_with_its_log(tmp_path: Path) -> None:
    stack = sample_stack(tmp_path)
    (tmp_path / "functions" / "ticker" / "main.py").write_text("import no_such_module\n")
    with pytest.raises(FunctionFailed, match=r"(?s)ticker.*no_such_module"), stack:
        pass


def test_a_function_that_is_not_healthy_is_named(tmp_path: Path) -> None:
    stack = sample_stack(tmp_path, ready_s=1.0)
    (tmp_path / "functions" / "ticker" / "main.py").write_text("def tick(request):\n    return 'ill', 500\n")
    with pytest.raises(FunctionFailed, match="ticker"), stack:
        pass


def test_nothing_outlives_a_stack_that_is_killed(tmp_path: Path) -> None:
    write_sample(tmp_path / "functions")
    command = [sys.executable, "-m", "tests.stack", "serve", "--port", "0", "--tick", "0"]
    command += ["--state", str(tmp_path / "state"), "--functions", str(tmp_path / "functions")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as serving:
        base_url = _announced(serving)
        pids = [each["pid"] for each in requests.get(f"{base_url}/_stack/health", timeout=10).json().values()]
        serving.kill()
    assert len(pids) == 4
    _wait_gone(pids)


def test_serve_shows_where_it_is_and_ends_on_sigterm(tmp_path: Path) -> None:
    write_sample(tmp_path / "functions")
    command = [sys.executable, "-m", "tests.stack", "serve", "--port", "0", "--tick", "0.1"]
    command += ["--state", str(tmp_path / "state"), "--functions", str(tmp_path / "functions")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as serving:
        base_url = _announced(serving)
        assert requests.get(f"{base_url}/api/v1/echo", timeout=10).status_code == 200
        serving.terminate()
        assert serving.wait(20) == 0


def test_serve_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.stack", "serve", "--port", "0", "--backend", "emulators"]
    bare = {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT), "FIRESTORE_EMULATOR_JAR": "none"}
    command += ["--state", str(tmp_path / "state")]
    ended = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Java is missing" in ended.stderr
    assert "Traceback" not in ended.stderr


def _announced(serving: subprocess.Popen[str]) -> str:
    """The gateway's address, from what the command prints."""
    assert serving.stdout is not None
    for line in serving.stdout:
        if line.startswith("Running"):
            return line.split()[2]
    pytest.fail("the command ended without an address")


def _wait_gone(pids: list[int]) -> None:
    until(lambda: not any(_runs(pid) for pid in pids))


def _runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

"""The simulated Tesla as a process of the stack."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

from tests.stack.config import ROOT

_STOP_S = 3.0


class SimulatorFailed(Exception):
    """The simulator ended before it said where it listens."""


class SimulatorProcess:
    """One simulator, started at once; `greeting` waits for its addresses."""

    def __init__(self, options: Sequence[str], lifeline: int, log: IO[bytes]) -> None:
        """Start it with these command line options."""
        command = [sys.executable, "-m", "tests.stack.lifeline", str(lifeline), "tests.simulator", *options]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=[lifeline],
            start_new_session=True,
        )

    def greeting(self) -> dict[str, Any]:
        """URLs, credentials and accounts as the simulator prints them. Raises SimulatorFailed."""
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise SimulatorFailed("the simulator did not start; see simulator.log")
        greeting: dict[str, Any] = json.loads(line)
        return greeting

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def tesla_settings(tesla: Mapping[str, Any]) -> dict[str, str]:
    """Settings that lead the functions to a simulator, from its greeting."""
    auth = tesla["auth"]
    return {
        "TESLA_AUTHORIZE_URL": f"{auth}/oauth2/v3/authorize",
        "TESLA_TOKEN_URL": f"{auth}/oauth2/v3/token",
        "TESLA_JWKS_URL": f"{auth}/oauth2/v3/discovery/thirdparty/keys",
        "TESLA_REVOKE_URL": f"{auth}/user/revoke/consent",
        "TESLA_API_EU": tesla["eu"],
        "TESLA_API_NA": tesla["na"],
        "TESLA_API_CN": tesla["cn"],
    }

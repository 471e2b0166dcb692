"""The simulator as a process of its own, driven over its control API."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulator import Simulator, SimulatorConfig, authorize
from tests.simulator.application import ALL_SCOPES, TIMEOUT_S, FleetClient, callback
from tests.simulator.command_line import parse

ROOT = Path(__file__).resolve().parents[2]


class Remote:
    """A simulator process and its control API."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.greeting: dict[str, Any] = json.loads(process.stdout.readline())

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer of a control operation that must succeed."""
        answer = self.status(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, method: str, path: str, body: object = None) -> requests.Response:
        """The answer of a control operation."""
        url = self.greeting["control"] + path
        return requests.request(method, url, json=body, timeout=TIMEOUT_S)

    def owner(self) -> FleetClient:
        """A client with all scopes of the first account."""
        grant = self.control("POST", "/tokens", {"account": 0, "scopes": ALL_SCOPES.split()})
        return FleetClient(self.greeting["eu"], grant["access_token"])


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    command = [sys.executable, "-m", "tests.simulator", "--port", "0", "--accounts", "2", "--unregistered", "cn"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield Remote(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_the_greeting_says_where_everything_is(remote: Remote) -> None:
    greeting = remote.greeting
    assert greeting.keys() == {
        "auth",
        "eu",
        "na",
        "cn",
        "control",
        "client_id",
        "client_secret",
        "accounts",
    }
    assert greeting["accounts"][0].keys() == {"email", "region", "sub"}
    assert greeting["control"] == greeting["auth"] + "/_sim"


def test_another_process_can_consent(remote: Remote) -> None:
    greeting = remote.greeting
    uri = "http://localhost:9/cb"
    query = f"response_type=code&client_id={greeting['client_id']}&redirect_uri={uri}&scope=openid&state=s"
    url = f"{greeting['auth']}/oauth2/v3/authorize?{query}"
    assert callback(authorize(url, greeting["accounts"][1]["email"]))["code"]


def test_world_ledger_and_vehicles(remote: Remote) -> None:
    world = remote.control("GET", "/world")
    vin = world["accounts"][0]["vehicles"][0]["vin"]
    owner = remote.owner()
    changed = remote.control("PATCH", f"/vehicles/{vin}", {"state": "asleep"})
    assert changed["state"] == "asleep"
    remote.control("DELETE", "/ledger")
    assert owner.get(f"vehicles/{vin}/vehicle_data").status_code == 408
    assert [call["status"] for call in remote.control("GET", "/ledger?endpoint=vehicle_data")] == [408]
    assert remote.control("GET", "/ledger?since=1") == []
    remote.control("PATCH", f"/vehicles/{vin}", {"wakes_in_s": 60})
    before = remote.control("GET", "/clock")["now_s"]
    assert remote.control("POST", "/clock", {"advance_s": 60})["now_s"] >= before + 60
    assert owner.get(f"vehicles/{vin}/vehicle_data").status_code == 200


def test_faults_come_and_go(remote: Remote) -> None:
    owner = remote.owner()
    fault = remote.control("POST", "/faults", {"match": "vehicles", "kind": "rate_limited", "retry_after_s": 3})
    assert owner.get("vehicles").headers["Retry-After"] == "3"
    assert [row["fired"] for row in remote.control("GET", "/faults")] == [1]
    assert remote.control("DELETE", f"/faults?id={fault['id']}") == {"removed": True}
    assert owner.get("vehicles").status_code == 200
    remote.control("POST", "/faults", {"match": "vehicles", "kind": "html"})
    remote.control("DELETE", "/faults")
    assert remote.control("GET", "/faults") == []


def test_sites_accounts_and_options(remote: Remote) -> None:
    site = remote.control("GET", "/world")["accounts"][0]["sites"][0]["energy_site_id"]
    owner = remote.owner()
    live = remote.control("PATCH", f"/sites/{site}", {"island_status": "off_grid", "percentage_charged": 50})
    assert (live["grid_status"], live["grid_power"]) == ("Inactive", 0)
    remote.control("PATCH", f"/sites/{site}", {"reachable": False})
    assert owner.get(f"energy_sites/{site}/live_status").status_code == 500
    remote.control("PATCH", f"/sites/{site}", {"reachable": True, "payload": {"live_status": {"energy_left": 5}}})
    assert owner.get(f"energy_sites/{site}/live_status").json()["response"]["energy_left"] == 5
    assert remote.control("PATCH", "/config", {"latency_ms": 1})["latency_ms"] == 1
    assert remote.control("PATCH", "/accounts/1", {"region": "na"})["region"] == "na"


def test_bad_control_requests_are_refused(remote: Remote) -> None:
    assert remote.status("GET", "/nothing").status_code == 404
    assert remote.status("PATCH", "/vehicles/NOSUCH", {"state": "asleep"}).status_code == 404
    assert remote.status("POST", "/faults", {"kind": "nonsense"}).status_code == 400
    assert remote.status("POST", "/faults", {"kind": "asleep", "typo": 1}).status_code == 400
    assert remote.status("PATCH", "/config", {"seed": 5}).status_code == 400
    assert remote.status("PATCH", "/config", {"latency_ms": "long"}).status_code == 400
    assert remote.status("PATCH", "/accounts/1", {"region": "mars"}).status_code == 400
    assert remote.status("POST", "/clock", {"advance_s": -1}).status_code == 400


def test_reset_and_revoke(remote: Remote) -> None:
    owner = remote.owner()
    remote.control("POST", "/revoke", {"account": 0})
    assert owner.get("vehicles").status_code == 401
    many = remote.control("POST", "/tokens", {"account": 0, "count": 2})
    assert [grant["email"] for grant in many] == ["owner1@example.com", "owner2@example.com"]
    before = remote.control("GET", "/world")["accounts"][0]["vehicles"]
    world = remote.control("POST", "/reset")
    assert [car["vin"] for car in world["accounts"][0]["vehicles"]] == [car["vin"] for car in before]
    assert remote.control("GET", "/ledger") == []


def test_fixed_ports_follow_each_other() -> None:
    with Simulator(SimulatorConfig(port=0)) as sim:
        taken = int(sim.urls.auth.rsplit(":", 1)[1])
        command = [sys.executable, "-m", "tests.simulator", "--port", str(taken)]
        refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode != 0
    assert "in use" in refused.stderr


def test_the_command_line_knows_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    config = parse(["--port", "9400", "--region", "eu", "--region", "na", "--business", "--latency-ms", "2.5"])
    assert (config.port, config.region, config.business, config.latency_ms) == (9400, ("eu", "na"), True, 2.5)
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "--redirect-uri" in capsys.readouterr().out

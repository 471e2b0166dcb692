"""Operator actions as they are typed: `./run -a ACTION`, against the simulator."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import Simulator, SimulatorConfig

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "dev.api.carpulsetracker.com"
PEM = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"


def _run(simulator: Simulator, folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    urls = simulator.urls
    environ = {
        "PATH": os.environ["PATH"],
        "STATE_DIR": str(folder),
        "TESLA_TOKEN_URL": f"{urls.auth}/oauth2/v3/token",
        "TESLA_API_EU": urls.eu,
        "TESLA_API_NA": urls.na,
        "TESLA_API_CN": urls.cn,
        **variables,
    }
    return subprocess.run([ROOT / "run", *words], env=environ, capture_output=True, text=True, check=False)


def _credentials(simulator: Simulator) -> dict[str, str]:
    return {"TESLA_CLIENT_ID": simulator.config.client_id, "TESLA_CLIENT_SECRET": simulator.config.client_secret}


def _findings(result: subprocess.CompletedProcess[str]) -> list[Any]:
    found: list[Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def unregistered() -> Any:
    with Simulator(SimulatorConfig(unregistered=("eu", "na"))) as simulator:
        yield simulator


def test_the_documented_command_registers_one_region(unregistered: Simulator, tmp_path: Path) -> None:
    variables = {"REGION": "na", "DOMAIN": DOMAIN, "ENV": "dev", **_credentials(unregistered)}
    result = _run(unregistered, tmp_path, "-a", "do_tesla_register_partner", **variables)
    assert result.returncode == 0, result.stderr
    assert "na" in result.stdout
    assert "registered" in result.stdout
    (call,) = unregistered.calls("partner_accounts")
    assert (call.host, call.status, call.token) == ("na", 200, "partner")


def test_all_means_the_enabled_regions(unregistered: Simulator, tmp_path: Path) -> None:
    variables = {"REGION": "all", "DOMAIN": DOMAIN, **_credentials(unregistered)}
    result = _run(unregistered, tmp_path, "-a", "do_tesla_register_partner", "--json", **variables)
    assert result.returncode == 0, result.stderr
    outcomes = {item["data"]["region"]: item["data"]["status"] for item in _findings(result)}
    assert outcomes == {"eu": "registered", "na": "registered", "cn": "not_needed"}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"DOMAIN": DOMAIN}, "REGION"),
        ({"REGION": "mars", "DOMAIN": DOMAIN}, "REGION"),
        ({"REGION": "eu"}, "DOMAIN"),
        ({"REGION": "eu", "DOMAIN": "https://x.example"}, "DOMAIN"),
        ({"REGION": "eu", "DOMAIN": DOMAIN, "ENV": "moon"}, "ENV"),
    ],
)
def test_what_is_missing_is_named(
    unregistered: Simulator, tmp_path: Path, variables: dict[str, str], named: str
) -> None:
    given = {**_credentials(unregistered), **variables}
    result = _run(unregistered, tmp_path, "-a", "do_tesla_register_partner", **given)
    assert result.returncode == 1 or named == "REGION"
    assert result.returncode != 0
    assert named in result.stdout + result.stderr or "region" in result.stdout + result.stderr


def test_wrong_credentials_fail_and_are_not_shown(unregistered: Simulator, tmp_path: Path) -> None:
    variables = {"REGION": "eu", "DOMAIN": DOMAIN, "TESLA_CLIENT_ID": "nobody", "TESLA_CLIENT_SECRET": "hush-hush"}
    result = _run(unregistered, tmp_path, "-a", "do_tesla_register_partner", **variables)
    assert result.returncode == 1
    assert "hush-hush" not in result.stdout + result.stderr


def test_keygen_stores_a_pair_and_prints_none(unregistered: Simulator, tmp_path: Path) -> None:
    result = _run(unregistered, tmp_path, "-a", "keygen", BACKEND="embedded")
    assert result.returncode == 0, result.stderr
    private = tmp_path / "secrets" / "bnc-cpt-tesla-private-key"
    assert private.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert (tmp_path / "secrets" / "bnc-cpt-tesla-public-key").read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert "BEGIN" not in result.stdout


def test_keygen_keeps_a_key_that_is_there(unregistered: Simulator, tmp_path: Path) -> None:
    variables = {"BACKEND": "embedded", "SECRET_BNC_CPT_TESLA_PUBLIC_KEY": PEM}
    result = _run(unregistered, tmp_path, "-a", "keygen", **variables)
    assert "kept" in result.stdout
    assert not (tmp_path / "secrets").exists()


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(unregistered: Simulator, tmp_path: Path) -> None:
    result = _run(unregistered, tmp_path, "-a", "doctor", "--json", **_credentials(unregistered))
    assert result.returncode == 1
    findings = {item["subject"]: item for item in _findings(result)}
    assert findings["secret bnc-cpt-tesla-client-id"]["status"] == "ok"
    assert findings["secret bnc-cpt-tesla-public-key"]["remedy"].startswith("./run -a keygen")
    assert findings["access eu vehicle"]["status"] == "ok"
    assert findings["clock"]["status"] == "ok"


def test_the_doctor_knows_an_application_without_energy(tmp_path: Path) -> None:
    scopes = ("vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs", "openid")
    with Simulator(SimulatorConfig(scope=scopes)) as simulator:
        result = _run(simulator, tmp_path, "-a", "doctor", "--json", **_credentials(simulator))
    findings = {item["subject"]: item for item in _findings(result)}
    assert findings["access eu energy"]["status"] == "warning"
    assert "does not include energy" in findings["access eu energy"]["remedy"]


@pytest.mark.parametrize("words", [["--help"], ["-a", "doctor", "--help"], ["-a", "call", "--help"]])
def test_every_action_has_help(unregistered: Simulator, tmp_path: Path, words: list[str]) -> None:
    result = _run(unregistered, tmp_path, *words)
    assert result.returncode == 0
    assert "usage" in result.stdout


def test_an_unknown_action_is_a_mistake(unregistered: Simulator, tmp_path: Path) -> None:
    result = _run(unregistered, tmp_path, "-a", "fly")
    assert result.returncode == 2
    assert "no action 'fly'" in result.stderr

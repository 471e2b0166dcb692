"""Operator actions where something is wrong, or where the service is at work meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.accounts.model import Account
from shared.cli.environment import prepare
from shared.platform.documents import Collection
from tests.lab import ROOT, Lab

DOMAIN = "dev.api.example.com"
REGISTER = "do_tesla_register_partner"


def _run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """An action in the lab's environment, so over the lab's stores; an empty variable is as good as none."""
    environ = {**os.environ, **variables}
    return subprocess.run([ROOT / "run", "-a", *words], env=environ, capture_output=True, text=True, check=False)


def _findings(*words: str, **variables: str) -> dict[str, Any]:
    """The outcomes by subject, of an action that ends with nothing but JSON on its output."""
    result = _run(*words, "--json", **variables)
    assert "Traceback" not in result.stderr, result.stderr
    return {item["subject"]: item for item in json.loads(result.stdout)}


def _account() -> str:
    (stored,) = Collection(bootstrap.documents(), "accounts", Account).find([])
    return stored.key


# What is missing or wrong is a finding


def test_without_credentials_of_google_the_action_says_so(tmp_path: Path) -> None:
    variables = {"REGION": "na", "DOMAIN": DOMAIN, "ENV": "dev", "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [str(ROOT / "run"), "-a", REGISTER, "--json"]
    offline = {"NO_GCE_CHECK": "true", **variables}
    result = subprocess.run(command, env=offline, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    (finding,) = json.loads(result.stdout)
    assert finding["status"] == "failed"
    assert "gcloud auth" in finding["remedy"]


@pytest.mark.settings(SECRET_BNC_CPT_TESLA_CLIENT_SECRET="")
def test_without_the_secrets_the_action_names_them(lab: Lab) -> None:
    (finding,) = _findings(REGISTER, REGION="eu", DOMAIN=DOMAIN).values()
    assert finding["status"] == "failed"
    assert "bnc-cpt-tesla-client-secret" in finding["detail"]
    assert "ENV=" in finding["remedy"]


def test_what_the_service_logs_is_no_part_of_the_outcome(lab: Lab) -> None:
    found = _findings(REGISTER, REGION="eu", DOMAIN=DOMAIN, SECRET_BNC_CPT_TESLA_CLIENT_SECRET="wrong")
    assert [item["status"] for item in found.values()] == ["failed"]


def test_a_scope_that_the_application_lacks_is_not_taken_for_a_bad_domain(lab: Lab) -> None:
    lab.simulator.add_fault("token", "status", status=400, body={"error": "invalid_scope"}, times=1)
    (finding,) = _findings(REGISTER, REGION="eu", DOMAIN=DOMAIN).values()
    assert "scope" in finding["remedy"]


# The doctor


def test_wrong_credentials_are_not_taken_for_missing_scopes(lab: Lab) -> None:
    found = _findings("doctor", SECRET_BNC_CPT_TESLA_CLIENT_SECRET="wrong")
    for subject in ("access eu vehicle", "access eu energy"):
        assert found[subject]["status"] == "failed"
        assert "client id and secret" in found[subject]["detail"]


def test_trouble_in_one_region_hides_no_other(lab: Lab) -> None:
    assert _run("keygen", "--replace").returncode == 0
    lab.simulator.add_fault("token", "status", status=500, times=1)
    found = _findings("doctor")
    statuses = {name: item["status"] for name, item in found.items() if name.startswith(("access", "registration"))}
    assert sorted(statuses.values()).count("failed") < len(statuses)
    assert set(statuses) == {
        *(f"access {region} {product}" for region in ("eu", "na") for product in ("vehicle", "energy")),
        *(f"registration {region}" for region in ("eu", "na")),
    }


def test_a_region_that_does_not_exist_is_named(lab: Lab) -> None:
    (finding,) = _findings("doctor", TESLA_REGIONS="eu,usa").values()
    assert (finding["subject"], finding["status"]) == ("settings", "failed")
    assert "TESLA_REGIONS" in finding["detail"]


def test_the_doctor_says_what_a_vehicle_lacks(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    vin = lab.simulator.accounts[0].vehicles[0].vin
    finding = _findings("doctor", "--account", _account(), "--vin", vin)[f"fleet_status …{vin[-4:]}"]
    assert finding["status"] == "ok"
    assert "key" in finding["detail"]
    assert vin not in json.dumps(finding)
    alone = _findings("doctor", "--vin", vin)[f"fleet_status …{vin[-4:]}"]
    assert (alone["status"], "--account" in alone["remedy"]) == ("failed", True)


# Keys


def test_a_key_that_keygen_stored_is_kept(lab: Lab, tmp_path: Path) -> None:
    private = tmp_path / "secrets" / "bnc-cpt-tesla-private-key"
    without = {"SECRET_BNC_CPT_TESLA_PUBLIC_KEY": ""}
    assert _run("keygen", **without).returncode == 0
    first = hashlib.sha256(private.read_bytes()).digest()
    again = _run("keygen", **without)
    assert "kept" in again.stdout
    assert hashlib.sha256(private.read_bytes()).digest() == first
    assert _run("keygen", "--replace", **without).returncode == 0
    assert hashlib.sha256(private.read_bytes()).digest() != first


# Beside the service


def test_registering_releases_the_work_that_waited_for_it(lab: Lab) -> None:
    order_id, grant = lab.start("basic", vehicles=("v1",))
    lab.simulator.control.state.regions.discard("eu")
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "running"
    found = _findings(REGISTER, REGION="eu", DOMAIN=DOMAIN)
    assert [item["status"] for item in found.values()] == ["ok"]
    lab.tick()
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"


def test_a_call_by_hand_is_in_the_ledger(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    today = lab.clock.now().date()
    before = sum(day.calls_by_endpoint.get("warranty", 0) for day in bootstrap.ledger().usage(today, today))
    vin = lab.simulator.accounts[0].vehicles[0].vin
    found = _findings("call", "warranty", "--account", _account(), "--query", f"vin={vin}")
    assert found["warranty"]["status"] == "ok"
    after = sum(day.calls_by_endpoint.get("warranty", 0) for day in bootstrap.ledger().usage(today, today))
    assert after == before + 1


def test_a_call_by_hand_may_name_the_order(lab: Lab) -> None:
    order_id, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    assert _findings("call", "vehicles", "--order", order_id)["vehicles"]["status"] == "ok"
    assert _findings("call", "vehicles", "--order", "nosuchorder")["call"]["status"] == "failed"
    unconnected, _grant = lab.order("basic")
    assert _findings("call", "vehicles", "--order", unconnected)["vehicles"]["status"] == "failed"


@pytest.mark.parametrize(("endpoint", "named"), [("warranty", "vin"), ("options", "vin"), ("fleet_status", "--vin")])
def test_a_call_that_lacks_what_tesla_asks_for_is_not_sent(lab: Lab, endpoint: str, named: str) -> None:
    _order, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    finding = _findings("call", endpoint, "--account", _account())[endpoint]
    assert finding["status"] == "failed"
    assert named in finding["detail"] + finding["remedy"]
    assert not lab.simulator.calls(endpoint)


def test_a_call_into_a_region_without_registration_names_the_command(lab: Lab) -> None:
    _order, grant = lab.order("basic")
    assert lab.connect(grant).status == 200
    lab.simulator.control.state.regions.discard("eu")
    finding = _findings("call", "vehicles", "--account", _account())["vehicles"]
    assert f"REGION=eu DOMAIN=127.0.0.1 ./run -a {REGISTER}" in finding["remedy"]


# Where the user stands


def _run_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "run", "-a", *words], cwd=folder, capture_output=True, text=True, check=False)


def test_paths_on_the_command_line_are_the_users(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("energy_site_id,active\n42,true\n")
    result = _run_in(tmp_path, "energy_import_utility", "list.csv", "--json")
    assert "cannot be read" not in result.stdout
    assert json.loads(result.stdout)[0]["subject"].startswith("42")


def test_what_lies_where_the_user_stands_is_no_part_of_the_program(lab: Lab, tmp_path: Path) -> None:
    for name in ("json.py", "shared.py"):
        (tmp_path / name).write_text("raise SystemExit('not ours')\n")
    result = _run_in(tmp_path, "energy_dispatches")
    assert result.returncode == 0, result.stderr


def test_the_state_of_one_machine_lies_in_the_project_wherever_the_user_stands(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    prepare(environ)
    assert Path(environ["STATE_DIR"]) == ROOT / ".local"
    given = {"STATE_DIR": str(tmp_path)}
    prepare(given)
    assert given["STATE_DIR"] == str(tmp_path)

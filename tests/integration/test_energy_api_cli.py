"""The fleet on the command line: what the API shows, and a utility's list of any length."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import bootstrap
from tests.integration.energy_api import SITES, enrolled, established, operator, ticks
from tests.lab import Lab
from tests.simulator import Simulator, SimulatorConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with three batteries."""
    config = SimulatorConfig(vehicles=0, sites=3, empty_site=False, remember_consent=False)
    with Simulator(config) as running:
        yield running


def _run(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    chosen = bootstrap.settings()
    environ = {
        "PATH": os.environ["PATH"],
        "BACKEND": "embedded",
        "STATE_DIR": chosen.state_dir,
        "SECRET_BNC_CPT_TOKEN_KEY": os.environ["SECRET_BNC_CPT_TOKEN_KEY"],
        "SECRET_LOCAL_URL_KEY": os.environ["SECRET_LOCAL_URL_KEY"],
    }
    return subprocess.run([ROOT / "run", "-a", *words], env=environ, capture_output=True, text=True, check=False)


def test_the_command_line_shows_the_fleet_and_its_sites(lab: Lab) -> None:
    owner = enrolled(lab)
    established(owner)
    operator(lab, "POST", f"{SITES}/{owner.sites[0]}/opt-out", {})
    ticks(lab)
    fleet = _run(lab, "energy_fleet")
    assert fleet.returncode == 0, fleet.stderr
    assert "3 in 1 shard(s), 2 enrolled" in fleet.stdout
    assert "An operator has taken the site out." in fleet.stdout
    data = json.loads(_run(lab, "energy_fleet", "--json").stdout)[0]["data"]
    assert data["flow_kw"] == operator(lab, "GET", "/api/v1/energy/fleet").body["flow_kw"]
    listed = json.loads(_run(lab, "energy_sites", "--json").stdout)
    assert [item["data"]["energy_site_id"] for item in listed] == sorted(owner.sites)
    read = {item["detail"]: item["data"]["values"] for item in listed if item["data"]["values"]}
    assert read
    for words, values in read.items():
        charge, power = values["percentage_charged"]["value"], values["battery_power"]["value"]
        assert words.split(";")[0] == f"{charge:.1f} %, {power:.0f} W"
    picked = json.loads(_run(lab, "energy_sites", "--json", "--reason", "operator_opted_out").stdout)
    assert [item["data"]["energy_site_id"] for item in picked] == [owner.sites[0]]


def test_the_command_line_imports_a_utilitys_list(lab: Lab, tmp_path: Path) -> None:
    owner, file = enrolled(lab), tmp_path / "list.csv"
    padding = [f"{number},true,," for number in range(1, 1_200)]
    file.write_text("\n".join(["energy_site_id,active,note,until", *padding, f"{owner.sites[0]},true,,", "x,true,,"]))
    result = _run(lab, "energy_import_utility", str(file), "--json")
    assert result.returncode == 1
    findings = json.loads(result.stdout)
    assert sum(item["data"]["recorded"] for item in findings if "data" in item) == 1
    assert [item["subject"] for item in findings if item["status"] == "failed"] == ["line 1202"]
    site = operator(lab, "GET", f"{SITES}/{owner.sites[0]}").body
    assert site["facts"]["utility"]["evidence"] == "import"


def test_a_long_list_is_one_list_however_it_is_recorded(lab: Lab, tmp_path: Path) -> None:
    """Notes of several lines, other line ends within one, and a site that comes again a thousand lines later."""
    owner, file = enrolled(lab), tmp_path / "list.csv"
    first, second = owner.sites[:2]
    padding = [f"{number},true,," for number in range(1, 998)]
    notes = [f'{first},true,"of two\nlines",', f"{second},true,a\u2028note,", f"{first},false,,"]
    file.write_text("\n".join(["energy_site_id,active,note,until", *padding, *notes]))
    findings = json.loads(_run(lab, "energy_import_utility", str(file), "--json").stdout)
    failed = {item["subject"]: item["detail"] for item in findings if item["status"] == "failed"}
    assert failed == {"line 1002": "the site stands in an earlier line"}
    facts = [operator(lab, "GET", f"{SITES}/{site}").body["facts"]["utility"] for site in (first, second)]
    assert [(fact["holds"], fact["detail"]) for fact in facts] == [(True, "of two\nlines"), (True, "a\u2028note")]


@pytest.mark.parametrize("words", [["energy_fleet"], ["energy_sites"], ["energy_import_utility"]])
def test_every_action_has_help(lab: Lab, words: list[str]) -> None:
    result = _run(lab, *words, "--help")
    assert (result.returncode, "usage" in result.stdout) == (0, True)


def test_an_empty_fleet_has_no_sites(lab: Lab) -> None:
    assert "there are none" in _run(lab, "energy_sites").stdout
    assert "None" not in _run(lab, "energy_fleet").stdout
    assert _run(lab, "energy_sites", "--limit", "0").returncode == 1


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"1,true\n", b""])
def test_the_command_line_refuses_what_is_no_list(lab: Lab, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "list.csv"
    if content is not None:
        file.write_bytes(content)
    result = _run(lab, "energy_import_utility", str(file))
    assert result.returncode == 1
    assert "FAILED" in result.stdout

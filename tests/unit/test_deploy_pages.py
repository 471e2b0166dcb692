"""What docs/deploy.md and docs/operate.md tell people to do can be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.cli.__main__ import _ACTIONS
from tests.deploy_tables import portal
from tests.terraform.builds import targets
from tests.terraform.expectations import CALLBACK, HOSTS
from tests.terraform.schema import ROOT

DEPLOY = ROOT / "docs" / "deploy.md"
OPERATE = ROOT / "docs" / "operate.md"
PAGES = pytest.mark.parametrize("page", [DEPLOY, OPERATE], ids=lambda page: page.stem)


@PAGES
def test_targets_and_actions_exist(page: Path) -> None:
    text = page.read_text()
    named = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", text, re.MULTILINE))
    assert named <= targets()
    assert set(re.findall(r"\./run -a (\w+)", text)) <= set(_ACTIONS)


@PAGES
def test_files_and_folders_exist(page: Path) -> None:
    text = page.read_text().replace("$ENVIRONMENT", "dev").replace("ENVIRONMENT", "dev")
    for name in re.findall(r"(?:^|[\s`(=])((?:terraform|docs|tests|\.ci)/[A-Za-z0-9_./-]*[a-z])", text):
        assert (ROOT / name).exists(), name


@PAGES
def test_secrets_and_topics_that_are_named_exist(page: Path) -> None:
    known = (ROOT / "functions" / "functions.yaml").read_text() + (ROOT / "shared" / "settings.py").read_text()
    text = page.read_text()
    named = [*re.findall(r"\bbnc-cpt-[a-z-]+[a-z]", text), *re.findall(r"(?:topic=|topics publish )([a-z-]+)", text)]
    assert named
    assert [name for name in named if name not in known] == []


def test_the_portal_is_told_every_callback() -> None:
    for host in HOSTS.values():
        assert f"`https://{host}{CALLBACK}`" in portal()


def test_deploying_begins_with_the_portal() -> None:
    headings = re.findall(r"^## (.+)", DEPLOY.read_text(), re.MULTILINE)
    assert "Tesla" in headings[0]


def test_outputs_and_variables_that_are_named_exist() -> None:
    text = DEPLOY.read_text()
    folder = ROOT / "terraform" / "environments" / "common"
    outputs = (folder / "outputs.tf").read_text() + (ROOT / "terraform" / "pipeline" / "outputs.tf").read_text()
    for name in re.findall(r" output (?:-json )?([a-z_]+)[ `]", text):
        assert f'output "{name}"' in outputs
    variables = (folder / "variables.tf").read_text() + (ROOT / "terraform" / "pipeline" / "variables.tf").read_text()
    for name in re.findall(r"^([a-z_]+) += ", text, re.MULTILINE):
        assert f'variable "{name}"' in variables, name

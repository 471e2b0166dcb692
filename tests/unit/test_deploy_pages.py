"""What docs/deploy.md and docs/operate.md tell people to do can be done."""

from __future__ import annotations

import re
import runpy
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from shared.cli.__main__ import _ACTIONS
from shared.manifest import read_manifest
from shared.orders.model import OrderMessage
from shared.typed import from_json
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


NEWER = {"firestore databases clone"}
"""Commands that Google added after the oldest Cloud SDK that the tests meet."""


@lru_cache
def _gcloud() -> Any:
    """The Cloud SDK's own table of its commands and their options. Skips where it is not installed."""
    found = shutil.which("gcloud")
    table = Path(found).resolve().parents[1] / "data" / "cli" / "gcloud_completions.py" if found else None
    if table is None or not table.exists():
        pytest.skip("the Cloud SDK is not installed")
    return runpy.run_path(str(table))["STATIC_COMPLETION_CLI_TREE"]


def _commands(page: Path) -> list[list[str]]:
    """The words of every gcloud command, in blocks and in running text."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    spans = re.findall(
        r"(?<!`)`([^`]+)`(?!`)", re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    )
    texts = [*lines, *(" ".join(span.split()) for span in spans)]
    return [each.split() for text in texts for each in re.findall(r"\bgcloud ([^|;&)]+)", text)]


def _fault(words: list[str]) -> str:
    """What is wrong with a command; empty if nothing is."""
    root = _gcloud()
    node, path = root, []
    for word in words:
        if word not in node["commands"]:
            break
        node = node["commands"][word]
        path.append(word)
    if node["commands"]:
        return f"gcloud {' '.join(words[: len(path) + 1])} is no command"
    options = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
    unknown = {each for each in options if each not in node["flags"] and each not in root["flags"]}
    return f"gcloud {' '.join(path)} knows no {', '.join(sorted(unknown))}" if unknown else ""


@PAGES
def test_every_gcloud_command_exists_with_its_options(page: Path) -> None:
    commands = [words for words in _commands(page) if re.fullmatch("[a-z]+", words[0])]
    assert len(commands) > 5
    assert [fault for words in commands if " ".join(words[:3]) not in NEWER and (fault := _fault(words))] == []


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("builds approve BUILD", "gcloud builds approve is no command"),
        ("beta builds approve BUILD --location=x", "gcloud beta builds approve knows no --location"),
        ("storage cp a b --if-generation-match=0 --project=p", ""),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(command: str, fault: str) -> None:
    assert _fault(command.split()) == fault


def test_every_error_of_the_logs_has_its_remedy() -> None:
    code = "".join(path.read_text() for path in (ROOT / "shared").rglob("*.py") if path.name != "log.py")
    logged = set(re.findall(r'log\.(?:error|exception)\(\s*"([^"]+)"', code))
    section = OPERATE.read_text().partition("\n## Errors\n")[2].partition("\n## ")[0]
    assert logged
    assert logged - set(re.findall(r"`([^`]+)`", section)) == set()


def test_the_message_that_ends_an_orders_retention_is_one() -> None:
    (message,) = re.findall(r"topics publish fetch-order --message='(.*?)'", OPERATE.read_text())
    assert from_json(message.encode(), OrderMessage) == OrderMessage(order="...", expire=True)


def test_the_picture_shows_every_function_and_the_page_shows_the_picture() -> None:
    picture = ROOT / "docs" / "architecture.svg"
    shown = set(re.findall(r">([a-z_]+)</text>", picture.read_text()))
    assert set(read_manifest(ROOT / "functions" / "functions.yaml").functions) <= shown
    assert f"]({picture.name})" in (ROOT / "docs" / "architecture.md").read_text()


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

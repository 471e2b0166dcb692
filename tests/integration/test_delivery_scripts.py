"""How a plan goes from one build to the other: the same scripts, with Terraform and a stand-in for its provider."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.terraform.offline import Offline
from tests.terraform.provider import provider_environment
from tests.terraform.schema import ROOT

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SUBJECT = {"ENVIRONMENT": "dev", "PROJECT": "cpt-dev", "COMMIT": COMMIT}
VARIABLES = '{"alert_emails":["duty@example.org"],"host":"dev.example.org"}'


@dataclass(frozen=True)
class Checkout:
    """A working copy with the builds' scripts, as Cloud Build has it, and the environment that they run in."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script; nothing is raised."""
        return subprocess.run(
            ["sh", f".ci/{script}"],
            cwd=self.folder,
            env={**self.environment, **SUBJECT, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def state(self) -> Path:
        """Where Terraform's state lies here."""
        return self.folder / "terraform" / "environments" / "dev" / "terraform.tfstate"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A working copy in which a plan has been made."""
    if shutil.which("terraform") is None:
        reason = "terraform is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with provider_environment() as environment:
        folder = Offline(tmp_path_factory.mktemp("checkout"), environment).folder
        shutil.copytree(ROOT / ".ci", folder / ".ci")
        copy = Checkout(folder, {name: value for name, value in environment.items() if name != "STATE_BUCKET"})
        planned = copy.run("plan", VARIABLES=VARIABLES)
        assert planned.returncode == 0, planned.stdout + planned.stderr
        yield copy


def test_a_plan_brings_all_that_its_apply_needs(checkout: Checkout) -> None:
    with tarfile.open(checkout.folder / "build" / "delivery.tar") as archive:
        names = set(archive.getnames())
        subject = archive.extractfile("delivery/subject")
        assert subject is not None
        assert subject.read().decode() == f"{COMMIT} dev cpt-dev\n"
    assert {"delivery/plan", "delivery/package/index.json"} <= names
    assert not checkout.state.exists()


@pytest.mark.parametrize(
    "other",
    [{"COMMIT": "f" * 40}, {"ENVIRONMENT": "prd"}, {"PROJECT": "cpt-prd"}],
    ids=lambda other: next(iter(other)),
)
def test_a_plan_of_something_else_is_not_applied(checkout: Checkout, other: dict[str, str]) -> None:
    refused = checkout.run("apply", **other)
    assert refused.returncode == 1
    assert f"Not applied: the plan is of {COMMIT} dev cpt-dev" in refused.stderr
    assert not checkout.state.exists()


@pytest.mark.parametrize("name", SUBJECT)
@pytest.mark.parametrize("script", ["plan", "apply"])
def test_without_saying_what_nothing_is_done(checkout: Checkout, script: str, name: str) -> None:
    refused = checkout.run(script, **{name: ""})
    assert refused.returncode != 0
    assert name in refused.stderr


def test_variables_that_are_refused_end_the_planning(checkout: Checkout, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkout.folder, copy, symlinks=True)
    refused = Checkout(copy, checkout.environment).run("plan", VARIABLES='{"alert_emails":[]}')
    assert refused.returncode != 0
    assert "Invalid value for variable" in refused.stdout + refused.stderr
    assert not (copy / "build" / "delivery.tar").exists()


def test_the_plan_that_was_read_is_the_one_that_is_applied(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / "build" / "package")
    applied = checkout.run("apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert (checkout.folder / "build" / "delivery" / "url").read_text() == "https://dev.example.org"
    assert checkout.state.exists()
    again = checkout.run("apply")
    assert again.returncode != 0
    assert "stale" in again.stdout + again.stderr

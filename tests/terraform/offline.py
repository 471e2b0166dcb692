"""Runs `terraform` on a copy of `terraform/`, without network, state or credentials."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.manifest import read_manifest
from shared.packaging import INDEX, Archive
from tests.terraform import pipeline
from tests.terraform.schema import ROOT, TERRAFORM

ENVIRONMENTS: Final = ("dev", "tst", "prd")
MANIFEST: Final = Path("functions") / "functions.yaml"
CREATOR: Final = "frontend@example.org"
OPERATOR: Final = "operator@example.org"
"""Who may call the planned services."""

_LOCAL_STATE: Final = 'terraform {\n  backend "local" {}\n}\n'
"""Overrides the remote backend of a root: a file named `*_override.tf` is merged over the others."""

_LONGEST_S: Final = 120


def _archive(name: str, entry: str) -> Archive:
    """What the index says of an archive; a plan does not open it."""
    return Archive(object=f"{name}-{'0' * 12}.zip", sha256="0" * 64, size_bytes=0, entry=entry)


class TerraformFailed(Exception):
    """Terraform refused; the message is what it said."""


class Offline:
    """A working copy of the Terraform code, the manifest and an index of archives, in a folder of the caller's."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Copy into the empty `folder`; `environment` comes from `provider_environment`."""
        self.folder = folder
        self._environment = dict(environment)
        shutil.copytree(TERRAFORM, folder / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        (folder / MANIFEST).parent.mkdir()
        shutil.copy(ROOT / MANIFEST, folder / MANIFEST)
        for name in (*ENVIRONMENTS, pipeline.NAME):
            (self.root(name) / "offline_override.tf").write_text(_LOCAL_STATE)
        index = {name: _archive(name, item.entry) for name, item in read_manifest(ROOT / MANIFEST).functions.items()}
        packages = folder / "build" / "package"
        packages.mkdir(parents=True)
        (packages / INDEX).write_bytes(msgspec.json.encode(index))

    def root(self, environment: str) -> Path:
        """The root module of an environment, or of the pipeline."""
        terraform = self.folder / "terraform"
        return terraform / environment if environment == pipeline.NAME else terraform / "environments" / environment

    def check_format(self) -> None:
        """Raises TerraformFailed with the files that `terraform fmt` would change."""
        self._run(self.folder, "fmt", "-check", "-recursive", "-diff", "terraform")

    def initialise(self, environment: str) -> None:
        """Make a root ready for plans. Raises TerraformFailed."""
        self._run(self.root(environment), "init", "-input=false", "-no-color")

    def validate(self, environment: str) -> None:
        """Initialise and validate a root. Raises TerraformFailed."""
        self.initialise(environment)
        self._run(self.root(environment), "validate", "-no-color")

    def plan(self, environment: str, /, **variables: str) -> dict[str, Any]:
        """The plan of an empty project as Terraform's JSON. Raises TerraformFailed."""
        root = self.root(environment)
        own = {
            "project_id": f"cpt-{environment}",
            "alert_emails": '["duty@example.org"]',
            "creators": json.dumps([CREATOR]),
            "operators": json.dumps([OPERATOR]),
        }
        given = pipeline.VARIABLES if environment == pipeline.NAME else own
        arguments = [f"-var={name}={value}" for name, value in {**given, **variables}.items()]
        self._run(root, "plan", "-input=false", "-no-color", "-out=plan", *arguments)
        plan: dict[str, Any] = json.loads(self._run(root, "show", "-json", "plan"))
        return plan

    def _run(self, folder: Path, *arguments: str) -> str:
        command = ["terraform", *arguments]
        done = subprocess.run(
            command,
            cwd=folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
        if done.returncode:
            raise TerraformFailed(f"terraform {arguments[0]} in {folder.name}:\n{done.stdout}{done.stderr}")
        return done.stdout

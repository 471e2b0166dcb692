"""`python -m tests.terraform`: format, init, validate and plan of every environment, without network.

Then each plan is held against the manifest, the settings and the stored types.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from shared.manifest import read_manifest
from tests.terraform import pipeline
from tests.terraform.expectations import Expected, problems
from tests.terraform.offline import ENVIRONMENTS, MANIFEST, Offline, TerraformFailed
from tests.terraform.plan import Plan
from tests.terraform.provider import provider_environment
from tests.terraform.schema import ROOT


def main() -> int:
    """Print one line per environment and each problem; 1 when there is one."""
    if shutil.which("terraform") is None:
        print("terraform is not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, provider_environment() as environment:
        offline = Offline(Path(folder), environment)
        try:
            offline.check_format()
            found = [problem for name in (*ENVIRONMENTS, pipeline.NAME) for problem in _check(offline, name)]
        except TerraformFailed as error:
            found = [str(error)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


def _check(offline: Offline, name: str) -> list[str]:
    offline.validate(name)
    plan = Plan(offline.plan(name))
    print(f"{name}: valid, {len(plan.resources)} resources planned")
    if name == pipeline.NAME:
        return pipeline.problems(plan)
    return problems(Expected(name, plan, read_manifest(ROOT / MANIFEST)))


if __name__ == "__main__":
    sys.exit(main())

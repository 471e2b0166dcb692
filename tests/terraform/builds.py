"""What the two builds must hold (`cloudbuild.yaml`, `cloudbuild.apply.yaml`). A check gives its problems as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from tests.terraform.schema import ROOT

PLAN: Final = "cloudbuild.yaml"
APPLY: Final = "cloudbuild.apply.yaml"
ACCOUNTS: Final = {PLAN: "deploy-plan", APPLY: "deploy-apply"}
STEPS: Final = {
    PLAN: ("setup", "lint", "test", "terraform", "package", "plan", "keep"),
    APPLY: ("setup", "fetch", "apply", "smoke"),
}
IMAGE: Final = "$_BUILD_IMAGE"
"""One image runs every step; the trigger gives it with its digest."""

_BUILT_IN: Final = {"PROJECT_ID", "COMMIT_SHA"}
_NAME: Final = re.compile(r"\$\{?([A-Z_][A-Z0-9_]*)")
_PLANS: Final = "gs://$_PLANS_BUCKET/$COMMIT_SHA.tar"
_COMMANDS: Final = ("make", "gcloud")

Document = Mapping[str, Any]


def read(file: str) -> dict[str, Any]:
    """One build of the project."""
    document: dict[str, Any] = yaml.safe_load((ROOT / file).read_text())
    return document


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def substitutions(document: Document) -> set[str]:
    """Names that a trigger has to give."""
    return {name for name in _NAME.findall(yaml.safe_dump(dict(document))) if name.startswith("_")}


def problems(file: str, document: Document) -> list[str]:
    """Everything that the build lacks or has too much."""
    checks = (_account, _images, _commands, _order, _names, _plan_of_the_commit)
    return [f"{file}: {problem}" for check in checks for problem in check(file, document)]


def _account(file: str, document: Document) -> Iterator[str]:
    name = f"projects/$PROJECT_ID/serviceAccounts/{ACCOUNTS[file]}@$PROJECT_ID.iam.gserviceaccount.com"
    if document.get("serviceAccount") != name:
        yield f"it runs as {document.get('serviceAccount')}"
    # Cloud Build refuses a build with an account of its own that has nowhere to log.
    if document.get("options", {}).get("logging") != "CLOUD_LOGGING_ONLY":
        yield "its logs go nowhere"


def _images(_file: str, document: Document) -> Iterator[str]:
    yield from (f"{step['id']} runs in {step['name']}" for step in document["steps"] if step["name"] != IMAGE)


def _commands(_file: str, document: Document) -> Iterator[str]:
    for step in document["steps"]:
        if step.get("entrypoint") not in _COMMANDS or "script" in step:
            yield f"{step['id']} runs something else than {' or '.join(_COMMANDS)}"
        elif step["entrypoint"] == "make":
            yield from (f"{step['id']}: there is no target {each}" for each in step["args"] if each not in targets())


def _order(file: str, document: Document) -> Iterator[str]:
    """The steps are those that are asked for; each waits for earlier ones, and the last one for all."""
    steps = [step["id"] for step in document["steps"]]
    if tuple(steps) != STEPS[file]:
        yield f"its steps are {', '.join(steps)}"
    done: dict[str, set[str]] = {}
    for step in document["steps"]:
        before = set(step.get("waitFor", steps[:1] if done else []))
        yield from (f"{step['id']} waits for {each}, which is no earlier step" for each in before - set(done))
        done[step["id"]] = before.union(*(done[each] for each in before & set(done)))
    last = steps[-1]
    missing = set(steps) - {last} - done[last]
    yield from (f"{last} does not wait for {each}" for each in sorted(missing))


def _names(_file: str, document: Document) -> Iterator[str]:
    """Nothing is substituted that neither Cloud Build nor the triggers give."""
    text = "".join(path.read_text() for path in (ROOT / "terraform" / "pipeline").glob("*.tf"))
    given = set(re.findall(r"\b(_[A-Z_]+) *=", text)) | _BUILT_IN
    used = set(_NAME.findall(yaml.safe_dump(dict(document))))
    yield from (f"nobody gives ${each}" for each in sorted(used - given))


def _plan_of_the_commit(file: str, document: Document) -> Iterator[str]:
    """The one build keeps its plan under its commit, once; the other takes the one of the same commit."""
    (step,) = [step for step in document["steps"] if step["entrypoint"] == "gcloud"]
    wanted = {
        PLAN: ["storage", "cp", "--if-generation-match=0", "build/delivery.tar", _PLANS],
        APPLY: ["storage", "cp", _PLANS, "build/delivery.tar"],
    }
    if step["args"] != wanted[file]:
        yield f"{step['id']}: {' '.join(step['args'])}"
    commits = [each for other in document["steps"] for each in other.get("env", ()) if each.startswith("COMMIT=")]
    if commits != ["COMMIT=$COMMIT_SHA"]:
        yield "plan and apply are not told their commit"

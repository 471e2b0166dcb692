"""What the plan of the pipeline's own root must hold. A check gives its problems as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.terraform.builds import ACCOUNTS, APPLY, PLAN, read, substitutions
from tests.terraform.plan import Plan

NAME: Final = "pipeline"
"""Its folder below `terraform/`."""
PROJECT: Final = "cpt-dev"
VARIABLES: Final = {
    "project_id": PROJECT,
    "environment": "dev",
    "repository": f"projects/{PROJECT}/locations/europe-west1/connections/github/repositories/service",
    "build_image": f"europe-west1-docker.pkg.dev/{PROJECT}/build/build@sha256:{'0' * 64}",
    "approvers": '["group:duty@example.org"]',
    "service": '{"alert_emails":["duty@example.org"],"host":"api.example.org"}',
}

_READING: Final = (
    ".viewer",
    ".reader",
    "Viewer",
    "Reviewer",
    "browser",
    "logWriter",
    "serviceUsageConsumer",
    "deployPlan",
)
"""Ends of the roles that the planning account may have on the project."""


def problems(plan: Plan) -> list[str]:
    """Everything that the plan lacks or has too much."""
    checks = (_triggers, _planning_changes_nothing, _plans)
    return [f"{NAME}: {problem}" for check in checks for problem in check(plan)]


def member(account: str) -> str:
    """The service account as a member of policies."""
    return f"serviceAccount:{account}@{PROJECT}.iam.gserviceaccount.com"


def _triggers(plan: Plan) -> Iterator[str]:
    triggers = {values["filename"]: values for values in plan.all("google_cloudbuild_trigger")}
    if set(triggers) != {PLAN, APPLY}:
        yield f"triggers of {', '.join(triggers)}"
        return
    for file, values in triggers.items():
        given, used = set(values["substitutions"]), substitutions(read(file))
        if given != used:
            yield f"{file}: given and used are {sorted(given)} and {sorted(used)}"
        if values["repository_event_config"] != triggers[PLAN]["repository_event_config"]:
            yield f"{file}: it does not start with the plan's push"
    if not _approved(triggers[APPLY]):
        yield "nobody has to approve"
    if _approved(triggers[PLAN]):
        yield "somebody has to approve a plan that cannot have been read"


def _approved(trigger: dict[str, Any]) -> bool:
    return any(each["approval_required"] for each in trigger["approval_config"] or ())


def _planning_changes_nothing(plan: Plan) -> Iterator[str]:
    """It plans what was pushed and nobody has approved: it can neither change a thing nor become who can."""
    (own,) = plan.all("google_project_iam_custom_role")
    for permission in own["permissions"]:
        if not permission.endswith((".get", ".list", ".getMetadata")) or "entities" in permission:
            yield f"planning may do more than look: {permission}"
    account = member(ACCOUNTS[PLAN])
    for right in plan.rights()[account]:
        if right.kind == "project" and not right.role.endswith(_READING):
            yield f"planning may change things: {right.role}"
        if right.kind == "service_account":
            yield f"planning may act as {right.target}"
        if right.role == "roles/storage.objectViewer" and right.kind == "project" and not right.condition:
            yield "planning reads every object"
        if right.role in ("roles/viewer", "roles/datastore.viewer"):
            yield f"planning reads what is stored: {right.role}"


def _plans(plan: Plan) -> Iterator[str]:
    """What was planned can be read and cannot be exchanged."""
    name = f"{PROJECT}-plans"
    rights = {who: {right.role for right in found if right.target == name} for who, found in plan.rights().items()}
    wanted = {
        # `gcloud storage cp` asks whether its target is there: who may not look is told 403, and nothing is copied.
        member(ACCOUNTS[PLAN]): {"roles/storage.objectCreator", "roles/storage.objectViewer"},
        member(ACCOUNTS[APPLY]): {"roles/storage.objectViewer"},
    }
    if {who: roles for who, roles in rights.items() if roles} != wanted:
        yield f"rights on plans: {rights}"
    if not plan.named("google_storage_bucket")[name]["retention_policy"]:
        yield "a plan could be exchanged after it was read"

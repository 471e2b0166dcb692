"""A plan as Terraform's JSON, by type of resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_POLICIES: Final = {
    "google_artifact_registry_repository_iam_member": "repository",
    "google_cloud_run_v2_service_iam_member": "name",
    "google_project_iam_member": "project",
    "google_pubsub_subscription_iam_member": "subscription",
    "google_pubsub_topic_iam_member": "topic",
    "google_secret_manager_secret_iam_member": "secret_id",
    "google_service_account_iam_member": "service_account_id",
    "google_storage_bucket_iam_member": "bucket",
}
"""Type of each resource that gives a right -> the argument that names what the right is on."""


@dataclass(frozen=True, slots=True)
class Right:
    """A role of a member on one thing: `kind` is the thing's type, `target` its short name."""

    kind: str
    target: str
    role: str
    condition: str = ""


class Plan:
    """What would be made in an empty project. Values that are known after apply are absent."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Use what `terraform show -json` gives."""
        self.outputs = {name: each.get("value") for name, each in document["planned_values"]["outputs"].items()}
        self.resources = list(_resources(document["planned_values"]["root_module"]))

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The values of every resource of the type."""
        return [each["values"] for each in self.resources if each["type"] == kind]

    def named(self, kind: str, key: str = "name") -> dict[str, dict[str, Any]]:
        """The values of every resource of the type, by their `key`."""
        return {values[key]: values for values in self.all(kind)}

    def rights(self) -> dict[str, set[Right]]:
        """Member -> its rights. Raises ValueError for a resource that gives rights in a way unknown here."""
        found: dict[str, set[Right]] = {}
        for each in self.resources:
            if "_iam_" not in each["type"] or each["type"] == "google_project_iam_custom_role":
                continue
            if each["type"] not in _POLICIES:
                raise ValueError(f"{each['address']}: not a kind of right that is known here")
            values = each["values"]
            found.setdefault(values["member"], set()).add(_right(each["type"], values))
        return found


def _right(kind: str, values: Mapping[str, Any]) -> Right:
    target = str(values[_POLICIES[kind]]).rpartition("/")[2]
    condition = "".join(each["expression"] for each in values.get("condition") or [])
    short = kind.removeprefix("google_").removesuffix("_iam_member")
    return Right(short, target, values["role"], condition)


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (each for each in module.get("resources", ()) if each["mode"] == "managed")
    for child in module.get("child_modules", ()):
        yield from _resources(child)

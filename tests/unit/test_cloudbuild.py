"""The builds hold what they must, and a build that is broken is seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.terraform.builds import APPLY, PLAN, problems, read


@pytest.mark.parametrize("file", [PLAN, APPLY])
def test_a_build_is_what_it_must_be(file: str) -> None:
    assert problems(file, read(file)) == []


def _step(step_id: str, /, **changes: Any) -> dict[str, Any]:
    """The planning build with one step changed."""
    document = read(PLAN)
    next(step for step in document["steps"] if step["id"] == step_id).update(changes)
    return document


@pytest.mark.parametrize(
    ("document", "seen"),
    [
        (read(PLAN) | {"serviceAccount": "default"}, "it runs as default"),
        (read(PLAN) | {"options": {}}, "its logs go nowhere"),
        (_step("lint", name="python:latest"), "lint runs in python:latest"),
        (_step("lint", args=["lint-all"]), "there is no target lint-all"),
        (_step("lint", entrypoint="bash"), "lint runs something else"),
        (_step("lint", waitFor=["keep"]), "which is no earlier step"),
        (_step("plan", waitFor=["lint", "test", "package"]), "keep does not wait for terraform"),
        (_step("lint", env=["A=$_ANYTHING"]), "nobody gives $_ANYTHING"),
        (_step("keep", args=["storage", "cp", "build/delivery.tar", "gs://$_PLANS_BUCKET/plan.tar"]), "keep: "),
        (_step("plan", env=["COMMIT=main"]), "not told their commit"),
        (read(PLAN) | {"steps": read(PLAN)["steps"][1:]}, "its steps are lint"),
    ],
)
def test_a_build_that_is_broken_is_seen(document: dict[str, Any], seen: str) -> None:
    assert any(seen in problem for problem in problems(PLAN, document))

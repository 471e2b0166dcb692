"""What every kind of test may use: the emulators of this session, and Hypothesis without a clock."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.stack.emulators import Emulators, missing

# A shared machine makes any single example slow now and then; the tests' own limit is pytest's timeout. Before a
# change lands the same examples are tried each time, so that it stands or falls with its own lines; else new ones.
settings.register_profile("project", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("project")


_FIRST = {"emulators": 0, "e2e": 1}
"""The longest groups; begun first, they do not keep one worker busy when the others have nothing left."""


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests one worker runs together: those on the emulators, end-to-end ones, and otherwise a file's."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group_of(item)))
    items.sort(key=lambda item: _FIRST.get(_group_of(item), len(_FIRST)))


def _group_of(item: pytest.Item) -> str:
    if item.get_closest_marker("emulators"):
        return "emulators"
    return "e2e" if item.path.parent.name == "e2e" else str(item.path)


@pytest.fixture(scope="session")
def emulators() -> Iterator[Emulators]:
    """Google's services on this machine. Missing ones skip the test here and fail it where `CI` is set."""
    lacking = missing()
    if lacking and os.environ.get("CI"):
        pytest.fail(" ".join(lacking))
    if lacking:
        pytest.skip(" ".join(lacking))
    with Emulators() as running:
        yield running

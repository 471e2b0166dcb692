"""What every kind of test may use: the emulators of this session, and Hypothesis without a clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.stack.emulators import Emulators, missing

# A shared machine makes any single example slow now and then; the tests' own limit is pytest's timeout. Before a
# change lands the same examples are tried each time, so that it stands or falls with its own lines; else new ones.
settings.register_profile(
    "project",
    deadline=None,
    print_blob=True,
    derandomize="CI" in os.environ,
    max_examples=int(os.environ.get("EXAMPLES", "100")),
)
settings.load_profile("project")


_ON_EMULATORS = ("[emulators", "[gcp", "emulators.py::", "/test_replay.py::", "/test_signed_urls.py::")
_LONGEST = ("emulators", "e2e", "tests/integration/test_packaging.py", "tests/integration/test_terraform.py")
_FIRST = {group: place for place, group in enumerate(_LONGEST)}
"""The longest groups; begun first, they do not keep one worker busy when the others have nothing left."""


def _group_of(nodeid: str) -> str:
    """Which tests one worker runs together: those on the emulators, end-to-end ones, and otherwise a file's."""
    if any(each in nodeid for each in _ON_EMULATORS):
        return "emulators"
    return "e2e" if nodeid.startswith("tests/e2e/") else nodeid.split("::", maxsplit=1)[0]


class ByPlace(LoadScopeScheduling):  # type: ignore[misc]  # it comes without types
    """Hands out groups of tests that share what is dear to start."""

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    """The scheduler of `-n`."""
    return ByPlace(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first. Raises UsageError for a test on the emulators whose id does not tell."""
    for item in items:
        if item.get_closest_marker("emulators") and _group_of(item.nodeid) != "emulators":
            raise pytest.UsageError(f"{item.nodeid} uses the emulators: name it so that tests/conftest.py sees it")
    items.sort(key=lambda item: _FIRST.get(_group_of(item.nodeid), len(_FIRST)))


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

"""What every kind of test may use: the emulators of this session, and Hypothesis without a clock."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.stack.emulators import Emulators, missing

# A shared machine makes any single example slow now and then; the tests' own limit is pytest's timeout.
settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")


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

"""README says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs import README, ROOT, TABLES_BY_MARK, render


def test_the_tables_of_the_readme_are_those_of_the_code() -> None:
    text = README.read_text()
    assert set(re.findall(r"<!-- ([a-z]+) -->", text)) == set(TABLES_BY_MARK)
    assert render(text) == text, "run: make docs"


def test_the_readmes_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z0-9-]+)", README.read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_readmes_links_lead_somewhere() -> None:
    for page in [README, *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / Path(target)).exists(), (page.name, target)

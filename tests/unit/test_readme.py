"""README and the pages beside it say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import MARK, PAGES, README, ROOT, TABLES_BY_MARK, render


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_those_of_the_code(page: Path) -> None:
    text = page.read_text()
    assert MARK.search(text)
    assert render(text) == text, "run: make docs"


def test_every_table_stands_on_one_page() -> None:
    marks = [mark for page in PAGES for mark in MARK.findall(page.read_text())]
    assert sorted(marks) == sorted(TABLES_BY_MARK)


def test_the_readmes_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z0-9-]+)", README.read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_readmes_links_lead_somewhere() -> None:
    for page in [README, *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / Path(target)).exists(), (page.name, target)

"""Codes in answers have words, and the page about dispatch names everything that an answer may say."""

from __future__ import annotations

import pytest

from shared.energy.dispatch import strategies
from shared.energy.dispatch.answers import Verdict
from shared.energy.dispatch.model import State, Strategy
from shared.energy.dispatch.wording import TEXTS, words_of
from shared.energy.reasons import Reason, words
from tests.docs import ROOT

PAGE = (ROOT / "docs" / "dispatch.md").read_text()


def test_every_cause_of_the_fleet_has_the_fleets_words() -> None:
    assert words_of(Reason) == {reason: words(reason) for reason in Reason}


def test_the_codes_of_planning_are_none_of_the_fleets() -> None:
    assert not {reason.value for reason in Reason} & set(TEXTS)
    assert all(text.endswith(".") for text in TEXTS.values())


def test_a_code_of_another_release_stands_for_itself() -> None:
    assert words_of(["never_heard_of"]) == {"never_heard_of": "never heard of"}


@pytest.mark.parametrize("word", [*Verdict, *State, *Strategy])
def test_the_page_names_it(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_modules_own_table_says_what_the_code_does() -> None:
    lines = [line for line in (strategies.__doc__ or "").splitlines() if line.startswith("| ")]
    told = {name: line.split(" | ")[1] for line in lines[1:] for name in line[2:].split(" | ")[0].split(", ")}
    assert told == {strategy.value: row.mode for strategy, row in strategies.TABLE.items()}

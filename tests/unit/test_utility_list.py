"""A utility's list: what a line may say, and that a bad one costs itself only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.api.energy.utility_list import FOREVER, LONGEST_NOTE, MOST_LINES, BadList, read_list
from shared.energy.model import Evidence

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = "energy_site_id,active,note,until\n"


def test_a_list_says_what_holds_until_when() -> None:
    found = read_list(HEADER + '1,true,"ELRP, 2026",2026-12-31\n2,no,,\n3,ACTIVE,,2026-04-01T00:00:00+02:00\n', NOW)
    assert found.problems == []
    one, two, three = (found.facts[key] for key in "123")
    assert (one.holds, one.detail, one.evidence) == (True, "ELRP, 2026", Evidence.IMPORT)
    assert one.until == datetime(2027, 1, 1, tzinfo=UTC)
    assert (two.holds, two.until) == (False, None)
    assert three.until == datetime(2026, 3, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "active,energy_site_id\ntrue,1\n",
        "\ufeffenergy_site_id, active\r\n1, true\r\n",
        "energy_site_id,active,note,until\n1,true\n\n",
        'energy_site_id,active,note\n1,true,"two\nlines"\n',
    ],
)
def test_columns_come_in_any_order_and_the_last_may_be_left_out(text: str) -> None:
    found = read_list(text, NOW)
    assert (found.facts["1"].holds, found.problems) == (True, [])


def test_a_date_that_means_no_end_is_one_that_stores_can_hold() -> None:
    (fact,) = read_list(f"{HEADER}1,true,,9999-12-31\n", NOW).facts.values()
    assert fact.until == FOREVER


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,true,,", "Tesla's number"),
        (",true,,", "Tesla's number"),
        ("²,true,,", "Tesla's number"),
        ("1,maybe,,", "true or false"),
        ("1", "true or false"),
        ("1,true,,soon", "a date"),
        ("1,true,,2026-13-01", "a date"),
        ("1,true,,2027-01-01T00:00:00", "a date"),
        ("1,true,,2026-02-28", "in the past"),
        ("1,true,,,,", "more fields"),
        ("7,true,,", "earlier line"),
        (f"1,true,{'n' * (LONGEST_NOTE + 1)},", "characters"),
    ],
)
def test_a_bad_line_costs_itself_only(line: str, said: str) -> None:
    found = read_list(f"{HEADER}7,true,,\n{line}\n8,true,,\n", NOW)
    assert set(found.facts) == {"7", "8"}
    ((number, problem),) = found.problems
    assert number == 3
    assert said in problem


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "1,true,,\n",
        "energy_site_id\n1\n",
        "energy_site_id,active,colour\n",
        "active,active,energy_site_id\n",
    ],
)
def test_a_list_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(BadList, match="names the columns"):
        read_list(text, NOW)


def test_a_list_has_an_end() -> None:
    lines = [f"{number},true" for number in range(1, MOST_LINES + 1)]
    head = "energy_site_id,active"
    assert len(read_list("\n".join([head, *lines]), NOW).facts) == MOST_LINES
    with pytest.raises(BadList, match="in parts"):
        read_list("\n".join([head, *lines, "0,true"]), NOW)


def test_what_is_no_csv_is_named_by_its_line() -> None:
    with pytest.raises(BadList, match="line 3 is no CSV"):
        read_list(f'{HEADER}1,true,,\n2,true,"open', NOW)


@given(st.text(max_size=200))
def test_anything_is_read_or_refused(text: str) -> None:
    try:
        found = read_list(HEADER + text, NOW)
    except BadList:
        return
    assert all(key.isdigit() and fact.at == NOW for key, fact in found.facts.items())

"""Sums over sites: by hand, in any partition, and through storage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.fleet import COUNTED, MOST_GROUPS, NEVER_POLLED, NO_PROGRAMME, OTHERS, Group, Totals, merge, total
from shared.energy.model import Equipment, Evidence, Fact, OptOut, RosterSite
from shared.energy.samples import Outcome, Reading, Sample
from shared.typed import from_json

NOW = datetime(2026, 7, 1, 18, 0, tzinfo=UTC)
HOLDS = Fact(True, NOW, Evidence.OPERATOR, "ELRP")
HOME = Equipment(NOW, 5000, 13_500, 1, 20, export_rule="battery_ok")
Row = tuple[RosterSite, Sample | None]


def row(*, outcome: Outcome = Outcome.OK, minutes: float = 0, **changes: Any) -> Row:
    """A site with a reading of that age; `changes` are of the site."""
    site = RosterSite("1", "a", "na", HOLDS, HOLDS, HOLDS, equipment=HOME)
    seen = Reading(
        NOW,
        NOW - timedelta(minutes=minutes),
        battery_power_w=-400,
        solar_power_w=900,
        load_power_w=500,
        energy_left_wh=10_800,
        total_pack_energy_wh=13_500,
        island_status="on_grid",
        grid_status="Active",
    )
    return msgspec.structs.replace(site, **changes), Sample(outcome, seen)


OUT = row(opted_out=OptOut("owner", NOW), region="eu")
NEVER = (row()[0], None)
ROWS: list[Row] = [
    row(),
    row(region="eu", programme=Fact(True, NOW, Evidence.PROGRAMS, "DSGS")),
    row(minutes=20, outcome=Outcome.TIMED_OUT),
    row(minutes=100, outcome=Outcome.SERVER_ERROR),
    row(programme=Fact()),
    OUT,
    NEVER,
]


def test_every_site_is_in_every_account_of_them() -> None:
    totals = total(ROWS, NOW)
    assert (totals.sites, totals.enrolled, totals.counted) == (7, 5, 2)
    assert (totals.fresh, totals.stale, totals.dead, totals.unread) == (4, 1, 1, 1)
    assert totals.by_reason == {
        COUNTED: 2, "stale": 1, "dead": 1, "not_in_programme": 1, "owner_opted_out": 1, "no_reading": 1,
    }  # fmt: skip
    assert totals.by_outcome == {"ok": 4, "timed_out": 1, "server_error": 1, NEVER_POLLED: 1}
    assert {name: group.sites for name, group in totals.by_region.items()} == {"na": 5, "eu": 2}
    assert {name: group.sites for name, group in totals.by_programme.items()} == {
        "ELRP": 5,
        "DSGS": 1,
        NO_PROGRAMME: 1,
    }


def test_powers_are_of_those_that_count_and_the_naive_sum_of_all() -> None:
    totals = total(ROWS, NOW)
    assert totals.flow_w == -800
    assert totals.naive_w == -2400
    assert totals.available_w == pytest.approx([10_000, 7695, 5130])
    assert totals.load_offset_w == [0, 0, 0]
    assert totals.surplus_wh == pytest.approx(16_200)
    assert totals.by_programme["DSGS"] == Group(sites=1, counted=1, flow_w=-400, available_w=[5000, 3847.5, 2565])


def test_a_site_at_its_reserve_is_counted_under_its_reason() -> None:
    site, sample = row()
    assert sample is not None
    empty = Sample(Outcome.OK, msgspec.structs.replace(sample.reading or Reading(NOW), energy_left_wh=100))
    totals = total([(site, empty)], NOW)
    assert (totals.counted, totals.by_reason, totals.available_w) == (1, {"at_reserve": 1}, [0, 0, 0])


@given(st.lists(st.sampled_from(ROWS), max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_any_partition_adds_up_to_the_whole(rows: list[Row], one: int, two: int) -> None:
    first, second = sorted((one, two))
    parts = [total(part, NOW) for part in (rows[:first], rows[first:second], rows[second:])]
    before = msgspec.json.encode(parts)
    whole, expected = merge(parts), total(rows, NOW)
    assert msgspec.json.encode(parts) == before
    for name in ("flow_w", "naive_w", "surplus_wh", "available_w", "load_offset_w"):
        assert getattr(whole, name) == pytest.approx(getattr(expected, name))
    for totals in (whole, expected):
        totals.available_w, totals.load_offset_w, totals.surplus_wh = [], [], 0
        for group in (*totals.by_region.values(), *totals.by_programme.values()):
            group.available_w = [round(power, 3) for power in group.available_w]
    assert whole == expected


def test_totals_do_not_share_their_parts() -> None:
    one, two = Totals(), Totals()
    one.available_w[0] += 1
    one.by_reason["x"] = 1
    assert two == Totals()


def test_totals_are_stored_and_served() -> None:
    totals = total(ROWS, NOW)
    assert from_json(msgspec.json.encode(totals), Totals) == totals


def test_programmes_that_all_differ_do_not_make_the_sums_endless() -> None:
    def part(first: int) -> Totals:
        noted = (Fact(holds=True, at=NOW, detail=f"letter {number}") for number in range(first, first + 60))
        return total((row(programme=fact) for fact in noted), NOW)

    whole = merge([part(0), part(60)])
    assert len(whole.by_programme) == MOST_GROUPS + 1
    assert sum(group.sites for group in whole.by_programme.values()) == 120
    assert whole.by_programme[OTHERS].sites == 120 - MOST_GROUPS

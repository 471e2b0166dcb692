"""When a plan is made anew, what it says, and how it lies beside the old one."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from shared.energy.dispatch.candidate import Candidate
from shared.energy.dispatch.merging import Anew, ShardPlan, merge, pack_commitments
from shared.energy.dispatch.milestones import milestones
from shared.energy.dispatch.model import Dispatch, PlanSummary, State, Stop
from shared.energy.dispatch.planning import Commitment
from shared.energy.dispatch.records import Stage, Wanted
from shared.energy.dispatch.renewal import look_at, unread_share, with_anew
from shared.energy.model import RosterSite
from tests.unit.dispatch_samples import FACT, START, dispatch, record

FIRST = START - timedelta(minutes=2)
"""When the sample's first command goes out."""
OPENS, CLOSES = FIRST - timedelta(seconds=300), FIRST - timedelta(seconds=30)


def ahead(*, made_s: float = 86_400.0, **changes: object) -> Dispatch:
    """A dispatch whose plan was made so long before its first command."""
    value = replace(dispatch(), **changes)
    return replace(value, plan=replace(value.plan, made_at=FIRST - timedelta(seconds=made_s)))


@pytest.mark.parametrize(
    ("seconds", "at"),
    [(-3_600, OPENS), (0, OPENS), (100, OPENS + timedelta(seconds=100)), (270, None), (3_600, None)],
)
def test_it_is_looked_at_from_five_minutes_to_half_a_minute_before_the_first_command(
    seconds: int, at: object
) -> None:
    assert look_at(ahead(), OPENS + timedelta(seconds=seconds)) == at


def test_who_needs_no_new_plan() -> None:
    stop = Stop(at=OPENS, actor="operator")
    renewed = replace(ahead(), plan=replace(ahead().plan, carried_kw=1.0))
    others = [ahead(made_s=590), ahead(state=State.COMMANDING), ahead(state=State.ACTIVE), ahead(stop=stop), renewed]
    assert [look_at(one, OPENS) for one in others] == [None] * len(others)
    of_an_earlier_release = dispatch()
    assert of_an_earlier_release.plan.made_at is None
    assert look_at(of_an_earlier_release, OPENS) == OPENS


def summary(carried_kw: float | None) -> PlanSummary:
    return PlanSummary(committed_kw=10.0, sites=2, bench=1, command_from=FIRST, made_at=OPENS, carried_kw=carried_kw)


@pytest.mark.parametrize(
    ("carried_kw", "shortfall_kw", "said"),
    [(None, 0.0, None), (10.0, 0.0, "planned_anew"), (9.9999, 0.0, "planned_anew"), (7.5, 2.5, "falls_short")],
)
def test_what_is_missing_is_said(carried_kw: float | None, shortfall_kw: float, said: str | None) -> None:
    value = dispatch(plan=summary(carried_kw))
    assert value.plan.shortfall_kw == shortfall_kw
    assert value.plan.renewed is (said is not None)
    row = milestones(value, START).get("planned.0")
    assert (row.what if row else None) == said
    if row is not None:
        assert (row.at, row.actor) == (OPENS, "service")


def commitment(number: int) -> Commitment:
    return Commitment(f"{number}", "account", "eu", "0000", FACT, FACT, FACT, 3_000.0)


def plan(**changes: object) -> ShardPlan:
    first = pack_commitments([commitment(1)]), pack_commitments([commitment(2)])
    return replace(ShardPlan(dispatch="d", shard="0", modification=0, run=first[0], bench=first[1]), **changes)


ANEW = msgspec.msgpack.encode(Anew(pack_commitments([commitment(2)]), pack_commitments([commitment(3)])))


def wanted(value: ShardPlan, *, renewed: bool) -> dict[str, Wanted]:
    return {site: entry[1] for site, entry in value.sites(renewed=renewed).items()}


def test_a_plan_made_anew_counts_when_the_dispatch_says_so_and_the_old_one_until_then() -> None:
    both = with_anew(plan(), 0, ANEW, {"2", "3"})
    assert wanted(both, renewed=False) == wanted(plan(), renewed=False) == {"1": Wanted.RUN, "2": Wanted.BENCH}
    assert wanted(both, renewed=True) == {"2": Wanted.RUN, "3": Wanted.BENCH}
    assert wanted(plan(), renewed=True) == {"1": Wanted.RUN, "2": Wanted.BENCH}, "of a shard that has none"


def test_a_plan_made_anew_never_replaces_a_newer_modification() -> None:
    assert with_anew(plan(modification=1), 0, ANEW, {"2", "3"}) == plan(modification=1)


def test_a_site_that_another_event_had_is_free_for_a_new_plan_that_has_it() -> None:
    before = plan(release={"1": "outranked_by x", "2": "outranked_by x"})
    assert with_anew(before, 0, ANEW, {"2", "3"}).release == {"1": "outranked_by x"}


def test_records_meet_the_new_plan_as_they_meet_a_modification() -> None:
    stood = [
        record(1),
        record(2, stage=Stage.BENCH, wanted=Wanted.BENCH),
        record(3, stage=Stage.DONE, wanted=Wanted.RELEASE, reason="off_grid"),
    ]
    found = merge(stood, with_anew(plan(), 0, ANEW, {"2", "3"}).sites(renewed=True), (), newer=True)
    assert {one.energy_site_id: (one.wanted, one.stage) for one in found} == {
        "1": (Wanted.RELEASE, Stage.PLANNED),
        "2": (Wanted.RUN, Stage.BENCH),
        "3": (Wanted.BENCH, Stage.BENCH),
    }


def test_polls_have_failed_where_many_of_the_events_sites_have_no_fresh_reading() -> None:
    states = {1: "", 2: "stale", 3: "off_grid", 4: "dead", 5: "stale"}
    fleet = [Candidate(RosterSite(f"{n}", "a", "eu"), "0000", excluded=reason) for n, reason in states.items()]
    assert unread_share(fleet, {"1", "2", "3", "4"}) == 0.5
    assert unread_share(fleet, {"1", "3"}) == 0.0
    assert unread_share(fleet, set()) == 0.0

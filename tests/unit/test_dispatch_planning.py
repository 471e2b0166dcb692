"""Who is committed: never more than the fleet can carry to the end, one winner per site, limits respected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.dispatch.candidate import Candidate, running_w, sustained_w
from shared.energy.dispatch.model import Signal, Strategy
from shared.energy.dispatch.offers import offer
from shared.energy.dispatch.planning import Plan, PlanRules, Request, exclusion, plan
from shared.energy.dispatch.standing import Standing, holders
from shared.energy.dispatch.strategies import TABLE, Expect
from shared.energy.model import Equipment, Evidence, Fact, OwnerLimits, RosterSite
from shared.tesla.plan_limits import NO_LIMITS, RETIRED_PLAN, PlanLimits
from tests.unit.dispatch_samples import dispatch

NOW = datetime(2030, 7, 1, 12, tzinfo=UTC)
FACT = Fact(holds=True, at=NOW, evidence=Evidence.OPERATOR)
FIRST = Standing(1, NOW, "first")


def site(number: int, *, events_per_month: int | None = None, has_tariff: bool = True) -> RosterSite:
    equipment = Equipment(NOW, has_tariff=has_tariff)
    return RosterSite(
        f"{number}", "a", "eu", FACT, FACT, FACT, limits=OwnerLimits(events_per_month), equipment=equipment
    )


def candidate(number: int = 1, **changes: object) -> Candidate:
    values = {"full_w": 5_000.0, "offset_w": 2_000.0, "deliverable_wh": 9_000.0, **changes}
    return Candidate(values.pop("site", site(number)), "0000", **values)  # type: ignore[arg-type]  # a test's keywords


def request(target_kw: float = 10.0, hours: float = 2.0, **changes: object) -> Request:
    start = NOW + timedelta(minutes=30)
    values = {"strategy": Strategy.EXPORT, "start": start, "standing": Standing(1, NOW, "new"), **changes}
    first = values["start"]
    assert isinstance(first, datetime)
    return Request(end=first + timedelta(hours=hours), target_w=target_kw * 1000, **values)  # type: ignore[arg-type]


def planned(candidates: list[Candidate], asked: Request, limits: PlanLimits = NO_LIMITS, **rules: object) -> Plan:
    return plan(candidates, asked, PlanRules(**rules), limits, NOW)  # type: ignore[arg-type]  # a test's own keywords


FLEETS = st.lists(
    st.builds(
        candidate,
        number=st.integers(1, 10**6),
        full_w=st.floats(0, 11_500),
        offset_w=st.floats(0, 5_000),
        deliverable_wh=st.floats(0, 40_000),
        excluded=st.sampled_from(["", "", "", "stale"]),
        reliability=st.floats(0.5, 1),
    ),
    max_size=40,
    unique_by=lambda one: one.site.energy_site_id,
)


@given(
    FLEETS,
    st.floats(0.1, 200),
    st.floats(0.25, 6),
    st.sampled_from(list(Strategy)),
    st.sampled_from([NO_LIMITS, RETIRED_PLAN, PlanLimits(requests_per_s=1)]),
    st.integers(-10, 600),
)
def test_the_fleet_can_carry_every_plan_to_its_end(
    fleet: list[Candidate], target_kw: float, hours: float, strategy: Strategy, limits: PlanLimits, minutes: int
) -> None:
    asked = request(target_kw, hours, strategy=strategy, start=NOW + timedelta(minutes=minutes))
    made = planned(fleet, asked, limits)
    by_id = {one.site.energy_site_id: one for one in fleet}
    expect = TABLE[strategy].expect
    runs_h = (asked.end - min(asked.start, made.command_from)).total_seconds() / 3600
    can_w = 0.0
    for commitment in (*made.run, *made.bench):
        one = by_id[commitment.energy_site_id]
        assert not one.excluded
        # The site's own physics: its power, and its energy over the whole time that it may run.
        most_w = one.full_w if expect is Expect.EXPORT else one.offset_w
        assert commitment.sustained_w <= commitment.expected_w <= most_w + 1e-6
        assert commitment.sustained_w * max(runs_h, 1 / 12) <= one.deliverable_wh + 1e-6
        can_w += commitment.sustained_w
    assert made.committed_kw * 1000 <= can_w + 1e-6
    assert made.committed_kw <= target_kw + 1e-9
    ids = [commitment.energy_site_id for commitment in (*made.run, *made.bench)]
    assert len(ids) == len(set(ids))
    if limits.requests_per_s and made.run:
        wave_s = len(made.run) * (1 + TABLE[strategy].most_writes) / limits.requests_per_s
        assert NOW + timedelta(seconds=wave_s) <= max(asked.start, NOW) + timedelta(seconds=61)


def test_as_many_sites_run_as_give_the_power_and_those_the_energy_needs_later_wait_on_the_bench() -> None:
    fleet = [candidate(n, deliverable_wh=4_000.0 + 500 * n) for n in range(1, 9)]
    made = planned(fleet, request(9.0, 2.0), bench=0.0)
    assert made.committed_kw == 9.0
    # Two give 10 kW at once; it takes four to carry 9.27 kW for two hours.
    assert [one.energy_site_id for one in made.run] == ["8", "7"]
    assert [one.energy_site_id for one in made.bench] == ["6"]
    assert sum(one.sustained_w for one in (*made.run, *made.bench)) >= 9_270
    assert (made.reasons, made.calls) == ((), 3 * (2 + 3 + 2 + 3))
    reserve = planned(fleet, request(9.0, 2.0), bench=0.5)
    assert [one.energy_site_id for one in reserve.bench] == ["6", "5", "4"]
    unreliable = [candidate(1, reliability=0.5), candidate(2), candidate(3)]
    assert [one.energy_site_id for one in planned(unreliable, request(9.0, 1.0)).run] == ["2", "3"]


def test_less_is_offered_when_the_fleet_cannot_carry_it_and_nothing_when_there_is_nothing() -> None:
    made = planned([candidate(1), candidate(2)], request(100.0, 3.0))
    assert made.reasons == ("not_enough_power",)
    assert made.committed_kw == pytest.approx(6.0 * 3 / (3 + 120 / 3600) / 1.03)  # commanded two minutes early
    empty = planned([candidate(1, excluded="stale")], request())
    assert empty.refused
    assert (empty.committed_kw, empty.excluded) == (0.0, {"stale": 1})


def test_a_longer_event_gets_less_power_from_the_same_energy() -> None:
    one = candidate(deliverable_wh=6_000.0)
    powers = [sustained_w(one, Expect.EXPORT, hours, fade=0.5) for hours in (0.25, 1, 2, 4)]
    assert powers == [5_000.0, 5_000.0, 3_000.0, 1_500.0]
    assert [sustained_w(one, Expect.LOAD_OFFSET, hours, fade=0.5) for hours in (1, 8)] == [1_000.0, 750.0]
    assert sustained_w(one, Expect.NOTHING, 2) == running_w(one, Expect.NOTHING) == 0.0


def test_less_of_a_houses_load_is_counted_on_the_further_away_the_end_is() -> None:
    fleet = [candidate(n) for n in range(4)]
    soon, late = (planned(fleet, request(100.0, hours, strategy=Strategy.DISCHARGE)) for hours in (0.5, 1.5))
    assert soon.committed_kw == pytest.approx(8.0 * 0.86 / 1.03)
    assert late.committed_kw == pytest.approx(8.0 * 0.86**2 / 1.03)


def test_holding_takes_everybody_and_says_that_it_delivers_nothing() -> None:
    made = planned([candidate(1), candidate(2)], request(1.0, strategy=Strategy.HOLD))
    assert (len(made.run), made.committed_kw, made.reasons) == (2, 0.0, ("hold_delivers_nothing",))


def test_a_write_wave_over_ten_thousand_sites_at_five_a_second_takes_two_thirds_of_an_hour_and_more() -> None:
    fleet = [candidate(n, offset_w=1_000.0) for n in range(10_000)]
    asked = request(9_000.0, 2.0, strategy=Strategy.DISCHARGE)  # starts in half an hour
    rules = {"margin": 0.0, "offset_fade": 1.0}
    made = planned(fleet, asked, RETIRED_PLAN, **rules)
    # Snapshot and command of 9,000 sites at 5 a second take an hour; in 31 minutes there is time for 4,650.
    assert len(made.run) == 4_650
    assert (made.committed_kw, made.reasons) == (4_650.0, ("too_late_for_all",))
    assert made.earliest_start == NOW + timedelta(seconds=9_000 * 2 / 5 - 60)
    later = request(9_000.0, 2.0, strategy=Strategy.DISCHARGE, start=made.earliest_start + timedelta(minutes=10))
    whole = planned(fleet, later, RETIRED_PLAN, **rules)
    assert (len(whole.run), whole.reasons) == (9_000, ())
    assert whole.command_from == later.start - timedelta(seconds=9_000 * 2 / 5 + 120)


@pytest.mark.parametrize(("strategy", "writes"), [(Strategy.DISCHARGE, 1), (Strategy.EXPORT, 3)])
def test_what_cannot_be_commanded_in_time_at_five_a_second_is_refused_with_the_earliest_start(
    strategy: Strategy, writes: int
) -> None:
    fleet = [candidate(n, offset_w=1_000.0, full_w=1_000.0) for n in range(10_000)]
    asked = request(10_000.0, 2.0, strategy=strategy, start=NOW)
    rules = {"margin": 0.0, "offset_fade": 1.0, "grace_s": 0.0}
    made = planned(fleet, asked, PlanLimits(requests_per_s=5), **rules)
    assert (made.refused, made.committed_kw, made.reasons) == (True, 0.0, ("too_late_for_all",))
    # One write each is 33 minutes and 20 seconds for 10,000 sites; so is the reading before it.
    assert made.earliest_start == NOW + (1 + writes) * timedelta(minutes=33, seconds=20)
    assert not planned(fleet, asked, NO_LIMITS, **rules).refused


def test_the_days_calls_bound_the_number_of_sites() -> None:
    made = planned([candidate(n) for n in range(20)], request(60.0, 1.0), calls_left=50)
    assert len(made.run) == 5  # 2 reads, 3 commands, and the same again to restore
    assert made.reasons == ("calls_used_up",)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (candidate(excluded="storm_mode"), "storm_mode"),
        (candidate(site=site(1, events_per_month=2), events_this_month=2), "owner_limit"),
        (candidate(site=site(1, events_per_month=2), events_this_month=1), ""),
        (candidate(held_by=FIRST), "in_another_event"),
        (candidate(held_by=Standing(2, NOW, "weak")), ""),
        (candidate(writes_left=2), "writes_used_up"),
        (candidate(writes_left=3), ""),
        (candidate(tariffs_left=0), "tariff_changes_used_up"),
        (candidate(site=site(1, has_tariff=False)), "no_tariff_to_restore"),
    ],
)
def test_why_a_site_is_left_out(one: Candidate, reason: str) -> None:
    assert exclusion(one, request()) == reason


def test_a_site_that_is_won_from_another_event_waits_for_it() -> None:
    made = planned([candidate(held_by=Standing(2, NOW, "weak"))], request(1.0))
    assert made.run[0].waits_for == "weak"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.text("ab", min_size=1)), min_size=2, unique=True))
def test_two_events_never_both_win_a_site(claims: list[tuple[int, int, str]]) -> None:
    standings = [Standing(priority, NOW + timedelta(hours=hour), name) for priority, hour, name in claims]
    for one in standings:
        for other in standings:
            takes = exclusion(candidate(held_by=other), request(standing=one)) == ""
            taken = exclusion(candidate(held_by=one), request(standing=other)) == ""
            assert (takes, taken) in {(True, False), (False, True)} or one == other


def test_the_best_claim_to_a_site_holds_it() -> None:
    strong, weak = dispatch("strong", priority=0), dispatch("weak", priority=3)
    held = holders(
        {"strong": {"1": True, "2": False}, "weak": {"1": True, "2": True}}, {"strong": strong, "weak": weak}
    )
    assert {name: claim.dispatch for name, claim in held.items()} == {"1": "strong", "2": "weak"}


def test_an_availability_request_is_answered_hour_by_hour_with_the_excluded() -> None:
    fleet = [candidate(1), candidate(2, deliverable_wh=4_000.0), candidate(3, excluded="off_grid")]
    given_ = offer(fleet, request(0, 2.5), PlanRules(margin=0.0), NOW)
    assert [row.kw_if_last for row in given_.hours] == [9.0, 6.5, pytest.approx((9 + 4) / 2.5)]
    assert {row.kw for row in given_.hours} == {given_.kw}
    assert (given_.sites, given_.excluded) == (2, {"off_grid": 1})
    assert given_.hours[-1].end - given_.hours[-1].start == timedelta(minutes=30)


@given(FLEETS, st.floats(0.5, 8), st.sampled_from([Strategy.EXPORT, Strategy.DISCHARGE]))
def test_what_is_offered_can_be_planned(fleet: list[Candidate], hours: float, strategy: Strategy) -> None:
    asked = request(0.0, hours, strategy=strategy, start=NOW)
    offered = offer(fleet, asked, PlanRules(), NOW)
    asked_back = request(max(offered.kw, 1e-6), hours, strategy=strategy, start=NOW)
    assert planned(fleet, asked_back).committed_kw == pytest.approx(offered.kw, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end": NOW - timedelta(hours=1)}, "not after"),
        ({"end": NOW + timedelta(hours=25)}, "longer than"),
        ({"target_kw": 0.0}, "target"),
        ({}, ""),
    ],
)
def test_a_signal_says_what_is_wrong_with_it(changes: dict[str, object], words: str) -> None:
    values = {"id": "s", "start": NOW, "end": None, "target_kw": 1.0, **changes}
    found = Signal(**values).problems()  # type: ignore[arg-type]  # a test's own keywords
    assert (words in found[0]) if words else not found


def test_an_open_event_ends_by_itself() -> None:
    assert Signal(id="s", start=NOW).ends_at == NOW + timedelta(hours=3)

"""Signals through the HTTP API: one outcome for each, whatever came before; time moves on request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.energy.dispatch.answers import Verdict
from shared.platform.once import Claim, Once
from tests.integration.dispatch_calls import (
    DISPATCHES,
    SIGNALS,
    SITES,
    STOP,
    begun,
    body,
    end,
    few_sites,
    send,
    shown,
)
from tests.integration.dispatch_place import Place, running_place
from tests.integration.energy_api import kind, operator
from tests.simulator import Simulator
from tests.simulator.energy_control import SiteChange


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a few sites."""
    with few_sites() as simulator:
        yield simulator


@pytest.fixture
def place(tesla: Simulator, tmp_path: Path) -> Iterator[Place]:
    with running_place(tesla, tmp_path) as found:
        yield found


def test_an_availability_request_is_answered_hour_by_hour_with_the_reasons_in_words(place: Place) -> None:
    storm = min(place.sites)
    place.simulator.control.change_site(storm, SiteChange(storm_enabled=True, storm_active=True))
    place.forward(300)
    place.poll()
    start = place.now
    asked = body(place, "ask", 150, start=start, kind="availability_request", target_kw=0)
    answer = send(place, asked)
    assert (answer["verdict"], answer["offer"]["sites"]) == ("offered", SITES - 1)
    hours = answer["offer"]["hours"]
    assert [datetime.fromisoformat(hour["start"]) for hour in hours] == [start + timedelta(hours=n) for n in range(3)]
    assert datetime.fromisoformat(hours[-1]["end"]) == start + timedelta(minutes=150)
    assert all(0 < hour["kw"] <= hour["kw_if_last"] for hour in hours)
    assert answer["offer"]["excluded"] == {"storm_mode": 1}
    assert answer["words"] == {"storm_mode": "Storm mode keeps the battery full for the home."}
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}/ask")) == (404, "not-found")
    # Nothing was kept, so that the same id may still become an event.
    assert send(place, body(place, "ask"))["verdict"] == "accepted"


def test_a_dispatch_runs_from_its_signal_to_the_last_restored_site(place: Place) -> None:
    asked = body(place, programme="evening peak", priority=3, test=True, strategy="export", target_kw=10.0)
    answer = send(place, asked)
    assert answer["verdict"] == "accepted"
    assert answer["plan"]["committed_kw"] == pytest.approx(10)
    assert answer["plan"]["sites"] >= 1
    found = shown(place)["event"]
    wanted = ("event", "scheduled", "evening peak", 3, True, "export")
    assert tuple(found[n] for n in ("dispatch_id", "state", "programme", "priority", "test", "strategy")) == wanted
    assert send(place, asked) == answer
    place.forward(60)
    place.work_off()
    place.live_through(20)
    view = shown(place)
    assert (view["event"]["state"], view["event"]["counts"]["confirmed"]) == ("active", answer["plan"]["sites"])
    assert view["progress"][-1]["delivered_kw"] > 5
    assert view["settlement"]["mean_kw"] > 5, "of an event that runs, the figures up to now"
    end(place)
    view = shown(place)
    assert view["event"]["state"] == "done"
    assert view["times"]["ended_at"]
    assert view["settlement"]["mean_kw"] > 9
    assert len(view["settlement"]["intervals"]) == 12
    sites = shown(place, below="/sites")["sites"]
    ran = [site for site in sites if site["accepted_at"]]
    assert {site["restoration"] for site in ran} <= {"restored", "nothing_changed"}
    assert all(site["authorised"]["evidence"] == "operator" for site in ran)
    assert all(site["found"]["mode"] and site["calls"] >= 2 for site in ran)
    what = [entry["what"] for entry in shown(place, below="/audit")["entries"]]
    assert what[0] == "signal_accepted"
    assert {"committed", "command_accepted", "read_back", "delivering", "put_back"} <= set(what)


def test_duplicates_reordered_and_superseding_signals_have_one_outcome_each(place: Place) -> None:
    start = place.now + timedelta(minutes=2)
    first, third = body(place, start=start), body(place, start=start, modification=3, target_kw=2.0)
    answer = send(place, first)
    assert send(place, first) == answer
    newer = send(place, third)
    assert newer["plan"]["committed_kw"] == pytest.approx(2)
    late = send(place, body(place, start=start, modification=2, target_kw=15.0))
    assert late == {"verdict": "superseded", "dispatch": "event", "modification": 2}
    found = shown(place)["event"]
    assert (found["modification"], found["target_kw"]) == (3, 2.0)
    assert send(place, first) == answer, "the same signal again gets the same answer, whatever came since"


def test_a_target_that_is_changed_during_the_event_counts_from_then_on(place: Place) -> None:
    asked = begun(place, strategy="export", target_kw=3.0)
    assert send(place, {**asked, "modification": 1, "target_kw": 4.0})["verdict"] == "accepted"
    place.live_through(20)
    view = shown(place)
    assert [one["target_kw"] for one in view["goals"]] == [4.0], "before the start nothing was to be delivered yet"
    changed_at = place.now
    asked = {**asked, "modification": 2, "target_kw": 8.0}
    assert send(place, asked)["verdict"] == "accepted"
    assert send(place, asked)["verdict"] == "accepted"
    place.live_through(50)
    view = shown(place)
    assert [one["committed_kw"] for one in view["goals"]] == pytest.approx([4.0, 8.0])
    assert abs(datetime.fromisoformat(view["goals"][1]["since"]) - changed_at) < timedelta(minutes=1)
    settlement = view["settlement"]
    goals = [one["goal_kw"] for one in settlement["intervals"]]
    assert goals[:3] == pytest.approx([4.0] * 3)
    assert 4.0 < goals[3] < 8.0
    assert goals[4:] == pytest.approx([8.0] * 8)
    assert settlement["committed_kw"] == pytest.approx(sum(goals) / 12)
    assert settlement["goal_kw"] == pytest.approx(sum(goals) / 12)


def test_a_running_event_is_shortened(place: Place) -> None:
    asked = begun(place, minutes=120)
    place.live_through(10)
    sooner = datetime.fromisoformat(asked["start"]) + timedelta(minutes=20)
    assert send(place, {**asked, "modification": 1, "end": sooner.isoformat()})["verdict"] == "accepted"
    assert datetime.fromisoformat(shown(place)["event"]["end"]) == sooner
    end(place, 15)
    assert shown(place)["event"]["state"] == "done"


@pytest.mark.parametrize("stage", ["scheduled", "active", "done"])
def test_a_cancel_works_at_every_stage(place: Place, stage: str) -> None:
    asked = body(place, minutes=20)
    send(place, asked)
    if stage != "scheduled":
        place.forward(60)
        place.work_off()
    if stage == "done":
        end(place, 40)
    before = shown(place)["event"]["state"]
    assert before == stage
    assert send(place, {**asked, "modification": 1, "kind": "cancel"})["verdict"] == "cancelled"
    place.work_off()
    after = shown(place)["event"]
    assert after["state"] == ("done" if stage == "done" else "cancelled")
    assert (after["stop"] is None) == (stage == "done")
    assert place.changed() == []
    again = send(place, {**asked, "modification": 2})
    assert again["verdict"] == "over", "an id is used once"


def test_a_cancel_that_comes_first_keeps_the_event_from_beginning(place: Place) -> None:
    asked = body(place)
    assert send(place, {**asked, "modification": 1, "kind": "cancel"})["verdict"] == "cancelled"
    assert send(place, asked)["verdict"] == "superseded"
    place.forward(120)
    place.work_off()
    assert (shown(place)["event"]["state"], place.commands()) == ("cancelled", {})


def test_a_signal_after_its_own_end_is_not_carried_out(place: Place) -> None:
    assert send(place, body(place, minutes=5, start=place.now - timedelta(minutes=9)))["verdict"] == "expired"
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}/event")) == (404, "not-found")


def test_nothing_is_offered_or_planned_for_a_time_that_is_over(place: Place) -> None:
    past = body(place, minutes=30, start=place.now - timedelta(hours=2))
    asked = send(place, {**past, "kind": "availability_request"})
    assert (asked["verdict"], asked.get("offer")) == ("expired", None)
    tried = place.desk.service.receive(place.signal(start=place.now - timedelta(hours=2)), "utility", dry_run=True)
    assert (tried.verdict, tried.dry_run, tried.plan) == (Verdict.EXPIRED, True, None)


@pytest.mark.parametrize("changes", [{}, {"kind": "availability_request"}], ids=["dispatch", "request"])
def test_a_new_event_is_no_shorter_than_five_minutes_and_a_known_one_may_be_cut(
    place: Place, changes: dict[str, str]
) -> None:
    for minutes in (0.01, 4.9):
        reply = operator(place.lab, "POST", SIGNALS, {**body(place, minutes=minutes), **changes})
        assert (kind(reply), reply.body["problems"]) == (
            (422, "signal-invalid"),
            ["The event is shorter than 5 minutes."],
        )
    send(place, body(place, minutes=5))
    assert send(place, body(place, minutes=1, modification=1))["verdict"] in {"accepted", "less"}


def test_the_same_signal_with_other_contents_is_refused_and_told_what_stands(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    asked = body(place)
    answer = send(place, asked)
    for _ in range(2):  # whether its answer is kept or only its event, as after a crash
        other = operator(place.lab, "POST", SIGNALS, {**asked, "target_kw": 8.0})
        assert (kind(other), other.body["problems"]) == (
            (422, "signal-differs"),
            ["target_kw was 3.0 and is 8.0 now."],
        )
        bootstrap.documents().delete("claims", "signal.event.0")
    assert [item.levelname for item in caplog.records if item.getMessage() == "signal differs"] == ["WARNING"] * 2
    assert shown(place)["event"]["target_kw"] == 3.0
    zone = timezone(timedelta(hours=2))
    same = {**asked, "start": datetime.fromisoformat(asked["start"]).astimezone(zone).isoformat()}
    assert send(place, same)["verdict"] == answer["verdict"], "the same moment, told in another zone"
    assert send(place, {**asked, "target_kw": 8.0, "modification": 1})["verdict"] in {"accepted", "less"}
    cancel = {**asked, "kind": "cancel", "modification": 1, "target_kw": 0.0}
    assert [send(place, {**cancel, "priority": n})["verdict"] for n in (0, 1)] == ["cancelled", "cancelled"]


def test_a_signal_without_an_end_is_open_for_three_hours(place: Place) -> None:
    asked = body(place)
    del asked["end"]
    send(place, asked)
    found = shown(place)["event"]
    length = datetime.fromisoformat(found["end"]) - datetime.fromisoformat(found["start"])
    assert length == timedelta(hours=3)


def test_a_signal_that_cannot_be_carried_out_is_told_everything_that_is_wrong(place: Place) -> None:
    reply = operator(place.lab, "POST", SIGNALS, body(place, minutes=-5, target_kw=0))
    assert kind(reply) == (422, "signal-invalid")
    assert reply.body["problems"] == ["The end is not after the start.", "A dispatch needs a target above 0 kW."]
    long = operator(place.lab, "POST", SIGNALS, body(place, minutes=1441))
    assert long.body["problems"] == ["The event is longer than 24 hours."]
    begun(place)
    other = operator(place.lab, "POST", SIGNALS, body(place, modification=1, strategy="export"))
    assert kind(other) == (422, "signal-invalid")
    assert len(other.body["problems"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"surplus": 1},
        {"id": "a.b"},
        {"id": "a/b"},
        {"id": "__all__"},
        {"id": "line\n"},
        {"id": ""},
        {"id": "x" * 65},
        {"modification": -1},
        {"modification": 2**31},
        {"kind": "maybe"},
        {"target_kw": -1},
        {"target_kw": 1e9},
        {"priority": 1001},
        {"strategy": "sell"},
        {"start": "2026-07-01T18:00:00"},
        {"start": "0001-01-01T00:00:00Z"},
        {"start": "9999-12-31T23:59:59Z", "end": None},
        {"start": "9999-12-31T23:59:59Z", "kind": "cancel", "end": None},
        {"programme": "x" * 101},
    ],
    ids=str,
)
def test_a_signal_of_the_wrong_form_is_refused(place: Place, change: dict[str, Any]) -> None:
    assert kind(operator(place.lab, "POST", SIGNALS, {**body(place), **change})) == (400, "invalid-body")
    assert operator(place.lab, "GET", DISPATCHES).body == {"dispatches": [], "next_cursor": None}


def test_a_dispatch_by_hand_may_begin_in_steps(place: Place) -> None:
    wish = {"target_kw": 3.0, "minutes": 60, "ramp_minutes": 20}
    made = operator(place.lab, "POST", DISPATCHES, wish)
    assert (made.status, made.body["verdict"]) == (201, "accepted")
    assert shown(place, made.body["dispatch"])["event"]["ramp_minutes"] == 20
    too_long = operator(place.lab, "POST", DISPATCHES, {**wish, "ramp_minutes": 90})
    assert kind(too_long) == (422, "signal-invalid")
    assert too_long.body["problems"] == ["The ramp is longer than the event."]
    assert kind(operator(place.lab, "POST", DISPATCHES, {**wish, "ramp_minutes": 241})) == (400, "invalid-body")


def test_what_cannot_be_committed_is_refused_in_words(place: Place) -> None:
    assert operator(place.lab, "POST", STOP, {}).body == {"cancelled": []}
    send(place, body(place, "one", target_kw=500.0))
    answer = send(place, body(place, "two", target_kw=500.0, priority=9))
    assert answer["verdict"] == "refused"
    assert answer["plan"]["committed_kw"] == 0
    assert answer["words"]["in_another_event"] == "Another event has the site at that time."
    assert set(answer["words"]) == {*answer["plan"]["excluded"], *answer["plan"]["reasons"]}
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}/two")) == (404, "not-found")


def test_plans_are_made_one_at_a_time(place: Place) -> None:
    once = Once(bootstrap.documents(), place.lab.clock)
    claim = once.claim("dispatch-planning", lease_s=60)
    assert isinstance(claim, Claim)
    busy = operator(place.lab, "POST", SIGNALS, body(place))
    assert kind(busy) == (503, "dispatch-busy")
    assert busy.headers["Retry-After"] == "2"
    once.release(claim)
    assert send(place, body(place))["verdict"] == "accepted"

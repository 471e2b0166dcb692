"""What a second look at dispatch found: homes that would have stayed changed, counts that would have been wrong."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared.energy.availability import Rules
from shared.energy.dispatch.audit import Row
from shared.energy.dispatch.coordinator import corrected, in_reserve
from shared.energy.dispatch.event_csv import sites_csv
from shared.energy.dispatch.lifecycle import advance, step, told
from shared.energy.dispatch.merging import REPLANNED, ShardPlan, merge, pack_commitments
from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.planning import Commitment
from shared.energy.dispatch.records import (
    Outcome,
    Restoration,
    ShardRecords,
    SiteRecord,
    Snapshot,
    Stage,
    StageTimes,
    Touch,
    TouchState,
    Wanted,
    pack,
    pack_rows,
)
from shared.energy.dispatch.settlement import asked_s
from shared.energy.dispatch.shelf import Shelf, tariff_key
from shared.energy.dispatch.sightings import Sightings
from shared.energy.dispatch.speech import reply_of
from shared.energy.dispatch.steps import Conditions, End, Look, Reply, Step, Wait, Write
from shared.energy.dispatch.strategies import refusal
from shared.energy.dispatch.watching import WatchRules, running, span_of
from shared.energy.model import Fact, RosterSite
from shared.energy.reasons import Reason
from shared.energy.tariffs.event import EVENT_NAME
from shared.platform.embedded.documents import SqliteDocuments
from shared.tesla.catalogue.energy import EnergyAction
from shared.tesla.many import Told
from shared.tesla.regions import Regions
from tests.unit.dispatch_samples import END, FACT, START, dispatch, record

ACTIONS = (EnergyAction.GRID_IMPORT_EXPORT, EnergyAction.TARIFF, EnergyAction.OPERATION)
MODE, RULE, TARIFF = EnergyAction.OPERATION, EnergyAction.GRID_IMPORT_EXPORT, EnergyAction.TARIFF
OWN = Snapshot(START, "backup", 20.0, "pv_only", "own", time_zone="UTC")
OURS = Snapshot(START, "autonomous", 20.0, "battery_ok", "event-1", time_zone="UTC")


def conditions(strategy: Strategy = Strategy.EXPORT, *, over: bool = False) -> Conditions:
    return Conditions(strategy, START, END, over=over, event_tariff=lambda _found: "event-1")


def held(strategy: Strategy = Strategy.EXPORT, ours: Snapshot = OURS) -> SiteRecord:
    """A site that has what we set."""
    rules = conditions(strategy)
    value = told(record(), Look(), Reply(End.OK, found=OWN), rules, START)
    while isinstance(todo := step(value, rules, START), Write):
        value = told(value, todo, Reply(End.OK), rules, START)
    value = told(value, Look(), Reply(End.OK, found=ours), rules, START)
    assert (value.stage, value.outcome) == (Stage.ACTIVE, Outcome.CONFIRMED)
    return value


def test_an_answer_without_settings_is_no_change_by_the_owner() -> None:
    rules = conditions()
    value = advance(held(), rules, END)
    value = told(value, Look(), Reply(End.OK, found=Snapshot(END)), rules, END)
    assert (value.stage, value.trouble, value.owner_changed) == (Stage.RESTORING, "not_told", False)
    assert value.not_before is not None
    value = told(value, Look(), Reply(End.OK, found=OURS), rules, value.not_before)
    assert step(value, rules, END + timedelta(minutes=5)) == Write(MODE, "backup", undo=True)


@pytest.mark.parametrize("left_out", ["mode", "export_rule", "tariff"])
def test_a_setting_that_tesla_does_not_tell_holds_up_no_other_and_is_restored_once_it_is_told(left_out: str) -> None:
    rules, own = conditions(), {MODE: "mode", RULE: "export_rule", TARIFF: "tariff"}
    value, site, now = advance(held(), rules, END), OURS, END
    while value.stage is Stage.RESTORING and now < END + timedelta(hours=1):
        todo = step(value, rules, now)
        if isinstance(todo, Wait):
            assert todo.until is not None
            now = todo.until
        elif isinstance(todo, Look):
            quiet = now < END + timedelta(minutes=20)
            value = told(
                value, todo, Reply(End.OK, found=replace(site, **{left_out: ""}) if quiet else site), rules, now
            )
        else:
            assert own[todo.action] != left_out or now >= END + timedelta(minutes=20)
            site = replace(site, **{own[todo.action]: todo.value})
            value = told(value, todo, Reply(End.OK), rules, now)
            assert own[todo.action] == left_out or now < END + timedelta(minutes=1)
    assert (value.restoration, site) == (Restoration.RESTORED, OWN)


def test_an_answer_without_settings_while_commanding_is_looked_at_again() -> None:
    rules = conditions(Strategy.DISCHARGE)
    value = told(record(), Look(), Reply(End.OK, found=OWN), rules, START)
    value = told(value, Write(MODE, "self_consumption", undo=False), Reply(End.OK), rules, START)
    value = told(value, Look(), Reply(End.OK, found=Snapshot(START)), rules, START)
    assert (value.stage, value.wanted, value.trouble) == (Stage.COMMANDING, Wanted.RUN, "not_told")


def test_the_events_tariff_is_known_as_ours_however_tesla_writes_it() -> None:
    content = {"name": EVENT_NAME, "currency": "USD", "energy_charges": {"Summer": {"rates": {"ON_PEAK": 1.0}}}}
    rewritten = {**content, "energy_charges": {"Summer": {"rates": {"ON_PEAK": 1.0}, "made_by": "tesla"}}}
    assert tariff_key(content) != tariff_key(rewritten)
    other = replace(OURS, tariff=tariff_key(rewritten))
    value = held(ours=other)
    value = advance(value, conditions(), END)
    value = told(value, Look(), Reply(End.OK, found=other), conditions(), END)
    assert value.owner_changed is False
    value = told(value, Write(MODE, "backup", undo=True), Reply(End.OK), conditions(), END)
    assert step(value, conditions(), END) == Write(TARIFF, "own", undo=True)


def test_an_events_tariff_is_never_kept_as_a_sites_own() -> None:
    left_over = replace(OWN, tariff=tariff_key({"name": EVENT_NAME, "currency": "USD"}))
    assert refusal(Strategy.EXPORT, left_over) == "no_tariff_to_restore"


def test_one_setting_that_tesla_refuses_to_restore_does_not_hold_up_the_others() -> None:
    rules = conditions()
    value, site, now = advance(held(), rules, END), OURS, END
    for _ in range(40):
        todo: Step = step(value, rules, now)
        if isinstance(todo, Wait):
            break
        reply = Reply(End.OK, found=site)
        if isinstance(todo, Write) and todo.action is TARIFF:
            reply = Reply(End.REFUSED, "rejected")
        elif isinstance(todo, Write):
            site = replace(site, **{"mode" if todo.action is MODE else "export_rule": todo.value})
            reply = Reply(End.OK)
        value = told(value, todo, reply, rules, now)
    assert (site.mode, site.export_rule, value.stage) == ("backup", "pv_only", Stage.RESTORING)


def test_a_restore_that_is_accepted_and_never_shows_is_tried_seldom_and_not_for_ever() -> None:
    rules = conditions(Strategy.DISCHARGE)
    deaf = replace(OURS, mode="self_consumption")
    value, now, sent, looks = advance(held(Strategy.DISCHARGE, deaf), rules, END), END, 0, 0
    first_day: tuple[int, int] | None = None
    while value.stage is Stage.RESTORING:
        todo = step(value, rules, now)
        if isinstance(todo, Wait):
            assert todo.until is not None
            now = max(todo.until, now + timedelta(seconds=0.1))
            if first_day is None and now - END > timedelta(days=1):
                first_day = sent, looks
            continue
        sent, looks = sent + isinstance(todo, Write), looks + isinstance(todo, Look)
        assert now - END < timedelta(days=8)
        value = told(value, todo, Reply(End.OK, found=deaf) if isinstance(todo, Look) else Reply(End.OK), rules, now)
    assert first_day is not None
    assert first_day[0] <= 24 * 4 + 8
    assert first_day[1] <= 25 * (24 * 4 + 8)
    assert (value.restoration, value.reason) == (Restoration.NOT_RESTORED, "not_taken")


def test_an_accepted_command_is_not_sent_again_before_it_had_time_to_show() -> None:
    rules, now, sent = conditions(Strategy.DISCHARGE), START, 0
    value = record()
    while now < START + timedelta(seconds=20):
        todo = step(value, rules, now)
        if isinstance(todo, Wait):
            assert todo.until is not None
            now = todo.until
            continue
        sent += isinstance(todo, Write)
        value = told(value, todo, Reply(End.OK, found=OWN) if isinstance(todo, Look) else Reply(End.OK), rules, now)
    assert (sent, value.stage) == (1, Stage.COMMANDING)


@pytest.mark.parametrize(("answer", "end"), [(b"<html>", End.UNKNOWN), (b"", End.OK), (b"{}", End.OK)])
def test_a_command_counts_as_accepted_by_tesla_only(answer: bytes, end: End, tmp_path: Path) -> None:
    regions = Regions({"eu": "https://fleet-api.prd.eu.vn.cloud.tesla.com"})
    with closing(SqliteDocuments(tmp_path / "d.db")) as store:
        shelf = Shelf(store)
        assert reply_of(Write(MODE, "backup", undo=False), Told(200, answer), regions, shelf, START).end is end


def commitment(site: str = "101") -> Commitment:
    return Commitment(site, "account", "eu", "0000", FACT, FACT, FACT, 3_000.0)


RUNS = {"101": (commitment(), Wanted.RUN, "")}


@pytest.mark.parametrize("stage", [Stage.DONE, Stage.BENCH])
def test_a_newer_plan_takes_sites_again_that_an_older_one_left_out_before_anything_was_done(stage: Stage) -> None:
    left_out = record(stage=stage, wanted=Wanted.RELEASE, reason=REPLANNED)
    assert merge([left_out], RUNS, (), newer=False) == [left_out]
    (again,) = merge([left_out], RUNS, (), newer=True)
    assert (again.stage, again.wanted, again.reason) == (Stage.PLANNED, Wanted.RUN, "")
    (out,) = merge([left_out], RUNS, ("101",), newer=True)
    assert out.wanted is Wanted.RELEASE
    reached = replace(left_out, stage=Stage.DONE, snapshot=OWN)
    assert merge([reached], RUNS, (), newer=True) == [reached]


def test_what_ended_at_a_site_is_not_told_otherwise_afterwards() -> None:
    ended = record(stage=Stage.DONE, outcome=Outcome.REFUSED, reason="rejected", snapshot=OWN)
    assert merge([ended], {}, ("101",), newer=True) == [ended]
    gone = Sightings({}, {}, Rules(), WatchRules())
    assert gone.applied(ended, dispatch().signal, [], START) == ended


def test_a_site_whose_owner_took_the_consent_back_is_let_go() -> None:
    site = RosterSite("101", "account", "eu", Fact(), FACT, FACT)
    seen = Sightings({"101": site}, {}, Rules(), WatchRules())
    value = seen.applied(held(), dispatch().signal, [], START)
    assert (value.wanted, value.reason) == (Wanted.RELEASE, Reason.NOT_AUTHORISED)


def test_a_site_that_left_the_event_or_is_in_another_is_no_reserve() -> None:
    bench = record(102, stage=Stage.BENCH, wanted=Wanted.BENCH)
    out = record(103, stage=Stage.BENCH, wanted=Wanted.RELEASE, reason="opted_out")
    assert [one.energy_site_id for one in in_reserve([bench, out], frozenset())] == ["102"]
    assert in_reserve([bench, out], {"102"}) == []


def test_a_correction_of_an_older_modification_does_not_touch_a_newer_plan() -> None:
    plan = ShardPlan(dispatch="d", shard="0", modification=2, run=pack_commitments([commitment()]), bench=b"\x90")
    assert corrected(plan, 1, add=[], release=["101"]) == plan
    assert corrected(plan, 2, add=[], release=["101"]).release == {"101": "steered"}


def test_a_site_that_cannot_be_commanded_is_not_counted_on() -> None:
    now = START + timedelta(minutes=1)
    silent = record(stage=Stage.COMMANDING, failures=4, trouble="server_error")
    counted = running(silent, WatchRules(), now)
    assert counted is not None
    assert counted.counted_w == 0.0
    fresh = running(record(failures=1, trouble="rate_limited"), WatchRules(), now)
    assert fresh is not None
    assert fresh.counted_w == 3_000.0


def test_a_site_that_had_the_mode_already_is_asked_for_until_it_was_let_go() -> None:
    let_go = START + timedelta(minutes=20)
    times = StageTimes(commanded_at=START, accepted_at=START, confirmed_at=START, restored_at=let_go)
    value = record(stage=Stage.DONE, snapshot=OWN, times=times)
    assert asked_s(value, START, END) == 1_200.0
    assert span_of(value, dispatch().signal).end == let_go


def test_a_table_cell_is_never_a_formula() -> None:
    hostile = replace(OWN, mode='=HYPERLINK("http://x")', export_rule="@x")
    value = record(reason="+cmd", snapshot=hostile, meter=replace(record().meter, delivered_wh=-5.0))
    (row,) = csv.DictReader(io.StringIO(sites_csv([value], START, END)))
    assert (row["prior_mode"], row["prior_export_rule"]) == ('\'=HYPERLINK("http://x")', "'@x")
    assert (row["reason"], row["delivered_wh"]) == ("'+cmd", "-5")


def test_a_full_shard_in_its_worst_hour_fits_into_a_document() -> None:
    fact = replace(FACT, detail="x" * 100, until=END)
    touches = tuple(Touch(action, "a" * 32, f"event-{'b' * 32}", TouchState.HELD, START, 2) for action in ACTIONS)
    records = [
        record(
            2_252_000_000_000 + number, authorised=fact, programme=fact, utility=fact, touches=touches, snapshot=OWN
        )
        for number in range(500)
    ]
    rows = [Row(START, "service", "command_accepted", f"{number % 500}", "tariff") for number in range(500 * 40)]
    assert len(pack(records)) + len(pack_rows(rows)) < 500_000
    stored = ShardRecords(
        dispatch="d", shard="0", modification=0, fence=1, packed=pack(records), trail=pack_rows(rows)
    )
    assert (stored.records(), stored.rows()) == (records, rows)


def test_a_home_that_is_heard_of_again_after_a_week_is_still_restored() -> None:
    rules, later = conditions(), END + timedelta(days=9)
    value = advance(held(), rules, END)
    value = told(value, Look(), Reply(End.OK, found=OURS), rules, later)
    assert step(value, rules, later) == Write(MODE, "backup", undo=True)

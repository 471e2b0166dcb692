"""One site through one event, under every order of faults: restored, commanded once, and the owner has the last word.

The site is a small model: settings that commands change, and a fate for each request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.energy.dispatch.lifecycle import NEVER_COMMANDED, OWNER_CHANGED, advance, intended, step, told
from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.records import (
    Outcome,
    Restoration,
    ShardRecords,
    SiteRecord,
    Snapshot,
    Stage,
    Wanted,
    counts_of,
    pack,
)
from shared.energy.dispatch.steps import Conditions, End, Look, Reply, Step, Wait, Write
from shared.energy.dispatch.touching import NOT_TAKEN
from shared.energy.model import Evidence, Fact
from shared.tesla.catalogue.energy import EnergyAction

START = datetime(2030, 7, 1, 18, tzinfo=UTC)
END = START + timedelta(hours=2)
FACT = Fact(holds=True, at=START, evidence=Evidence.OPERATOR)
MODE, RULE, TARIFF = EnergyAction.OPERATION, EnergyAction.GRID_IMPORT_EXPORT, EnergyAction.TARIFF
FATES = ("ok", "lost", "executed_unheard", "too_many", "crash_before", "crash_after")
OWN = {MODE: "backup", RULE: "pv_only", TARIFF: "tariff-own"}


def record(**changes: object) -> SiteRecord:
    return replace(SiteRecord("101", "account", "eu", FACT, FACT, FACT, expected_w=3_000.0), **changes)


def conditions(strategy: Strategy = Strategy.DISCHARGE, **changes: object) -> Conditions:
    values = {"command_from": START, "ends_at": END, "event_tariff": lambda _found: "tariff-event", **changes}
    return Conditions(strategy, **values)  # type: ignore[arg-type]  # a test's own keywords


@dataclass
class Home:
    """A site: its settings, what was done to it, and what happens to the requests to come."""

    fates: Iterator[str] = field(default_factory=lambda: repeat("ok"))
    settings: dict[EnergyAction, str] = field(default_factory=lambda: dict(OWN))
    executed: list[tuple[EnergyAction, str, datetime]] = field(default_factory=list)

    def ask(self, done: Look | Write, now: datetime) -> Reply | None:
        """The end of a request; None: whoever asked died."""
        fate = next(self.fates)
        if fate == "crash_before":
            return None
        if fate == "lost":
            return Reply(End.UNKNOWN, "timed_out")
        if fate == "too_many":
            return Reply(End.NOT_NOW, "rate_limited", retry_after_s=3.0)
        if isinstance(done, Look):
            return Reply(End.OK, found=self.snapshot(now)) if fate == "ok" else Reply(End.UNKNOWN, "server_error")
        self.settings[done.action] = done.value
        self.executed.append((done.action, done.value, now))
        replies = {"ok": Reply(End.OK), "executed_unheard": Reply(End.UNKNOWN, "server_error")}
        return replies.get(fate)

    def snapshot(self, now: datetime) -> Snapshot:
        return Snapshot(now, self.settings[MODE], 20.0, self.settings[RULE], self.settings[TARIFF], time_zone="UTC")


@dataclass
class Run:
    """Drives one record as a worker does: what was stored is all that a crash leaves."""

    home: Home
    stored: bytes
    now: datetime = START

    def until(self, end: datetime, rules: Conditions) -> SiteRecord:
        """Go on until that moment, or until nothing is left to do."""
        while self.now < end:
            done = self._lifetime(end, rules)
            if done:
                break
            self.now += timedelta(seconds=30)  # a new worker takes over
        return self.load()

    def load(self) -> SiteRecord:
        return ShardRecords(dispatch="d", shard="0", modification=0, fence=1, packed=self.stored).records()[0]

    def save(self, value: SiteRecord) -> None:
        self.stored = pack([value])

    def _lifetime(self, end: datetime, rules: Conditions) -> bool:
        value = self.load()
        while self.now < end:
            value = advance(value, rules, self.now)
            todo = step(value, rules, self.now)
            if isinstance(todo, Wait):
                self.save(value)
                if value.stage in {Stage.DONE, Stage.BENCH}:
                    return True
                self.now = min(end, todo.until or (rules.ends_at if self.now < rules.ends_at else end))
                continue
            self.save(intended(value, self.now))
            reply = self.home.ask(todo, self.now)
            self.now += timedelta(seconds=1)
            if reply is None:
                return False
            value = told(value, todo, reply, rules, self.now)
        self.save(value)
        return False


def go(home: Home, strategy: Strategy = Strategy.DISCHARGE, until: datetime | None = None) -> SiteRecord:
    run = Run(home, pack([record()]))
    return run.until(until or END + timedelta(hours=6), conditions(strategy))


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_site_is_commanded_confirmed_and_restored(strategy: Strategy) -> None:
    home = Home()
    home.settings[MODE] = "self_consumption" if strategy in {Strategy.HOLD, Strategy.PRESERVE} else "backup"
    before = dict(home.settings)
    ended = go(home, strategy)
    assert (ended.stage, ended.outcome, ended.restoration) == (Stage.DONE, Outcome.CONFIRMED, Restoration.RESTORED)
    assert home.settings == before
    writes = len(ended.touches)
    assert ended.calls == 1 + writes + 1 + 1 + writes + 1  # snapshot, set, read back, look, undo, read back
    forth, back = home.executed[:writes], home.executed[writes:]
    assert [action for action, _, _ in back] == [action for action, _, _ in reversed(forth)]
    assert forth[-1][0] is MODE
    assert all(at < END for _, _, at in forth)
    assert all(at >= END for _, _, at in back)


def test_a_site_that_has_the_mode_already_is_confirmed_by_reading_and_never_written_to() -> None:
    home = Home()
    home.settings[MODE] = "self_consumption"
    ended = go(home)
    assert (ended.outcome, ended.restoration, ended.calls) == (Outcome.CONFIRMED, Restoration.NOTHING_CHANGED, 1)
    assert home.executed == []


@example(fates=["ok", "executed_unheard"], strategy=Strategy.DISCHARGE)
@example(fates=["ok", "crash_after", "lost", "crash_before"], strategy=Strategy.EXPORT)
@given(st.lists(st.sampled_from(FATES), max_size=30), st.sampled_from([Strategy.DISCHARGE, Strategy.EXPORT]))
def test_whatever_fails_the_site_is_restored_and_nothing_is_done_twice(fates: list[str], strategy: Strategy) -> None:
    home = Home(chain(fates, repeat("ok")))
    ended = go(home, strategy)
    assert ended.stage is Stage.DONE
    assert home.settings == OWN
    assert ended.restoration in {Restoration.RESTORED, Restoration.NOTHING_CHANGED}
    values = [(action, value) for action, value, _ in home.executed]
    assert len(values) == len(set(values)), "the same was commanded twice"
    assert all(at < END for action, value, at in home.executed if value != OWN[action])


@given(
    st.lists(st.sampled_from(FATES), max_size=20),
    st.integers(0, 3 * 3600),
    st.sampled_from([Strategy.DISCHARGE, Strategy.EXPORT]),
)
def test_what_the_owner_sets_meanwhile_stays(fates: list[str], after_s: int, strategy: Strategy) -> None:
    home = Home(chain(fates, repeat("ok")))
    run, rules = Run(home, pack([record()])), conditions(strategy)
    run.until(START + timedelta(seconds=after_s), rules)
    choice = "autonomous" if strategy is Strategy.DISCHARGE else "self_consumption"
    home.settings[MODE] = choice
    ended = run.until(END + timedelta(hours=6), rules)
    assert home.settings == {**OWN, MODE: choice}
    assert ended.stage is Stage.DONE


def test_an_owner_who_changes_the_mode_during_the_event_wins_and_is_recorded() -> None:
    home = Home()
    run, rules = Run(home, pack([record()])), conditions(Strategy.EXPORT)
    run.until(START + timedelta(hours=1), rules)
    home.settings[MODE] = "self_consumption"
    ended = run.until(END + timedelta(hours=1), rules)
    assert ended.owner_changed
    assert ended.restoration is Restoration.LEFT_TO_OWNER
    assert home.settings == {**OWN, MODE: "self_consumption"}


def test_an_owner_who_changes_the_mode_before_the_read_back_is_left_alone_at_once() -> None:
    value = told(record(), Look(), Reply(End.OK, found=Home().snapshot(START)), conditions(), START)
    value = told(value, Write(MODE, "self_consumption", undo=False), Reply(End.OK), conditions(), START)
    other = replace(Home().snapshot(START), mode="autonomous")
    value = told(value, Look(), Reply(End.OK, found=other), conditions(), START)
    assert (value.stage, value.wanted, value.reason) == (Stage.DONE, Wanted.RELEASE, OWNER_CHANGED)
    assert (value.restoration, value.owner_changed) == (Restoration.LEFT_TO_OWNER, True)


def test_a_refused_command_is_final_and_what_was_set_before_it_is_put_back() -> None:
    home = Home()
    value = told(record(), Look(), Reply(End.OK, found=home.snapshot(START)), conditions(Strategy.EXPORT), START)
    rule = step(value, conditions(Strategy.EXPORT), START)
    assert rule == Write(RULE, "battery_ok", undo=False)
    value = told(value, rule, Reply(End.OK), conditions(Strategy.EXPORT), START)
    home.settings[RULE] = "battery_ok"
    tariff = step(value, conditions(Strategy.EXPORT), START)
    assert tariff == Write(TARIFF, "tariff-event", undo=False)
    value = told(value, tariff, Reply(End.REFUSED, "rejected"), conditions(Strategy.EXPORT), START)
    assert (value.stage, value.outcome, value.reason) == (Stage.RESTORING, Outcome.REFUSED, "rejected")
    run = Run(home, pack([value]))
    ended = run.until(END, conditions(Strategy.EXPORT))
    assert (ended.outcome, ended.restoration, home.settings) == (Outcome.REFUSED, Restoration.RESTORED, OWN)


def test_an_accepted_command_that_never_shows_is_refused_after_some_tries() -> None:
    home = Home()

    class Deaf(Home):
        def ask(self, done: Look | Write, now: datetime) -> Reply | None:
            if isinstance(done, Write):
                self.executed.append((done.action, done.value, now))
                return Reply(End.OK)
            return super().ask(done, now)

    home = Deaf()
    ended = go(home)
    assert (ended.outcome, ended.reason, ended.restoration) == (Outcome.REFUSED, NOT_TAKEN, Restoration.RESTORED)
    assert len(home.executed) == conditions().patience.tries
    assert home.settings == OWN


def test_nothing_is_commanded_after_the_end_or_when_the_event_is_over() -> None:
    for rules, now in ((conditions(), END), (conditions(over=True), START)):
        value = advance(record(), rules, now)
        assert (value.stage, value.reason) == (Stage.DONE, NEVER_COMMANDED)
        assert step(value, rules, now) == Wait(None)


def test_a_command_that_was_about_to_be_sent_when_the_event_was_cancelled_is_not_sent() -> None:
    value = told(record(), Look(), Reply(End.OK, found=Home().snapshot(START)), conditions(), START)
    assert isinstance(step(value, conditions(), START), Write)
    value = advance(value, conditions(over=True), START)
    assert (value.stage, value.restoration) == (Stage.DONE, Restoration.NOTHING_CHANGED)


def test_a_stored_intent_is_looked_into_before_anything_is_sent() -> None:
    value = told(record(), Look(), Reply(End.OK, found=Home().snapshot(START)), conditions(), START)
    stored = Run(Home(), pack([intended(value, START)])).load()
    assert step(stored, conditions(), START) == Look()
    over = advance(stored, conditions(over=True), START)
    assert (over.stage, over.outcome) == (Stage.RESTORING, Outcome.UNKNOWN)
    assert step(over, conditions(over=True), START) == Look()


def test_a_command_of_unknown_fate_is_waited_for_before_the_site_counts_as_restored() -> None:
    value = told(record(), Look(), Reply(End.OK, found=Home().snapshot(START)), conditions(), START)
    value = told(value, Write(MODE, "self_consumption", undo=False), Reply(End.UNKNOWN), conditions(), START)
    value = advance(value, conditions(over=True), START)
    value = told(value, Look(), Reply(End.OK, found=Home().snapshot(START)), conditions(over=True), START)
    assert value.stage is Stage.RESTORING
    later = START + timedelta(seconds=61)
    arrived = replace(Home().snapshot(later), mode="self_consumption")
    value = told(value, Look(), Reply(End.OK, found=arrived), conditions(over=True), later)
    assert step(value, conditions(over=True), later) == Write(MODE, "backup", undo=True)


def test_refused_restores_are_tried_for_a_week_and_then_reported() -> None:
    held = go(Home(), until=START + timedelta(hours=1))
    rules, now = conditions(over=True), START + timedelta(hours=1)
    value = advance(held, rules, now)
    tries = 0
    while value.stage is Stage.RESTORING:
        todo: Step = step(value, rules, now)
        if isinstance(todo, Wait):
            assert todo.until is not None
            now = todo.until
            continue
        value, tries = told(value, todo, Reply(End.REFUSED, "forbidden"), rules, now), tries + 1
    assert (value.restoration, value.reason) == (Restoration.NOT_RESTORED, "forbidden")
    assert 7 * 24 * 4 <= tries <= 7 * 24 * 4 + 2
    assert now - (START + timedelta(hours=1)) >= timedelta(days=7)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": ""}, "mode_unknown"),
        ({"tariff": ""}, "no_tariff_to_restore"),
        ({"export_rule": ""}, "export_rule_unknown"),
        ({"time_zone": ""}, "time_zone_unknown"),
    ],
)
def test_what_could_not_be_put_back_is_not_changed(changes: dict[str, str], reason: str) -> None:
    found = replace(Home().snapshot(START), **changes)
    value = told(record(), Look(), Reply(End.OK, found=found), conditions(Strategy.EXPORT), START)
    assert (value.stage, value.outcome, value.reason) == (Stage.DONE, Outcome.REFUSED, reason)


def test_a_site_on_the_bench_waits_to_be_called_and_one_in_another_event_waits_for_it() -> None:
    benched = record(stage=Stage.BENCH, wanted=Wanted.BENCH)
    assert advance(benched, conditions(), START) == benched
    called = advance(replace(benched, wanted=Wanted.RUN), conditions(), START)
    assert step(called, conditions(), START) == Look()
    held = conditions(still_held=frozenset({"101"}))
    assert step(called, held, START) == Wait(START + timedelta(seconds=30))
    early = START - timedelta(minutes=5)
    assert step(called, conditions(), early) == Wait(START)


def test_a_shard_is_counted_by_how_far_its_sites_are() -> None:
    done, active = go(Home()), go(Home(), until=START + timedelta(hours=1))
    counts = counts_of([done, active, record(stage=Stage.BENCH, wanted=Wanted.BENCH), record()])
    assert (counts.committed, counts.confirmed, counts.accepted, counts.unfinished, counts.restored) == (
        3,
        2,
        2,
        2,
        1,
    )
    assert (counts + counts).confirmed == 4

"""How long is kept what events leave: final things have an end, and what is not over has none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from shared.energy.dispatch.audit import Audit, Chunk, Row
from shared.energy.dispatch.book import Book, Heard, KeptRecords, SiteEvents
from shared.energy.dispatch.merging import ShardPlan, merge, pack_commitments
from shared.energy.dispatch.model import Dispatch, Retention, State, Stop, Times
from shared.energy.dispatch.planning import Commitment
from shared.energy.dispatch.records import (
    Restoration,
    ShardRecords,
    SiteRecord,
    Snapshot,
    Stage,
    Touch,
    TouchState,
    Wanted,
    counts_of,
    pack,
)
from shared.energy.dispatch.shelf import KeptTariff, Shelf, tariff_key
from shared.platform.documents import Collection
from shared.platform.embedded.documents import SqliteDocuments
from shared.settings import Settings
from shared.tesla.catalogue.energy import EnergyAction
from tests.unit.dispatch_samples import END, FACT, START, dispatch, record

KEPT = Retention(evidence_days=1_000, work_days=100)
EVIDENCE, WORK = timedelta(days=1_000), timedelta(days=100)
OVER = END + timedelta(minutes=5)
DAY = timedelta(days=1)
TARIFF = {"name": "Day and night", "utility": "A utility", "currency": "EUR"}
OWN = tariff_key(TARIFF)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteDocuments]:
    """A store of the test's own."""
    with closing(SqliteDocuments(tmp_path / "documents.db")) as found:
        yield found


@pytest.fixture
def book(store: SqliteDocuments) -> Book:
    return Book(store, KEPT)


def _end(store: SqliteDocuments, collection: str, key: str) -> Any:
    """Until when the document is kept, None: whatever time passes."""
    found = store.get(collection, key)
    assert found is not None
    return found.body["expires_at"]


def _done(value: Dispatch) -> Dispatch:
    return replace(value, state=State.DONE, live=False, times=Times(ended_at=OVER))


def _shard(*records: SiteRecord, at: datetime = OVER) -> ShardRecords:
    values = list(records)
    return ShardRecords(
        dispatch="d", shard="0", modification=0, fence=1, packed=pack(values), counts=counts_of(values), at=at
    )


def _restoring(number: int = 101) -> SiteRecord:
    """A site that waits for its own tariff."""
    touch = Touch(EnergyAction.TARIFF, OWN, "event-1", TouchState.BACK, START)
    return record(number, stage=Stage.RESTORING, touches=(touch,), snapshot=Snapshot(START, tariff=OWN))


def _ended(number: int = 101, **changes: object) -> SiteRecord:
    return record(number, stage=Stage.DONE, snapshot=Snapshot(START), restoration=Restoration.RESTORED, **changes)


def test_a_setting_that_nobody_changes_is_what_the_code_goes_by() -> None:
    defaults = Settings(public_url="https://example.org")
    assert Retention() == Retention(evidence_days=defaults.dispatch_days, work_days=defaults.dispatch_work_days)


# Dispatches


@pytest.mark.parametrize("state", [state for state in State if not state.final])
def test_a_dispatch_that_is_not_final_has_no_end(store: SqliteDocuments, book: Book, state: State) -> None:
    book.create(dispatch())
    book.change("d", lambda value: replace(value, state=state, stop=Stop(at=START, actor="utility")))
    assert _end(store, "dispatches", "d") is None


def test_whatever_was_said_before_a_dispatch_that_is_not_final_has_no_end(store: SqliteDocuments, book: Book) -> None:
    book.create(dispatch(expires_at=START))
    assert _end(store, "dispatches", "d") is None


def test_a_final_one_is_kept_from_its_end_on(store: SqliteDocuments, book: Book) -> None:
    book.create(dispatch())
    after = book.change("d", _done)
    assert after.expires_at == _end(store, "dispatches", "d") == OVER + EVIDENCE
    assert book.change("d", lambda value: replace(value, actor="another")).expires_at == OVER + EVIDENCE


def test_one_that_was_ended_before_its_time_is_kept_until_nothing_of_it_can_come_any_more(
    store: SqliteDocuments, book: Book
) -> None:
    """A signal that comes late for it is refused as long as the event could still begin."""
    stop = Stop(at=START - 300 * DAY, actor="utility")
    book.create(dispatch(state=State.CANCELLED, live=False, stop=stop))
    assert _end(store, "dispatches", "d") == END + EVIDENCE


def test_a_dispatch_of_the_release_before_gets_an_end_when_it_is_written(store: SqliteDocuments, book: Book) -> None:
    body = dict(store_body(store, _done(dispatch())))
    del body["expires_at"]
    store.put("dispatches", "d", body)
    known = book.get("d")
    assert known is not None
    assert known.expires_at is None
    book.change("d", lambda value: value)
    assert _end(store, "dispatches", "d") == OVER + EVIDENCE


def store_body(store: SqliteDocuments, value: Dispatch) -> dict[str, Any]:
    """The dispatch as a document."""
    Collection(store, "drafts", Dispatch).put("d", value)
    found = store.get("drafts", "d")
    assert found is not None
    return found.body


# Records


@pytest.mark.parametrize("stage", [Stage.PLANNED, Stage.COMMANDING, Stage.ACTIVE, Stage.RESTORING])
def test_records_with_a_site_that_is_not_through_have_no_end(
    store: SqliteDocuments, book: Book, stage: Stage
) -> None:
    book.create(_done(dispatch()))
    book.save_records(None, _shard(_ended(), record(102, stage=stage)))
    assert _end(store, "dispatch_shards", "d.0") is None


def test_records_are_kept_from_the_end_of_the_event_or_of_restoring(store: SqliteDocuments, book: Book) -> None:
    book.create(dispatch())
    early = book.save_records(None, _shard(_ended(), at=START))
    assert _end(store, "dispatch_shards", "d.0") == END + EVIDENCE
    late = book.save_records(early, _shard(_ended(), at=OVER + 3 * DAY))
    assert _end(store, "dispatch_shards", "d.0") == OVER + 3 * DAY + EVIDENCE
    book.save_records(late, _shard(_restoring(), at=OVER + 4 * DAY))
    assert _end(store, "dispatch_shards", "d.0") is None, "pushed forward for ever while a site waits"


def test_after_the_event_records_do_not_tell_whose_account_a_site_was_reached_by(book: Book) -> None:
    book.create(dispatch())
    during = book.save_records(None, _shard(_ended(), at=START))
    assert [one.account for one in during.value.records()] == ["account"]
    unrestored = book.save_records(during, _shard(_restoring()))
    assert [one.account for one in unrestored.value.records()] == ["account"], "it is needed for restoring"
    bench = record(102, stage=Stage.BENCH, wanted=Wanted.BENCH)
    after = book.save_records(unrestored, _shard(_ended(), bench))
    assert [replace(one, account="account") for one in after.value.records()] == [_ended(), bench]
    assert {one.account for one in after.value.records()} == {""}


@pytest.mark.parametrize("stage", [Stage.BENCH, Stage.DONE])
def test_a_site_gets_its_account_back_if_the_event_goes_on_after_all(stage: Stage) -> None:
    known = record(stage=stage, snapshot=Snapshot(START), wanted=Wanted.BENCH, account="")
    commitment = Commitment("101", "account", "eu", "0000", FACT, FACT, FACT, 3_000.0)
    (called,) = merge([known], {"101": (commitment, Wanted.RUN, "")}, (), newer=True)
    assert called.account == "account"
    assert [one.account for one in merge([known], {}, (), newer=True)] == [""]


def test_records_of_the_release_before_are_read_and_get_an_end(store: SqliteDocuments, book: Book) -> None:
    book.create(dispatch())
    Collection(store, "dispatch_shards", ShardRecords).create("d.0", _shard(_ended()))
    before = book.records("d", "0")
    assert before is not None
    assert (before.value.expires_at, before.value.records()) == (None, [_ended()])
    book.save_records(before, _shard(_ended()))
    assert _end(store, "dispatch_shards", "d.0") == OVER + EVIDENCE


def test_the_release_before_reads_records_of_this_one(store: SqliteDocuments, book: Book) -> None:
    book.create(dispatch())
    saved = book.save_records(None, _shard(_ended(), at=START))
    known = Collection(store, "dispatch_shards", ShardRecords).get("d.0")
    assert known is not None
    assert KeptRecords(**asdict(known.value), expires_at=END + EVIDENCE) == saved.value


# Tariffs


def _flushed(store: SqliteDocuments, end: datetime = END) -> str:
    """An event took the site's tariff away; gives the key of the one that it set."""
    shelf = Shelf(store, KEPT)
    found = Snapshot(START, tariff=shelf.put(TARIFF), time_zone="Europe/Berlin")
    ours = shelf.for_event(found, end - timedelta(hours=1), end)
    shelf.flush()
    return ours


def test_tariffs_are_kept_from_the_end_of_the_event_that_changes_them(store: SqliteDocuments) -> None:
    ours = _flushed(store)
    assert _end(store, "dispatch_tariffs", OWN) == END + EVIDENCE
    assert _end(store, "dispatch_tariffs", ours) == END + WORK
    _flushed(store, END + 9 * DAY)
    assert _end(store, "dispatch_tariffs", OWN) == END + 9 * DAY + EVIDENCE, "another event has it now"
    _flushed(store)
    assert _end(store, "dispatch_tariffs", OWN) == END + 9 * DAY + EVIDENCE, "never shorter than it was"


def test_a_tariff_that_was_only_seen_is_not_kept(store: SqliteDocuments) -> None:
    shelf = Shelf(store, KEPT)
    assert shelf.get(shelf.put(TARIFF)) == TARIFF
    shelf.flush()
    assert store.query("dispatch_tariffs").documents == []


def test_a_tariff_of_the_release_before_gets_an_end_with_the_next_event(store: SqliteDocuments) -> None:
    store.put("dispatch_tariffs", OWN, {"content": b'{"name":"Day and night"}'})
    assert Shelf(store).get(OWN) == {"name": "Day and night"}
    _flushed(store)
    assert _end(store, "dispatch_tariffs", OWN) == END + EVIDENCE


def test_a_tariff_outlives_whatever_waits_for_it(store: SqliteDocuments, book: Book) -> None:
    """Restoring is held up for years, as no call to Tesla comes through: every day the tariff is kept anew."""
    _flushed(store)
    book.create(dispatch())
    saved, at = book.save_records(None, _shard(_restoring())), OVER
    while at < END + EVIDENCE + 50 * DAY:
        at += 10 * DAY
        saved = book.save_records(saved, _shard(_restoring(), at=at))
        assert _end(store, "dispatch_tariffs", OWN) == at + EVIDENCE
    written = store.get("dispatch_tariffs", OWN)
    book.save_records(saved, _shard(_restoring(), at=at + timedelta(minutes=1)))
    assert store.get("dispatch_tariffs", OWN) == written, "once a day is enough"
    Collection(store, "dispatch_tariffs", KeptTariff).delete(OWN)
    book.save_records(book.records("d", "0"), _shard(_restoring(), at=at + DAY))
    assert store.get("dispatch_tariffs", OWN) is None, "what is gone cannot be kept, and stops nobody"


def test_a_tariff_that_is_back_is_not_kept_any_longer(store: SqliteDocuments, book: Book) -> None:
    _flushed(store)
    book.create(dispatch())
    saved = book.save_records(None, _shard(_restoring()))
    through = replace(_restoring().touches[0], state=TouchState.UNDONE)
    book.save_records(saved, _shard(_ended(touches=(through,)), at=OVER + DAY))
    assert _end(store, "dispatch_tariffs", OWN) == END + EVIDENCE


# Plans, signals, months, the trail


def _plan(modification: int = 0) -> ShardPlan:
    none = pack_commitments(())
    return ShardPlan(dispatch="d", shard="0", modification=modification, run=none, bench=none)


def test_a_plan_is_kept_past_the_end_that_its_event_has_now(store: SqliteDocuments, book: Book) -> None:
    book.put_plan(_plan(), END)
    assert _end(store, "dispatch_plans", "d.0") == END + WORK
    book.change_plan("d", "0", lambda plan: replace(plan, called=("101",)))
    assert _end(store, "dispatch_plans", "d.0") == END + WORK
    book.put_plan(_plan(1), END + 7 * DAY)
    assert _end(store, "dispatch_plans", "d.0") == END + 7 * DAY + WORK


def test_a_plan_that_does_not_say_it_is_kept_by_the_dispatch(store: SqliteDocuments, book: Book) -> None:
    book.create(dispatch())
    Collection(store, "dispatch_plans", ShardPlan).put("d.0", _plan())
    book.change_plan("d", "0", lambda plan: plan)
    assert _end(store, "dispatch_plans", "d.0") is None, "nothing was written"
    book.change_plan("d", "0", lambda plan: replace(plan, called=("101",)))
    assert _end(store, "dispatch_plans", "d.0") == END + WORK
    book.put_plan(_plan(1))
    assert _end(store, "dispatch_plans", "d.0") == END + WORK


def test_a_signal_that_came_to_nothing_is_remembered_while_an_older_one_may_come(
    store: SqliteDocuments, book: Book
) -> None:
    Collection(store, "signals", Heard).create("s", Heard(modification=2))
    book.hear("s", 3, END)
    assert (book.heard("s"), _end(store, "signals", "s")) == (3, END + WORK)
    book.hear("s", 1, END + DAY)
    assert (book.heard("s"), _end(store, "signals", "s")) == (3, END + DAY + WORK)
    book.hear("s", 1, START)
    assert _end(store, "signals", "s") == END + DAY + WORK


@pytest.mark.parametrize("start", [START, START.replace(day=31, hour=23), START.replace(month=12, day=31)])
def test_the_events_of_a_month_are_known_until_the_next_one_is_over(
    store: SqliteDocuments, book: Book, start: datetime
) -> None:
    key = f"{start:%Y-%m}.0"
    Collection(store, "site_events", SiteEvents).create(key, SiteEvents(counted=("a",)))
    book.count_event(start, "0", "d", {"101": True})
    next_month = start.replace(day=1) + timedelta(days=31)
    after_next = (next_month.replace(day=1) + timedelta(days=31)).replace(day=1, hour=0)
    end = _end(store, "site_events", key)
    assert after_next + WORK <= end <= after_next + WORK + 4 * DAY
    assert book.events(start, "0")["101"].events == 1


def test_the_trail_outlives_the_dispatch(store: SqliteDocuments, book: Book) -> None:
    trail = Audit(store, KEPT)
    received = START - 20 * DAY
    trail.file("d", "signal.0", 0, [Row(received, "utility", "signal_accepted")])
    trail.file("d", "0", 0, [Row(OVER, "service", "restored", "101"), Row(START, "service", "committed", "101")])
    book.create(dispatch(received_at=received))
    over = book.change("d", _done)
    assert over.expires_at is not None
    assert _end(store, "audit", "d.signal.0.0") > over.expires_at
    assert _end(store, "audit", "d.0.0") == OVER + timedelta(days=31) + EVIDENCE
    store.put("audit", "d.old.0", {"dispatch": "d", "at": START, "packed": b"\x90"})
    assert len(trail.rows("d")) == 3, "chunks of the release before are read too"
    assert Collection(store, "audit", Chunk).get("d.old.0") is not None

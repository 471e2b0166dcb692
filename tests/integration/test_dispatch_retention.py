"""What an event leaves in the stores, until when, and how it is listed as it grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.energy.dispatch.model import Retention, Strategy
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.ports import Page, Where
from tests.integration.dispatch_calls import DISPATCHES, body, few_sites, send
from tests.integration.dispatch_place import ACCOUNT, Place, running_place
from tests.integration.energy_api import kind, operator
from tests.simulator import Simulator

COLLECTIONS = (
    "dispatches",
    "dispatch_plans",
    "dispatch_shards",
    "dispatch_tariffs",
    "audit",
    "signals",
    "site_events",
)
KEPT = Retention()
_QUERY = SqliteDocuments.query


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a few sites."""
    with few_sites() as simulator:
        yield simulator


@pytest.fixture
def place(tesla: Simulator, tmp_path: Path) -> Iterator[Place]:
    with running_place(tesla, tmp_path) as found:
        yield found


def _ends(collection: str) -> list[Any]:
    """Until when each document is kept."""
    return [document.body["expires_at"] for document in bootstrap.documents().query(collection, limit=1000).documents]


def test_while_an_event_runs_it_has_no_end_and_afterwards_everything_of_it_has(place: Place) -> None:
    begun, signal = place.now, place.signal(strategy=Strategy.EXPORT, minutes=20, target_kw=500.0)
    place.desk.service.receive(signal, "utility")
    place.desk.service.receive(place.signal("past", start=place.now - timedelta(days=1)), "utility")
    place.forward(60)
    place.work_off()
    place.live_through(10)
    assert _ends("dispatches") == [None]
    during = bootstrap.documents().query("dispatch_shards").documents
    ran = [one for one in during if one.body["counts"]["unfinished"]]
    assert ran
    assert {one.body["expires_at"] for one in ran} == {None}
    assert ACCOUNT in {record.account for record in place.records()}
    place.live_through(30)
    assert place.dispatch().state.final
    assert place.changed() == []
    for collection in COLLECTIONS:
        ends = _ends(collection)
        assert ends, collection
        assert all(KEPT.work(begun) <= end for end in ends), collection
    ended_at = place.dispatch().times.ended_at
    assert ended_at is not None
    assert _ends("dispatches") == [KEPT.evidence(ended_at)]
    assert all(KEPT.evidence(signal.ends_at) <= end for end in (*_ends("dispatch_shards"), *_ends("audit")))
    assert all(KEPT.work(signal.ends_at) <= end for end in (*_ends("dispatch_plans"), *_ends("dispatch_tariffs")))
    assert {record.account for record in place.records()} == {""}


def test_a_message_that_comes_again_after_the_end_changes_no_end(place: Place) -> None:
    place.desk.service.receive(place.signal(minutes=20), "utility")
    place.forward(60)
    place.work_off()
    place.live_through(40)
    dispatch = place.dispatch()
    assert dispatch.state.final
    before = {name: _ends(name) for name in COLLECTIONS}
    place.forward(3_600)
    for shard in ("", *dispatch.shards):
        bootstrap.events().publish(_again(shard))
    assert place.work_off() >= len(dispatch.shards)
    after = {name: _ends(name) for name in COLLECTIONS}
    assert {name: len(ends) for name, ends in after.items()} == {name: len(ends) for name, ends in before.items()}
    assert after["dispatches"] == before["dispatches"]
    assert None not in after["dispatch_shards"]


def _again(shard: str) -> Any:
    from shared.energy.dispatch.schedule import TOPIC
    from shared.platform.ports import Event

    return Event(TOPIC, b'{"dispatch": "event", "shard": "%s"}' % shard.encode())


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(asked for, given) of every question about dispatches, as it goes on."""
    seen: list[tuple[int, int]] = []

    def query(store: SqliteDocuments, collection: str, where: Sequence[Where] = (), **options: Any) -> Page:
        page = _QUERY(store, collection, where, **options)
        if collection == "dispatches":
            seen.append((options["limit"], len(page.documents)))
        return page

    monkeypatch.setattr(SqliteDocuments, "query", query)
    return seen


def _listed(place: Place, **query: Any) -> Any:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    reply = operator(place.lab, "GET", f"{DISPATCHES}?{words}")
    assert reply.status == 200, reply.text
    return reply.body


def _walked(place: Place, **query: Any) -> list[str]:
    """Ids of all pages; each but the last is full."""
    names: list[str] = []
    page = _listed(place, **query)
    while True:
        names += [one["dispatch_id"] for one in page["dispatches"]]
        if page["next_cursor"] is None:
            return names
        assert len(page["dispatches"]) == query["limit"]
        page = _listed(place, **query, cursor=page["next_cursor"])


def test_a_list_of_many_dispatches_reads_one_page_at_a_time(place: Place, read: list[tuple[int, int]]) -> None:
    start = place.now + timedelta(hours=1)
    for number in range(25):
        cancelled = body(
            place, f"e{number:02}", start=start, kind="cancel" if number % 5 else "dispatch", target_kw=0.1
        )
        send(place, cancelled)
        place.forward(1)
    read.clear()
    latest = [f"e{number:02}" for number in reversed(range(25))]
    assert _walked(place, limit=10) == latest
    assert read == [(10, 10), (10, 10), (10, 5)]
    read.clear()
    assert _walked(place, limit=2, live="true") == latest[4::5]
    assert read == [(2, 2), (2, 2), (2, 1)]
    assert [one.signal.id for one in place.desk.book.all()] == latest


def test_a_dispatch_that_comes_between_two_pages_moves_neither(place: Place) -> None:
    for name in ("a", "b", "c"):
        send(place, body(place, name, kind="cancel"))
        place.forward(1)
    first = _listed(place, limit=2)
    send(place, body(place, "new", kind="cancel"))
    rest = _listed(place, limit=2, cursor=first["next_cursor"])
    assert [one["dispatch_id"] for page in (first, rest) for one in page["dispatches"]] == ["c", "b", "a"]


def test_a_cursor_of_another_list_is_refused(place: Place) -> None:
    for name in ("a", "b"):
        send(place, body(place, name, kind="cancel"))
    cursor = _listed(place, limit=1)["next_cursor"]
    longest = "x" * 501
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}?live=true&cursor={cursor}")) == (400, "cursor-invalid")
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}?cursor=a")) == (400, "cursor-invalid")
    assert kind(operator(place.lab, "GET", f"{DISPATCHES}?cursor={longest}")) == (400, "invalid-query")


def test_the_longest_cursor_is_taken(place: Place) -> None:
    """Ids as long as they may be, and moments with microseconds."""
    for letter in "ab":
        send(place, body(place, letter * 64, kind="cancel"))
    assert len(_walked(place, limit=1)) == 2


def test_the_settings_say_for_how_long(tesla: Simulator, tmp_path: Path) -> None:
    with running_place(tesla, tmp_path, environ={"DISPATCH_DAYS": "400", "DISPATCH_WORK_DAYS": "70"}) as place:
        retention = Retention(evidence_days=400, work_days=70)
        desk = bootstrap.dispatch_desk()
        assert desk.book.retention == retention
        signal = place.signal(start=place.now + timedelta(hours=1))
        desk.service.receive(signal, "utility")
        desk.service.cancel(signal.id, "utility")
        place.work_off(desk=desk)
        ended_at = place.dispatch().times.ended_at
        assert ended_at is not None
        assert _ends("dispatches") == [retention.evidence(signal.ends_at)]
        assert set(_ends("dispatch_plans")) == {retention.work(signal.ends_at)}
        assert max(_ends("audit")) < place.now + timedelta(days=400 + 32)


def test_a_record_without_an_account_is_shown_as_before(place: Place) -> None:
    place.desk.service.receive(place.signal(minutes=20), "utility")
    place.forward(60)
    place.work_off()
    place.live_through(40)
    assert place.dispatch().state.final
    rows = operator(place.lab, "GET", f"{DISPATCHES}/event/sites").body["sites"]
    assert {row["energy_site_id"] for row in rows} <= set(place.sites)
    assert datetime.fromisoformat(rows[0]["commanded_at"]) < place.now

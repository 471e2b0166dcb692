"""EventBus and EventQueue: delivery, leases, attempts and dead letters."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared.platform.embedded.events import SqliteEvents
from shared.platform.errors import NotFound
from shared.platform.ports import Delivery, Event
from tests.contract import harness, processes
from tests.contract.clock import HeldClock
from tests.contract.workers import TOPIC

_ATTEMPTS = 5
"""The fewest that Pub/Sub takes."""


@pytest.fixture
def topic(events: harness.Events) -> str:
    events.declare("work", _ATTEMPTS)
    return "work"


def _exhaust(events: harness.Events, topic: str) -> list[Delivery]:
    """Give a message back as often as it may be delivered."""
    deliveries = []
    for _ in range(_ATTEMPTS):
        deliveries += events.await_deliveries(topic)
        events.queue.nack(deliveries[-1], delay_s=0)
    return deliveries


def _dead_letter(events: harness.Events, topic: str) -> Delivery:
    """The first dead letter; Pub/Sub's emulator moves a message only while its old subscription is pulled."""
    deadline = events.clock.monotonic() + 60
    while events.clock.monotonic() < deadline:
        assert events.queue.pull(topic, limit=1, lease_s=30) == []
        if found := events.await_deliveries(f"{topic}-dead", within_s=0.2):
            return found[0]
    pytest.fail("no dead letter")


def test_a_message_arrives_as_it_was_published(events: harness.Events, topic: str) -> None:
    event = Event(topic, b"\x00\xff data", {"kind": "order", "Größe": "北京", "empty": ""})
    message_id = events.bus.publish(event)
    (delivery,) = events.await_deliveries(topic)
    assert delivery.event == event
    assert (delivery.message_id, delivery.attempt) == (message_id, 1)
    assert abs(delivery.published - events.clock.now()) < timedelta(minutes=5)


def test_data_or_attributes_may_be_absent(events: harness.Events, topic: str) -> None:
    events.bus.publish(Event(topic, b"only data"))
    events.bus.publish(Event(topic, b"", {"only": "attributes"}))
    found = {(each.event.data, *each.event.attributes) for each in events.await_deliveries(topic, 2)}
    assert found == {(b"only data",), (b"", "only")}


def test_every_message_arrives(events: harness.Events, topic: str) -> None:
    published = {events.bus.publish(Event(topic, str(number).encode())) for number in range(25)}
    assert len(published) == 25
    arrived = events.await_deliveries(topic, 25)
    assert {delivery.message_id for delivery in arrived} == published
    assert {int(delivery.event.data) for delivery in arrived} == set(range(25))


def test_a_pull_gives_no_more_than_its_limit(events: harness.Events, topic: str) -> None:
    for _ in range(3):
        events.bus.publish(Event(topic, b"x"))
    assert len(events.queue.pull(topic, limit=2, lease_s=30)) <= 2


def test_an_empty_topic_gives_nothing(events: harness.Events, topic: str) -> None:
    assert events.queue.pull(topic, limit=5, lease_s=30) == []


def test_an_unknown_topic_is_not_found(events: harness.Events) -> None:
    with pytest.raises(NotFound):
        events.bus.publish(Event("unknown", b"x"))
    with pytest.raises(NotFound):
        events.queue.pull("unknown", limit=1, lease_s=30)


def test_an_acknowledged_message_does_not_come_again(events: harness.Events, topic: str) -> None:
    events.bus.publish(Event(topic, b"x"))
    (delivery,) = events.await_deliveries(topic, lease_s=1)
    events.queue.ack(delivery)
    events.queue.ack(delivery)
    assert events.await_deliveries(topic, within_s=3) == []


def test_a_message_whose_lease_ends_comes_again(events: harness.Events, topic: str) -> None:
    events.bus.publish(Event(topic, b"x"))
    (first,) = events.await_deliveries(topic, lease_s=1)
    (second,) = events.await_deliveries(topic)
    assert (second.message_id, second.attempt) == (first.message_id, 2)
    events.queue.ack(second)
    assert events.await_deliveries(topic, within_s=3) == []


def test_a_leased_message_is_nobody_elses(events: harness.Events, topic: str) -> None:
    events.bus.publish(Event(topic, b"x"))
    assert len(events.await_deliveries(topic, lease_s=60)) == 1
    assert events.await_deliveries(topic, within_s=2) == []


def test_a_message_given_back_comes_after_its_delay(events: harness.Events, topic: str) -> None:
    events.bus.publish(Event(topic, b"x"))
    (first,) = events.await_deliveries(topic)
    given_back = events.clock.monotonic()
    events.queue.nack(first, delay_s=2)
    (second,) = events.await_deliveries(topic)
    assert events.clock.monotonic() - given_back >= 1.9
    assert (second.message_id, second.attempt) == (first.message_id, 2)


def test_a_message_moves_to_the_dead_letters_after_its_attempts(events: harness.Events, topic: str) -> None:
    event = Event(topic, b"poison", {"kind": "order"})
    events.bus.publish(event)
    deliveries = _exhaust(events, topic)
    assert [delivery.attempt for delivery in deliveries] == list(range(1, _ATTEMPTS + 1))
    dead = _dead_letter(events, topic)
    assert dead.event.topic == f"{topic}-dead"
    assert dead.event.data == b"poison"
    assert dead.event.attributes == {
        "kind": "order",
        "dead_letter_topic": topic,
        "dead_letter_attempts": str(_ATTEMPTS),
    }
    events.queue.ack(dead)
    assert events.await_deliveries(topic, within_s=1) == []


@pytest.mark.parametrize(
    "event",
    [
        Event("work", b""),
        Event("w", b"x"),
        Event("../work", b"x"),
        Event("work", b"x", {"": "nameless"}),
        Event("work", b"x", {"long": "x" * 1025}),
        Event("work", b"x", {"x" * 257: "long"}),
        Event("work", b"x", {"googclient": "reserved"}),
        Event("work", b"x", {str(number): "" for number in range(101)}),
        Event("work", bytes(9_000_001)),
    ],
    ids=["empty", "short", "path", "nameless", "long value", "long name", "reserved", "many", "big"],
)
def test_a_message_that_pubsub_does_not_take_is_refused(events: harness.Events, topic: str, event: Event) -> None:
    with pytest.raises(ValueError, match=r"not a topic|a message has data|at most|not a message attribute"):
        events.bus.publish(event)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def sqlite(tmp_path: Path, clock: HeldClock) -> SqliteEvents:
    events = SqliteEvents(tmp_path / "events.sqlite", clock)
    events.declare(TOPIC, attempts=2)
    return events


def test_a_lost_lease_gives_no_right_to_the_next_delivery(sqlite: SqliteEvents, clock: HeldClock) -> None:
    sqlite.publish(Event(TOPIC, b"x"))
    (stale,) = sqlite.pull(TOPIC, limit=1, lease_s=1)
    clock.sleep(1)
    (current,) = sqlite.pull(TOPIC, limit=1, lease_s=10)
    sqlite.ack(stale)
    sqlite.nack(stale, delay_s=0)
    clock.sleep(5)
    assert sqlite.pull(TOPIC, limit=1, lease_s=1) == []
    sqlite.nack(current, delay_s=0)
    (dead,) = sqlite.pull(f"{TOPIC}-dead", limit=1, lease_s=1)
    assert dead.event.attributes["dead_letter_attempts"] == "2"


@pytest.mark.parametrize("puller", [TOPIC, f"{TOPIC}-dead"])
def test_a_message_whose_last_lease_ends_is_a_dead_letter(
    sqlite: SqliteEvents, clock: HeldClock, puller: str
) -> None:
    sqlite.publish(Event(TOPIC, b"x"))
    for _ in range(2):
        assert len(sqlite.pull(TOPIC, limit=1, lease_s=1)) == 1
        clock.sleep(1)
    sqlite.pull(puller, limit=1, lease_s=0)
    assert sqlite.pull(TOPIC, limit=1, lease_s=1) == []
    assert len(sqlite.pull(f"{TOPIC}-dead", limit=5, lease_s=1)) == 1


def test_without_dead_letters_a_message_comes_for_ever(sqlite: SqliteEvents, clock: HeldClock) -> None:
    sqlite.declare("stubborn", attempts=2, dead_letter=False)
    sqlite.publish(Event("stubborn", b"x"))
    for attempt in range(1, 8):
        (delivery,) = sqlite.pull("stubborn", limit=1, lease_s=1)
        assert delivery.attempt == attempt
        clock.sleep(1)
    with pytest.raises(NotFound):
        sqlite.pull("stubborn-dead", limit=1, lease_s=1)


def test_a_topic_can_be_declared_anew(sqlite: SqliteEvents) -> None:
    sqlite.declare(TOPIC, attempts=1)
    sqlite.publish(Event(TOPIC, b"x"))
    (delivery,) = sqlite.pull(TOPIC, limit=1, lease_s=1)
    sqlite.nack(delivery, delay_s=0)
    assert len(sqlite.pull(f"{TOPIC}-dead", limit=1, lease_s=1)) == 1
    with pytest.raises(ValueError, match="at least 1"):
        sqlite.declare(TOPIC, attempts=0)


def test_a_message_survives_a_consumer_that_is_killed(tmp_path: Path) -> None:
    clock = HeldClock()
    path = tmp_path / "events.sqlite"
    sqlite = SqliteEvents(path, clock)
    sqlite.declare(TOPIC, attempts=5)
    # The worker's clock is the real one, years before the held one: its whole lease is over in our eyes.
    early = SqliteEvents(path, HeldClock(clock.now() - timedelta(days=36_500)))
    message_id = early.publish(Event(TOPIC, b"precious", {"a": "b"}))
    with processes.killed_after("pull", path, 1, "60") as said:
        assert said == [message_id]
    (delivery,) = sqlite.pull(TOPIC, limit=1, lease_s=1)
    assert (delivery.message_id, delivery.attempt) == (message_id, 2)
    assert delivery.event == Event(TOPIC, b"precious", {"a": "b"})


def test_every_message_told_published_survives_a_publisher_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    sqlite = SqliteEvents(path, HeldClock())
    sqlite.declare(TOPIC, attempts=5)
    with processes.killed_after("publish", path, 200) as said:
        published = set(said)
    found = {delivery.message_id for delivery in sqlite.pull(TOPIC, limit=100_000, lease_s=1)}
    assert published <= found
    assert len(found - published) <= 1

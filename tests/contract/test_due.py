"""The due list: what is planned is published when it is due, again until it is done, and never lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.platform.due import DueList
from shared.platform.errors import NotFound, Unavailable
from shared.platform.ports import DocumentStore, Event
from tests.contract.clock import HeldClock


class Bus:
    """Keeps what was published; may be out of order."""

    def __init__(self) -> None:
        self.published: list[Event] = []
        self.broken = False

    def publish(self, event: Event) -> str:
        """Keep the event."""
        if self.broken:
            raise Unavailable("out of order")
        if event.topic == "nowhere":
            raise NotFound("no such topic")
        self.published.append(event)
        return str(len(self.published))


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def due(documents: DocumentStore, bus: Bus, clock: HeldClock) -> DueList:
    return DueList(documents, bus, clock, again_s=600, grace_s=60)


def _event(text: str = "m") -> Event:
    return Event("topic-a", text.encode(), {"order": "o"})


def test_what_is_due_is_published_with_its_attributes(due: DueList, bus: Bus, clock: HeldClock) -> None:
    due.plan("k", clock.now() + timedelta(seconds=10), _event())
    assert due.publish_due() == 0
    clock.sleep(11)
    assert due.publish_due() == 1
    assert bus.published == [_event()]


def test_unfinished_work_is_published_again_and_done_work_is_not(due: DueList, bus: Bus, clock: HeldClock) -> None:
    due.plan("k", clock.now(), _event())
    due.publish_due()
    clock.sleep(599)
    assert due.publish_due() == 0
    clock.sleep(2)
    assert due.publish_due() == 1
    due.done("k")
    clock.sleep(10_000)
    assert due.publish_due() == 0
    assert len(bus.published) == 2


def test_sending_publishes_at_once_and_again_if_that_was_lost(due: DueList, bus: Bus, clock: HeldClock) -> None:
    due.send("k", _event())
    assert len(bus.published) == 1
    clock.sleep(61)
    assert due.publish_due() == 1


def test_a_bus_that_is_out_of_order_loses_nothing(due: DueList, bus: Bus, clock: HeldClock) -> None:
    bus.broken = True
    with pytest.raises(Unavailable):
        due.send("k", _event())
    clock.sleep(61)
    with pytest.raises(Unavailable):
        due.publish_due()
    bus.broken = False
    assert due.publish_due() == 1


def test_a_key_planned_anew_replaces_what_it_held(due: DueList, bus: Bus, clock: HeldClock) -> None:
    due.plan("k", clock.now(), _event("old"))
    due.plan("k", clock.now(), _event("new"))
    due.publish_due()
    assert [event.data for event in bus.published] == [b"new"]


def test_many_items_go_out_oldest_first_and_all(due: DueList, bus: Bus, clock: HeldClock) -> None:
    for number in range(25):
        due.plan(f"k{number}", clock.now() + timedelta(seconds=25 - number), _event(str(number)))
    clock.sleep(60)
    assert due.publish_due(limit=10) == 10
    assert due.publish_due(limit=100) == 15
    assert [int(event.data) for event in bus.published] == sorted(range(25), reverse=True)


def test_a_subject_is_forgotten(due: DueList, clock: HeldClock) -> None:
    due.plan("a", clock.now(), _event(), subject="order")
    due.plan("b", clock.now(), _event(), subject="another")
    due.forget("order")
    assert due.publish_due() == 1


def test_an_item_for_an_unknown_topic_holds_up_no_other(due: DueList, bus: Bus, clock: HeldClock) -> None:
    due.plan("a", clock.now(), Event("nowhere", b""))
    due.plan("b", clock.now() + timedelta(seconds=1), _event())
    clock.sleep(2)
    due.publish_due()
    assert bus.published == [_event()]

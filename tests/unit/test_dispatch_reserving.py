"""What other events will still write at a site: by day and month, by who comes first, and by who is stronger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.energy.dispatch.model import State, Stop, Strategy
from shared.energy.dispatch.records import Snapshot, Stage, Touch, TouchState, Wanted
from shared.energy.dispatch.reserving import (
    Claim,
    Reserved,
    Span,
    Writes,
    claim_of,
    left_besides,
    most_writes,
    planned_claim,
    reserved,
)
from shared.energy.dispatch.standing import Standing
from shared.tesla.catalogue.energy import EnergyAction
from shared.tesla.setting_writes import Left
from tests.unit.dispatch_samples import END, START, dispatch, record

HOUR = timedelta(hours=1)
NOON = datetime(2030, 7, 15, 12, tzinfo=UTC)
EXPORT, RELIEF = most_writes(Strategy.EXPORT), most_writes(Strategy.LOAD_RELIEF)
MOST = Left(7, 3)
ASKED = Span(NOON, NOON + HOUR)


def other(start_h: float, writes: Writes = EXPORT, *, hours: float = 1.0) -> Reserved:
    """An event so many hours after noon."""
    start = NOON + start_h * HOUR
    return Reserved(Span(start, start + hours * HOUR), writes, writes)


def left(*others: Reserved, strategy: Strategy = Strategy.EXPORT) -> tuple[int, int]:
    writes, tariffs = left_besides(MOST, ASKED, strategy, others)
    assert writes is not None
    assert tariffs is not None
    return writes, tariffs


def test_an_event_writes_its_sites_forth_and_back() -> None:
    assert Writes(settings=3, tariffs=1) == EXPORT
    assert Writes(settings=1, tariffs=0) == RELIEF
    assert left() == (7, 3)
    assert left(other(-3)) == (1, 1)
    assert left(other(-3, RELIEF)) == (5, 3)
    assert left(other(-3), other(-6)) == (0, 0)


def test_a_later_event_keeps_what_it_needs_after_the_asked_one_has_put_everything_back() -> None:
    assert left(other(3)) == (7 - 3 - 3, 3 - 1 - 1)
    assert left(other(3, RELIEF)) == (7 - 3 - 1, 3 - 1)
    assert left(other(3), strategy=Strategy.LOAD_RELIEF) == (7 - 1 - 3, 3 - 1)
    assert left(other(3, RELIEF), other(5, RELIEF)) == (7 - 3 - 2 - 1, 2)


def test_only_what_is_written_on_the_same_day_counts_and_only_tariffs_in_the_same_month() -> None:
    assert left(other(-24), other(24)) == (7, 0)
    assert left(other(-13, hours=2)) == (4, 1)  # it is put back after midnight
    assert left(other(11.5, hours=1)) == (7 - 3 - 3, 3 - 1 - 1)
    assert left(other(-24 * 15), other(24 * 20)) == (7, 3)


def test_without_limits_nothing_is_counted() -> None:
    assert left_besides(Left(None, None), ASKED, Strategy.EXPORT, [other(-3)]) == Left(None, None)
    assert left_besides(Left(5, None), ASKED, Strategy.EXPORT, [other(-3, RELIEF)]) == Left(3, None)


EVENTS = st.lists(
    st.tuples(st.integers(0, 22), st.sampled_from([EXPORT, RELIEF])), max_size=6, unique_by=lambda event: event[0]
)


@given(EVENTS, st.integers(0, 12))
def test_events_that_were_let_in_one_after_the_other_all_find_the_writes_that_they_need(
    events: list[tuple[int, Writes]], most: int
) -> None:
    """Each one asks in turn; whoever is let in can set what it has to, whenever the others came to be known."""
    midnight = NOON - 12 * HOUR
    admitted: list[Reserved] = []
    for hour, writes in events:
        span = Span(midnight + hour * HOUR, midnight + (hour + 0.9) * HOUR)
        strategy = Strategy.EXPORT if writes == EXPORT else Strategy.LOAD_RELIEF
        may, _ = left_besides(Left(most, None), span, strategy, admitted)
        assert may is not None
        if may >= writes.settings:
            admitted.append(Reserved(span, writes, writes))
    used = 0
    for one in sorted(admitted):
        assert used + one.forth.settings <= most
        used += one.forth.settings + one.back.settings


FOUND = Snapshot(START, mode="backup", export_rule="never", tariff="own")
TARIFF = Touch(EnergyAction.TARIFF, "own", "event-1")
MODE = Touch(EnergyAction.OPERATION, "backup", "autonomous")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Claim(has=True, forth=EXPORT, back=EXPORT)),
        ({"wanted": Wanted.RELEASE}, Claim(has=True)),
        ({"stage": Stage.BENCH, "wanted": Wanted.BENCH}, Claim(has=False)),
        ({"stage": Stage.DONE, "snapshot": FOUND}, Claim(has=False)),
        ({"stage": Stage.ACTIVE, "snapshot": FOUND}, Claim(has=True, begun=True)),
        (
            {
                "stage": Stage.COMMANDING,
                "snapshot": FOUND,
                "touches": (replace(TARIFF, state=TouchState.ACCEPTED, sent_at=START), MODE),
            },
            Claim(has=True, begun=True, forth=Writes(1, 0), back=Writes(2, 1)),
        ),
        (
            {
                "stage": Stage.RESTORING,
                "snapshot": FOUND,
                "touches": (replace(TARIFF, state=TouchState.BACK), replace(MODE, state=TouchState.UNDONE)),
            },
            Claim(has=True, begun=True, back=Writes(1, 1)),
        ),
    ],
)
def test_what_is_still_to_be_written_follows_from_what_was_done(changes: dict[str, Any], expected: Claim) -> None:
    assert claim_of(record(**changes), Strategy.EXPORT) == expected


def test_a_benched_site_is_free() -> None:
    assert planned_claim(Strategy.EXPORT, Wanted.BENCH) == Claim(has=False)


def test_only_stronger_events_and_what_is_at_the_site_already_come_first() -> None:
    known = dispatch("known", priority=1, received_at=START)
    stronger, weaker = Standing(0, START, "asked"), Standing(2, START, "asked")
    planned, begun = Claim(has=True, forth=EXPORT, back=EXPORT), Claim(has=True, begun=True, back=EXPORT)
    assert reserved(known, planned, weaker, START) == Reserved(Span(START, END), EXPORT, EXPORT)
    assert reserved(known, planned, stronger, START) is None
    assert reserved(known, begun, stronger, START) == Reserved(Span(START, END), Writes(), EXPORT)
    assert reserved(known, Claim(has=False), weaker, START) is None
    stopped = replace(known, state=State.RESTORING, stop=Stop(at=START, actor="operator"))
    assert reserved(stopped, begun, weaker, START + HOUR / 6) == Reserved(
        Span(START, START + HOUR / 6), Writes(), EXPORT
    )

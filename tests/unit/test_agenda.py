"""What an engine sends next and when."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from shared.tesla.agenda import Agenda
from shared.tesla.many import Ask

MOMENTS = st.floats(0, 100)


def _ask(key: object, not_before_s: float = 0.0) -> Ask:
    return Ask(str(key), "GET", "https://example.org", "", not_before_s=not_before_s)


@given(st.lists(MOMENTS), st.lists(MOMENTS), st.lists(MOMENTS))
def test_everything_is_given_once_and_never_early(
    source: list[float], added: list[float], looks: list[float]
) -> None:
    agenda = Agenda(_ask(f"s{n}", moment) for n, moment in enumerate(source))
    for number, moment in enumerate(added):
        agenda.add(_ask(f"a{number}", moment))
    given_s: list[str] = []
    for now_s in sorted(looks):
        while (ask := agenda.take(now_s)) is not None:
            assert ask.not_before_s <= now_s
            given_s.append(ask.key)
        next_s = agenda.next_s()
        assert next_s is None or next_s > now_s
    given_s += [ask.key for ask in agenda.rest()]
    assert sorted(given_s) == sorted([f"s{n}" for n in range(len(source))] + [f"a{n}" for n in range(len(added))])
    assert agenda.next_s() is None
    assert list(agenda.rest()) == []


def test_the_source_is_read_no_further_than_needed() -> None:
    read: list[int] = []

    def watched() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            yield number

    agenda = Agenda(map(_ask, watched()))
    agenda.take(0.0)
    assert read == [0]


def test_what_is_due_goes_before_the_source() -> None:
    agenda = Agenda([_ask("source")])
    agenda.add(_ask("retry", 5.0))
    agenda.add(_ask("read-back"))
    assert [ask.key for _ in range(2) if (ask := agenda.take(0.0))] == ["read-back", "source"]
    assert agenda.take(4.9) is None
    assert agenda.next_s() == 5.0
    assert agenda.take(5.0) == _ask("retry", 5.0)


@given(st.floats(0.5, 500), st.lists(st.floats(0, 0.5), min_size=1, max_size=40))
def test_no_second_sees_more_starts_than_the_pace(per_second: float, pauses_s: list[float]) -> None:
    agenda, now_s, starts = Agenda((_ask(n) for n in range(100_000)), per_second=per_second), 1000.0, list[float]()
    for pause_s in pauses_s:
        now_s += pause_s
        while agenda.take(now_s) is not None:
            starts.append(now_s)
    for start_s in starts:
        within = [moment for moment in starts if start_s <= moment < start_s + 1]
        assert len(within) <= per_second * 1.05 + 2


def test_a_steady_caller_gets_the_whole_pace() -> None:
    agenda = Agenda((_ask(n) for n in range(1000)), per_second=30.0)
    starts = sum(agenda.take(500 + tick / 100) is not None for tick in range(1001))
    assert 299 <= starts <= 303


def test_an_agenda_of_nothing() -> None:
    agenda = Agenda([], per_second=5.0)
    assert agenda.take(0.0) is None
    assert agenda.next_s() is None

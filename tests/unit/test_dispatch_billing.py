"""What a run's answers say of Tesla's billing limit."""

from __future__ import annotations

import pytest

from shared.energy.dispatch.billing import Billing, first_of
from shared.tesla.errors import LimitExceeded, NoAnswer
from shared.tesla.many import Ask, Told
from shared.tesla.regions import Regions

REGIONS = Regions({"eu": "https://eu.example", "na": "https://na.example", "cn": "https://cn.example"})
OVER = b'{"error":"account disabled: EXCEEDED_LIMIT"}'


def heard(*answers: Told) -> Billing:
    billing = Billing()
    for answer in answers:
        billing.hear(answer, REGIONS)
    return billing


@pytest.mark.parametrize("answer", [Told(402), Told(403, OVER)])
def test_the_limit_is_met_whatever_else_was_answered(answer: Told) -> None:
    billing = heard(Told(200, b"{}"), answer, Told(200, b"{}"))
    assert billing.held_back
    with pytest.raises(LimitExceeded):
        billing.check()


@pytest.mark.parametrize(
    "answer", [Told(200, b"{}"), Told(403, b"forbidden"), Told(404), Told(405), Told(408), Told(421)]
)
def test_an_answer_shows_that_the_limit_is_not_met(answer: Told) -> None:
    billing = heard(Told(500), answer)
    billing.check()
    assert not billing.held_back


@pytest.mark.parametrize(
    "answers",
    [
        (),
        (Told(401), Told(429), Told(500), Told(540)),
        (Told(0, failure="timed_out"), Told(200, failure="unreadable")),
    ],
)
def test_others_tell_nothing(answers: tuple[Told, ...]) -> None:
    billing = heard(*answers)
    assert not billing.held_back
    with pytest.raises(NoAnswer):
        billing.check()


def test_only_who_asks_something_finds_out() -> None:
    asks = [Ask(str(number), "GET", "https://eu.example", "") for number in range(3)]
    rest = first_of(iter(asks))
    assert rest is not None
    assert list(rest) == asks
    assert first_of(iter([])) is None

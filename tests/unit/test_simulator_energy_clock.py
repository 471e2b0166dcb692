"""The simulator's clock at other rates, and a ledger that stays bounded."""

from __future__ import annotations

import pytest

from tests.simulator.clock import Clock
from tests.simulator.ledger import Call, Ledger


def call(index: int) -> Call:
    return Call(
        index, 0.0, "eu", "GET", "/", "live_status", {}, None, None, None, 200, billed=True, price_usd=0, fault=None
    )


def test_a_clock_that_stands_still_moves_only_when_told() -> None:
    clock = Clock(0, 1_000.0)
    assert [clock.now(), clock.now(), clock.advance(60), clock.now()] == [1_000.0, 1_000.0, 1_060.0, 1_060.0]


def test_a_change_of_rate_does_not_jump() -> None:
    clock = Clock(0, 1_000.0)
    clock.advance(500)
    clock.rate = 1e-9
    assert clock.now() == pytest.approx(1_500.0, abs=1e-3)
    clock.rate = 1e9
    while clock.now() < 1_000_000:
        assert clock.now() >= 1_500
    assert clock.rate == 1e9
    clock.rate = 0
    assert clock.now() == clock.now() >= 1_000_000


@pytest.mark.parametrize("rate", [-1.0, float("inf"), float("nan")])
def test_rates_that_make_no_sense_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        Clock(rate)


def test_the_oldest_calls_are_forgotten_and_numbers_go_on() -> None:
    ledger = Ledger(10)
    for index in range(25):
        assert len(ledger) == index
        ledger.add(call(index))
    kept = [one.index for one in ledger.calls()]
    assert kept == list(range(15, 25))
    ledger.clear()
    assert len(ledger) == 0

"""How a simulated battery reads a tariff."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from tests.simulator.energy_profile import first_tariff
from tests.simulator.energy_tariff import FLAT, Phase, tariff
from tests.simulator.energy_zone import LocalTime, local_time, offset_h

MONDAY = (date(2026, 6, 22) - date(1970, 1, 1)).days
WINTER_MONDAY = (date(2026, 1, 12) - date(1970, 1, 1)).days


def period(days: tuple[int, int], start: str, end: str) -> dict[str, int]:
    """A period, written as Tesla reads it back: keys that are zero left out."""
    (h0, m0), (h1, m1) = ((int(part) for part in text.split(":")) for text in (start, end))
    names = ("fromDayOfWeek", "toDayOfWeek", "fromHour", "fromMinute", "toHour", "toMinute")
    return {name: value for name, value in zip(names, (*days, h0, m0, h1, m1), strict=True) if value}


def schedule(**changes: Any) -> dict[str, Any]:
    """Working days have a peak from 16:30 to 21:00 in summer; the winter is of one price."""
    summer = {
        "ON_PEAK": {"periods": [period((0, 4), "16:30", "21:00")]},
        "PARTIAL_PEAK": {"periods": [period((0, 4), "21:00", "0:00")]},
        "OFF_PEAK": {"periods": [period((0, 4), "0:00", "16:30"), period((5, 6), "0:00", "24:00")]},
    }
    winter = {"OFF_PEAK": {"periods": [period((0, 6), "0:00", "0:00")]}}
    rates = {"ON_PEAK": 0.6, "PARTIAL_PEAK": 0.4, "OFF_PEAK": 0.2}
    return {
        "energy_charges": {"Summer": {"rates": rates}, "Winter": {"rates": {"OFF_PEAK": 0.2}}},
        "seasons": {
            "Summer": {"fromMonth": 6, "fromDay": 1, "toMonth": 9, "toDay": 30, "tou_periods": summer},
            "Winter": {"fromMonth": 10, "fromDay": 1, "toMonth": 5, "toDay": 31, "tou_periods": winter},
        },
        "sell_tariff": {"energy_charges": {"Summer": {"rates": {"ON_PEAK": 0.5}}}},
    } | changes


def phase(content: dict[str, Any], day: int, minute: int) -> Phase:
    return tariff(content).at(LocalTime(day, minute)).phase


@pytest.mark.parametrize(
    ("day", "minute", "expected"),
    [
        (MONDAY, 16 * 60 + 29, Phase.CHEAP),
        (MONDAY, 16 * 60 + 30, Phase.PEAK),
        (MONDAY + 4, 20 * 60 + 59, Phase.PEAK),
        (MONDAY + 4, 21 * 60, Phase.HOLD),
        (MONDAY + 5, 18 * 60, Phase.CHEAP),
        (MONDAY + 6, 18 * 60, Phase.CHEAP),
        (WINTER_MONDAY, 18 * 60, Phase.FLAT),
    ],
)
def test_monday_is_day_zero_and_seasons_change(day: int, minute: int, expected: Phase) -> None:
    assert phase(schedule(), day, minute) is expected


def test_prices_of_buying_and_selling() -> None:
    window = tariff(schedule()).at(LocalTime(MONDAY, 17 * 60))
    assert (window.buy, window.sell, window.pays_export) == (0.6, 0.5, True)
    night = tariff(schedule()).at(LocalTime(MONDAY, 60))
    assert (night.buy, night.sell, night.pays_export) == (0.2, 0.0, False)


def test_a_sell_price_above_the_buy_price_is_disregarded() -> None:
    content = schedule(sell_tariff={"energy_charges": {"ALL": {"rates": {"ALL": 0.9}}}})
    window = tariff(content).at(LocalTime(MONDAY, 17 * 60))
    assert (window.sell, window.pays_export) == (0.9, False)


def test_a_sloping_peak_is_a_peak_throughout() -> None:
    content = deepcopy(schedule())
    content["energy_charges"]["Summer"]["rates"]["PARTIAL_PEAK"] = 0.55
    assert phase(content, MONDAY, 22 * 60) is Phase.PEAK


def test_a_period_over_midnight_belongs_to_both_ends_of_its_days() -> None:
    content = deepcopy(schedule())
    content["seasons"]["Summer"]["tou_periods"] = {
        "ON_PEAK": {"periods": [period((0, 6), "22:00", "2:00")]},
        "OFF_PEAK": {"periods": [period((0, 6), "2:00", "22:00")]},
    }
    assert [phase(content, MONDAY, hour * 60) for hour in (1, 3, 23)] == [Phase.PEAK, Phase.CHEAP, Phase.PEAK]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"seasons": {}},
        {"seasons": []},
        {"seasons": {"Summer": {"fromMonth": "June"}}},
        {"seasons": {"Summer": {"fromMonth": 1, "toMonth": 12, "tou_periods": {}}}},
        {"seasons": {"Summer": {"fromMonth": 1, "toMonth": 12, "tou_periods": {"X": {"periods": [7]}}}}},
    ],
)
def test_what_is_no_schedule_steers_nothing_and_is_kept(content: dict[str, Any]) -> None:
    kept = tariff(content)
    assert kept.content == content
    assert kept.at(LocalTime(MONDAY, 1_000)) == FLAT


def test_equal_schedules_are_one_object_whatever_the_order_of_their_keys() -> None:
    turned = dict(reversed(schedule().items()))
    assert tariff(turned) is tariff(schedule())
    assert tariff(schedule(version=2)).digest != tariff(schedule()).digest


@pytest.mark.parametrize("region", ["eu", "na", "cn"])
def test_every_region_comes_with_a_tariff_that_has_a_peak(region: str) -> None:
    first = first_tariff(region)
    assert first.at(LocalTime(MONDAY, 18 * 60)).phase is Phase.PEAK
    assert first.at(LocalTime(WINTER_MONDAY, 8 * 60)).phase is Phase.CHEAP


def test_local_time_follows_summer_time() -> None:
    summer_s, winter_s = MONDAY * 86_400 + 43_200, WINTER_MONDAY * 86_400 + 43_200
    assert local_time("America/New_York", summer_s) == (MONDAY, 8 * 60)
    assert local_time("America/New_York", winter_s) == (WINTER_MONDAY, 7 * 60)
    assert local_time("Asia/Kolkata", winter_s) == (WINTER_MONDAY, 17 * 60 + 30)
    assert offset_h("Asia/Kolkata", winter_s) == 5.5
    assert LocalTime(MONDAY, 0).weekday == 0

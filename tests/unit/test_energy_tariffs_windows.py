"""What a tariff says of moments, days and weeks; tariffs of events; equality with what Tesla gives back."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.tariffs.build import Tariff
from shared.energy.tariffs.checks import problems
from shared.energy.tariffs.event import LONGEST_EVENT, event_tariff
from shared.energy.tariffs.examples import EXAMPLES, flat, two_period, two_seasons
from shared.energy.tariffs.same import canonical, same
from shared.energy.tariffs.windows import Price, Window, peak_windows, price_at, windows_of_week
from tests.simulator.energy_tariff import tariff as simulated
from tests.simulator.energy_zone import LocalTime

LA = ZoneInfo("America/Los_Angeles")
ZONES = [LA, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Adelaide"), ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")]
FIXTURE = (
    Path(__file__).resolve().parents[3] / "shared/fixtures/Teslemetry-python-tesla-fleet-api/tariff_v2_sample.json"
)
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)
"""Sundays on which the clocks of `LA` go forward from 2:00, and back from 2:00 to 1:00."""


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        ("2026-07-01T15:59", Price("PARTIAL_PEAK", 0.5, 0.45)),
        ("2026-07-01T16:00", Price("ON_PEAK", 0.6, 0.55)),
        ("2026-07-01T20:59", Price("ON_PEAK", 0.6, 0.55)),
        ("2026-07-01T21:00", Price("PARTIAL_PEAK", 0.5, 0.45)),
        ("2026-07-01T00:00", Price("OFF_PEAK", 0.3, 0.25)),
        ("2026-05-31T17:00", Price("ON_PEAK", 0.48, 0.43)),
        ("2026-06-01T17:00", Price("ON_PEAK", 0.6, 0.55)),
        ("2026-09-30T17:00", Price("ON_PEAK", 0.6, 0.55)),
        ("2026-10-01T17:00", Price("ON_PEAK", 0.48, 0.43)),
        ("2026-01-01T17:00", Price("ON_PEAK", 0.48, 0.43)),
        ("2028-02-29T17:00", Price("ON_PEAK", 0.48, 0.43)),
    ],
)
def test_the_price_of_a_moment(moment: str, price: Price) -> None:
    local = datetime.fromisoformat(moment)
    assert price_at(two_seasons(), local) == price
    assert price_at(two_seasons(), local.replace(tzinfo=LA)) == price


def test_monday_is_day_zero() -> None:
    """The 6th of July 2026 is a Monday."""
    prices = [price_at(two_period(), datetime(2026, 7, day, 17, 0)) for day in range(6, 13)]  # noqa: DTZ001 - wall clock
    assert [price.label if price else "" for price in prices] == ["ON_PEAK"] * 5 + ["OFF_PEAK"] * 2


def test_a_tariff_that_does_not_say_gives_no_price() -> None:
    assert price_at({}, datetime(2026, 7, 1, 17, 0, tzinfo=LA)) is None
    bare: Tariff = {
        "seasons": {"Summer": {"fromMonth": 6, "fromDay": 1, "toMonth": 6, "toDay": 30, "tou_periods": {}}}
    }
    assert price_at(bare, datetime(2026, 6, 1, 17, 0, tzinfo=LA)) is None


def test_a_period_over_midnight_covers_evening_and_morning_of_its_days() -> None:
    tariff = two_period()
    groups = tariff["seasons"]["Summer"]["tou_periods"]
    groups["OFF_PEAK"]["periods"] = [
        {"fromDayOfWeek": 0, "toDayOfWeek": 4, "fromHour": 21, "toHour": 16},
        {"fromDayOfWeek": 5, "toDayOfWeek": 6, "toHour": 24},
    ]
    assert windows_of_week(tariff, date(2026, 7, 1)) == windows_of_week(two_period(), date(2026, 7, 1))


def test_a_week_is_given_piece_by_piece() -> None:
    week = windows_of_week(two_period(), date(2026, 7, 1))
    assert len(week) == 5 * 3 + 2
    assert [(piece.start_min, piece.end_min, piece.price.label) for piece in week[:3]] == [
        (0, 960, "OFF_PEAK"),
        (960, 1260, "ON_PEAK"),
        (1260, 1440, "OFF_PEAK"),
    ]
    assert (week[-1].weekday, week[-1].start_min, week[-1].end_min) == (6, 0, 1440)


def test_discharge_is_expected_at_the_days_highest_price() -> None:
    assert peak_windows(two_seasons(), date(2026, 7, 1), LA) == (
        Window(
            datetime(2026, 7, 1, 16, tzinfo=LA),
            datetime(2026, 7, 1, 21, tzinfo=LA),
            label="ON_PEAK",
            buy=0.6,
            sell=0.55,
        ),
    )


def test_a_day_with_one_price_has_no_peak() -> None:
    assert peak_windows(flat(), date(2026, 7, 1), LA) == ()
    assert peak_windows(two_period(), date(2026, 7, 4), LA) == ()  # a Saturday
    assert len(peak_windows(two_period(), date(2026, 7, 3), LA)) == 1


def peak(start: int, end: int) -> Tariff:
    """A tariff with a peak on every day between two minutes of the day."""
    tariff = two_period()
    edges = {"fromHour": start // 60, "fromMinute": start % 60, "toHour": end // 60, "toMinute": end % 60}
    rest = [{"toDayOfWeek": 6, "toHour": start // 60, "toMinute": start % 60}] if start else []
    if end < 1440:
        rest.append({"toDayOfWeek": 6, "fromHour": end // 60, "fromMinute": end % 60, "toHour": 24})
    tariff["seasons"]["Summer"]["tou_periods"] = {
        "ON_PEAK": {"periods": [{"toDayOfWeek": 6, **edges}]},
        "OFF_PEAK": {"periods": rest},
    }
    return tariff


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        (SPRING, 60, 240, 2.0),
        (SPRING, 150, 240, 1.0),  # half past two is skipped
        (SPRING, 60, 150, 1.0),
        (SPRING, 125, 175, None),  # wholly inside the skipped hour
        (SPRING, 960, 1440, 8.0),
        (AUTUMN, 60, 120, 2.0),  # this hour comes twice
        (AUTUMN, 0, 60, 1.0),
        (AUTUMN, 0, 90, 2.5),  # up to the second half past one
        (AUTUMN, 120, 180, 1.0),
        (AUTUMN, 960, 1260, 5.0),
    ],
)
def test_windows_are_as_long_as_they_are_when_the_clocks_change(
    day: date, start: int, end: int, hours: float | None
) -> None:
    found = peak_windows(peak(start, end), day, LA)
    lengths = [(window.end.astimezone(UTC) - window.start.astimezone(UTC)) / timedelta(hours=1) for window in found]
    assert lengths == ([] if hours is None else [hours])


def test_neighbours_with_the_same_buying_price_are_one_window() -> None:
    if not FIXTURE.is_file():
        pytest.skip("no recorded payloads on this machine")
    tariff = json.loads(FIXTURE.read_text())["response"]["tariff_content_v2"]
    found = peak_windows(tariff, date(2026, 7, 1), LA)
    assert [(window.start.hour, window.end.hour, window.buy) for window in found] == [(16, 21, 0.42)]


@given(st.sampled_from(sorted(EXAMPLES)), st.integers(0, 365), st.integers(0, 1439))
def test_the_simulated_battery_reads_the_same_prices(name: str, days: int, minute: int) -> None:
    tariff = EXAMPLES[name]()
    day = date(2026, 1, 1) + timedelta(days=days)
    price = price_at(tariff, datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute))
    window = simulated(tariff).at(LocalTime((day - date(1970, 1, 1)).days, minute))
    assert price is not None
    assert (price.buy, price.sell) == (window.buy, window.sell)


def event(start: datetime, hours: float, zone: ZoneInfo = LA, base: Tariff | None = None) -> Tariff:
    return event_tariff(base, start, start + timedelta(hours=hours), zone)


def test_an_event_is_a_peak_in_which_selling_pays_what_buying_costs() -> None:
    tariff = event(datetime(2026, 7, 1, 17, 30, tzinfo=LA), 2, base=flat())
    assert problems(tariff) == []
    assert tariff["currency"] == "EUR"
    assert tariff["utility"] == "Example utility"
    found = peak_windows(tariff, date(2026, 7, 1), LA)
    expected = datetime(2026, 7, 1, 17, 30, tzinfo=LA), datetime(2026, 7, 1, 19, 30, tzinfo=LA)
    assert [(window.start, window.end) for window in found] == [expected]
    assert found[0].buy == found[0].sell == 1.0
    assert price_at(tariff, datetime(2026, 7, 1, 17, 29, tzinfo=LA)) == Price("OFF_PEAK", 0.1, 0.0)
    assert peak_windows(tariff, date(2026, 7, 2), LA) == ()


def test_an_event_over_midnight_is_on_both_days() -> None:
    """From Sunday to Monday, over the week's end."""
    tariff = event(datetime(2026, 7, 5, 23, tzinfo=LA), 2)
    assert problems(tariff) == []
    week = [piece for piece in windows_of_week(tariff, date(2026, 7, 5)) if piece.price.label == "ON_PEAK"]
    assert [(piece.weekday, piece.start_min, piece.end_min) for piece in week] == [(0, 0, 60), (6, 1380, 1440)]


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made aware below
    st.integers(1, 48 * 60),
)
def test_every_minute_of_an_event_is_peak_and_none_around_it(zone: ZoneInfo, begin: datetime, minutes: int) -> None:
    start = begin.replace(tzinfo=UTC, second=0, microsecond=0)
    end = start + timedelta(minutes=minutes)
    tariff = event_tariff(None, start, end, zone)
    assert problems(tariff) == []
    shown = {(start + timedelta(minutes=passed)).astimezone(zone) for passed in range(0, minutes, 17)}
    labels = {price.label for local in shown if (price := price_at(tariff, local))}
    assert labels == {"ON_PEAK"}
    hours = {(moment.weekday(), moment.hour, moment.minute) for moment in _minutes(start, end, zone)}
    for moment in (start - timedelta(minutes=1), end, end + timedelta(hours=3)):
        local = moment.astimezone(zone)
        price = price_at(tariff, local)
        assert price is not None
        assert (price.label == "ON_PEAK") == ((local.weekday(), local.hour, local.minute) in hours)


def _minutes(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    count = int((end - start) / timedelta(minutes=1))
    return [(start + timedelta(minutes=passed)).astimezone(zone) for passed in range(count)]


def test_seconds_are_rounded_outwards() -> None:
    start = datetime(2026, 7, 1, 17, 30, 40, tzinfo=LA)
    found = peak_windows(event_tariff(None, start, start + timedelta(seconds=30), LA), start.date(), LA)
    assert [(window.start.minute, window.end.minute) for window in found] == [(30, 32)]


@pytest.mark.parametrize(
    ("start", "length", "prices"),
    [
        (datetime(2026, 7, 1, 17), timedelta(hours=1), {}),  # noqa: DTZ001 - what is refused
        (datetime(2026, 7, 1, 17, tzinfo=LA), timedelta(0), {}),
        (datetime(2026, 7, 1, 17, tzinfo=LA), -timedelta(hours=1), {}),
        (datetime(2026, 7, 1, 17, tzinfo=LA), LONGEST_EVENT + timedelta(seconds=1), {}),
        (datetime(2026, 7, 1, 17, tzinfo=LA), timedelta(hours=1), {"peak_price": 0.1}),
        (datetime(2026, 7, 1, 17, tzinfo=LA), timedelta(hours=1), {"rest_price": -0.1}),
    ],
)
def test_an_event_that_cannot_be_is_refused(start: datetime, length: timedelta, prices: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"event|peak"):
        event_tariff(None, start, start + length, LA, **prices)


def without_zeros(value: Any) -> Any:
    """As Tesla gives a tariff back: keys whose value is zero are gone."""
    if isinstance(value, dict):
        return {key: without_zeros(item) for key, item in value.items() if item not in (0, "", None)}
    return [without_zeros(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "tariff", [*(make() for make in EXAMPLES.values()), event(datetime(2026, 7, 1, 22, tzinfo=LA), 4)]
)
def test_what_tesla_gives_back_is_the_same(tariff: Tariff) -> None:
    given_back = without_zeros(tariff)
    assert given_back != tariff
    assert same(tariff, given_back)
    assert same(given_back, tariff | {"added_by_tesla": 3})
    assert canonical(canonical(tariff)) == canonical(tariff)
    assert windows_of_week(given_back, date(2026, 7, 1)) == windows_of_week(tariff, date(2026, 7, 1))


def test_spellings_of_one_tariff_are_the_same() -> None:
    other = copy.deepcopy(two_period())
    group = other["seasons"]["Summer"]["tou_periods"]["OFF_PEAK"]["periods"]
    group.reverse()
    group[0]["toHour"] = 24
    other["energy_charges"]["Summer"]["rates"]["ON_PEAK"] = 0.44999998807907104  # 0.45 in 32 bits
    other.pop("version")
    assert same(two_period(), other)
    assert same(None, {})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("energy_charges", "Summer", "rates", "ON_PEAK"), 0.451),
        (("sell_tariff", "energy_charges", "Summer", "rates", "ON_PEAK"), 0.0),
        (("seasons", "Summer", "fromMonth"), 2),
        (("seasons", "Summer", "tou_periods", "ON_PEAK", "periods", 0, "fromDayOfWeek"), 1),
        (("seasons", "Summer", "tou_periods", "ON_PEAK", "periods", 0, "toHour"), 20),
        (("seasons", "Winter"), {"fromMonth": 1}),
        (("currency",), "EUR"),
        (("name",), "Mine"),
    ],
)
def test_other_tariffs_are_not_the_same(path: tuple[str | int, ...], value: object) -> None:
    other = json.loads(json.dumps(two_period()))
    place: Any = other
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not same(two_period(), other)
    assert not same(two_period(), None)


def test_a_period_of_zeros_only_is_not_lost() -> None:
    """All of Monday: each of its six numbers is zero, and Tesla gives back an empty object."""
    one: Tariff = {"seasons": {"Summer": {"tou_periods": {"OFF_PEAK": {"periods": [{}]}}}}}
    assert canonical(one) == one
    assert not same(one, {"seasons": {"Summer": {"tou_periods": {"OFF_PEAK": {"periods": []}}}}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["name", "seasons", "energy_charges", "sell_tariff", "demand_charges"]), JSON))
def test_wild_tariffs_equal_themselves_and_are_read_without_raising(tariff: Tariff) -> None:
    assert same(tariff, json.loads(json.dumps(tariff)))
    windows_of_week(tariff, date(2026, 7, 1))
    peak_windows(tariff, date(2026, 7, 1), LA)

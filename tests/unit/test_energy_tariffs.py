"""Tariffs are checked before they are sent: every fault is named, every sound tariff passes, nothing raises."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.tariffs.build import SeasonPlan, Tariff, build_tariff, every_day
from shared.energy.tariffs.checks import LABELS, problems
from shared.energy.tariffs.examples import EXAMPLES, two_period, two_seasons
from shared.energy.tariffs.problem import MOST_PROBLEMS
from shared.energy.tariffs.schedule import MOST_PERIODS, MOST_SEASONS, Span, schedule_of
from shared.energy.tariffs.tiling import YEAR
from shared.energy.tariffs.windows import day_pieces

FIXTURE = (
    Path(__file__).resolve().parents[3] / "shared/fixtures/Teslemetry-python-tesla-fleet-api/tariff_v2_sample.json"
)


@st.composite
def plans(draw: st.DrawFn, first: tuple[int, int] = (1, 1), last: tuple[int, int] = (12, 31)) -> SeasonPlan:
    """A season whose week is cut anywhere, days alike in one to three groups."""
    spans: list[Span] = []
    breaks = sorted(draw(st.sets(st.integers(1, 6), max_size=2)))
    for first_day, next_day in pairwise([0, *breaks, 7]):
        cuts = sorted(draw(st.sets(st.integers(1, 1439), max_size=4)))
        for start, end in pairwise([0, *cuts, 1440]):
            spans.append(Span(first_day, next_day - 1, start, end, draw(st.sampled_from(LABELS))))
    buy = {label: draw(st.integers(0, 900)) / 1000 for label in LABELS}
    sell = {label: round(price * draw(st.sampled_from([0, 0.5, 1])), 4) for label, price in buy.items()}
    return SeasonPlan(first=first, last=last, spans=tuple(spans), buy=buy, sell=sell)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """A sound tariff of one season, or of two that part the year anywhere."""
    if draw(st.booleans()):
        seasons = {draw(st.sampled_from(["Summer", "Winter"])): draw(plans())}
    else:
        # None begins on the 29th of February: a season to the 28th takes that day along.
        starts = st.integers(0, 365).filter(lambda day: YEAR[day] != (2, 29))
        one, two = sorted(draw(st.tuples(starts, starts).filter(lambda pair: pair[0] != pair[1])))
        seasons = {
            "Summer": draw(plans(first=YEAR[one], last=YEAR[two - 1])),
            "Winter": draw(plans(first=YEAR[two], last=YEAR[one - 1])),
        }
    return build_tariff(name="Any", utility="Any", currency="USD", seasons=seasons)


@given(tariffs())
def test_a_sound_tariff_has_no_problems_and_prices_every_minute_of_the_year(tariff: Tariff) -> None:
    assert problems(tariff) == []
    assert problems(json.loads(json.dumps(tariff))) == []
    schedule = schedule_of(tariff)
    for day in YEAR[::23]:
        for weekday in range(7):
            pieces = day_pieces(schedule, day, weekday)
            assert (pieces[0].start_min, pieces[-1].end_min) == (0, 1440)
            assert all(one.end_min == two.start_min for one, two in pairwise(pieces))
            assert all(0 <= piece.price.sell <= piece.price.buy for piece in pieces)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_sound_and_fresh_each_time(name: str) -> None:
    tariff = EXAMPLES[name]()
    assert problems(tariff) == []
    tariff["seasons"].clear()
    assert problems(EXAMPLES[name]()) == []


def told(tariff: object) -> str:
    """All problems as one text."""
    return "\n".join(map(str, problems(tariff)))


def changed(change: Callable[[Tariff], object], tariff: Tariff | None = None) -> Tariff:
    """A tariff after a change in place."""
    copied = copy.deepcopy(tariff or two_period())
    change(copied)
    return copied


def groups(tariff: Tariff) -> dict[str, Any]:
    found: dict[str, Any] = tariff["seasons"]["Summer"]["tou_periods"]
    return found


def periods(tariff: Tariff, label: str = "ON_PEAK") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = groups(tariff)[label]["periods"]
    return found


FAULTS: list[tuple[str, Callable[[Tariff], object]]] = [
    ("version: The version has to be 1", lambda t: t.pop("version")),
    ("version: The version has to be 1", lambda t: t.update(version=True)),
    ("currency: The currency has to be", lambda t: t.update(currency="dollars")),
    ("currency: The currency has to be", lambda t: t.update(currency=None)),
    ("utility: This has to be a text", lambda t: t.update(utility=5)),
    ("demand_charges: Tesla's app breaks", lambda t: t.pop("demand_charges")),
    ("daily_charges: Daily charges are a list", lambda t: t.update(daily_charges={"amount": 1})),
    ("daily_charges: Daily charges are a list", lambda t: t.update(daily_charges=[{"amount": "1"}])),
    ("No period covers 16:00 to 21:00 on Monday to Friday", lambda t: groups(t).pop("ON_PEAK")),
    ("No period covers 16:00 to 16:30 on Monday to Friday", lambda t: periods(t)[0].update(fromMinute=30)),
    ("No period covers 16:00 to 21:00 on Wednesday to Friday", lambda t: periods(t)[0].update(toDayOfWeek=1)),
    ("No period covers 16:00 to 21:00 on Monday", lambda t: periods(t)[0].update(fromDayOfWeek=1)),
    ("No period covers 23:00 to 24:00 on Saturday, Sunday", lambda t: periods(t, "OFF_PEAK")[2].update(toHour=23)),
    ("overlap from 20:00 to 21:00 on Monday to Friday", lambda t: periods(t, "OFF_PEAK")[1].update(fromHour=20)),
    ("overlap from 20:59 to 21:00", lambda t: periods(t, "OFF_PEAK")[1].update(fromHour=20, fromMinute=59)),
    ("No period covers 20:59 to 21:00", lambda t: periods(t)[0].update(toHour=20, toMinute=59)),
    ("overlap from 16:00 to 21:00 on Saturday, Sunday", lambda t: periods(t)[0].update(toDayOfWeek=6)),
    ("The days run over Sunday", lambda t: periods(t)[0].update(fromDayOfWeek=6, toDayOfWeek=1)),
    ("fromDayOfWeek has to be a whole number from 0 to 6", lambda t: periods(t)[0].update(fromDayOfWeek=7)),
    ("toHour has to be a whole number from 0 to 24", lambda t: periods(t)[0].update(toHour=25)),
    ("toHour has to be a whole number from 0 to 24", lambda t: periods(t)[0].update(toHour="21")),
    ("fromHour 24 with fromMinute 0 is no time of a day", lambda t: periods(t)[0].update(fromHour=24)),
    ("toHour 24 with toMinute 30 is no time of a day", lambda t: periods(t)[0].update(toHour=24, toMinute=30)),
    ("fromMinute has to be a whole number from 0 to 59", lambda t: periods(t)[0].update(fromMinute=60)),
    ("The period ends when it begins", lambda t: periods(t)[0].update(toHour=16)),
    ("The end has to be given", lambda t: [periods(t, "OFF_PEAK")[1].pop(key) for key in ("toHour", "toMinute")]),
    ("A period is an object", lambda t: periods(t).append([])),  # type: ignore[arg-type] # the fault itself
    ('a list "periods"', lambda t: groups(t).update(ON_PEAK=[])),
    ("A season needs its periods here", lambda t: t["seasons"]["Summer"].pop("tou_periods")),
    ("A season is an object", lambda t: t["seasons"].update(Winter=3)),
    ("season names other than Summer and Winter", lambda t: t["seasons"].update(Spring={})),
    ("season names other than Summer and Winter", lambda t: t["seasons"].update(Herbst=t["seasons"].pop("Summer"))),
    ("At least one season", lambda t: t["seasons"].pop("Summer")),
    ("At least one season", lambda t: t.pop("seasons")),
    ("No season covers 1 December to 31 December", lambda t: t["seasons"]["Summer"].update(toMonth=11, toDay=30)),
    ("No season covers 1 January to 14 January", lambda t: t["seasons"]["Summer"].update(fromDay=15)),
    ("More than one season (Summer, Winter) covers", lambda t: t["seasons"].update(Winter=t["seasons"]["Summer"])),
    ("toDay has to be a day of month 2", lambda t: t["seasons"]["Summer"].update(toMonth=2, toDay=30)),
    ("fromMonth has to be a month", lambda t: t["seasons"]["Summer"].update(fromMonth=0)),
    ("fromMonth has to be a month", lambda t: t["seasons"]["Summer"].update(fromMonth=True)),
    ("toDay is missing", lambda t: t["seasons"]["Summer"].pop("toDay")),
    ("Tesla's app shows only the labels", lambda t: groups(t).update(MID={"periods": [{"toHour": 1}]})),
    ("OFF_PEAK has periods but no price", lambda t: t["energy_charges"]["Summer"]["rates"].pop("OFF_PEAK")),
    ("OFF_PEAK has periods but no price", lambda t: t["energy_charges"].pop("Summer")),
    ("energy_charges: The prices are missing", lambda t: t.pop("energy_charges")),
    ("A price is a number", lambda t: t["energy_charges"]["Summer"]["rates"].update(ON_PEAK="0.4")),
    ("A price is not negative", lambda t: t["energy_charges"]["Summer"]["rates"].update(ON_PEAK=-0.4)),
    ("sell_tariff.energy_charges.Summer.rates.ON_PEAK: A price is not negative",
     lambda t: t["sell_tariff"]["energy_charges"]["Summer"]["rates"].update(ON_PEAK=-1)),
    ("ON_PEAK, 16:00 to 21:00: the selling price 0.5 is above the buying price 0.45 on Monday to Friday",
     lambda t: t["sell_tariff"]["energy_charges"]["Summer"]["rates"].update(ON_PEAK=0.5)),
    ("sell_tariff: What is paid for exported energy", lambda t: t.update(sell_tariff=[])),
    ("sell_tariff.energy_charges: The prices of exported energy are missing",
     lambda t: t["sell_tariff"].pop("energy_charges")),
    ("sell_tariff.seasons.Spring", lambda t: t["sell_tariff"].update(seasons={"Spring": {}})),
    ("No period covers 16:00 to 21:00 on Monday to Friday",
     lambda t: t["sell_tariff"]["seasons"]["Summer"]["tou_periods"].pop("ON_PEAK")),
    ("A number has to be finite", lambda t: t["energy_charges"]["Summer"]["rates"].update(ON_PEAK=math.inf)),
    ("A number has to be finite", lambda t: t.update(anything=[{"deep": math.nan}])),
    ("A number has to be finite", lambda t: t.update(anything=10**400)),
    ("A text has at most", lambda t: t.update(name="x" * 501)),
    ("Keys are texts", lambda t: t.update({"x" * 501: 1})),
    ("Keys are texts", lambda t: t.update(anything={5: 1})),
    ("This is no JSON value", lambda t: t.update(anything=object())),
    ("more than 20000 values", lambda t: t.update(anything=[0] * 20_000)),
    (f"at most {MOST_PERIODS} periods", lambda t: periods(t).extend([periods(t)[0]] * MOST_PERIODS)),
    (f"at most {MOST_SEASONS} seasons", lambda t: t["seasons"].update({f"S{n}": {} for n in range(MOST_SEASONS)})),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "change"), FAULTS)
def test_each_fault_is_named(sentence: str, change: Callable[[Tariff], object]) -> None:
    # The sell side has a schedule of its own here, so that a change of one is not a change of both.
    assert sentence in told(changed(change, json.loads(json.dumps(two_period()))))


def test_all_faults_are_named_at_once() -> None:
    def spoil(tariff: Tariff) -> None:
        tariff["currency"] = 5
        tariff.pop("demand_charges")
        periods(tariff)[0]["fromMinute"] = 30
        tariff["seasons"]["Summer"]["toMonth"] = 11
        tariff["seasons"]["Summer"]["toDay"] = 30
        tariff["energy_charges"]["Summer"]["rates"].pop("OFF_PEAK")

    found = told(changed(spoil))
    for part in ("currency:", "demand_charges:", "No period covers", "No season covers", "OFF_PEAK has periods"):
        assert part in found


def test_a_list_of_faults_ends_somewhere() -> None:
    found = problems(changed(lambda tariff: periods(tariff).extend({"toHour": 99} for _ in range(200))))
    assert len(found) == MOST_PROBLEMS + 1
    assert "more than these" in str(found[-1])


def test_a_missing_price_is_not_compared_with_a_selling_price() -> None:
    tariff = changed(lambda t: t["energy_charges"]["Summer"]["rates"].pop("ON_PEAK"))
    assert told(tariff) == "energy_charges.Summer.rates: ON_PEAK has periods but no price."


@pytest.mark.parametrize("wrapped", [{"tariff_content_v2": {}}, {"tou_settings": {"tariff_content_v2": {}}}])
def test_who_sends_the_body_of_teslas_own_call_is_told_what_belongs_here(wrapped: dict[str, Any]) -> None:
    (problem,) = problems(wrapped)
    assert "the content of tariff_content_v2 itself" in str(problem)


def test_one_fault_of_several_days_or_of_both_sides_is_told_once() -> None:
    found = problems(changed(lambda tariff: tariff["seasons"]["Summer"]["tou_periods"].pop("ON_PEAK"), two_seasons()))
    assert [str(problem) for problem in found if "seasons.Summer" in problem.path] == [
        "seasons.Summer: No period covers 16:00 to 21:00 on Monday to Sunday.",
        "sell_tariff.seasons.Summer: No period covers 16:00 to 21:00 on Monday to Sunday.",
    ]


ACCEPTED: list[Callable[[Tariff], object]] = [
    lambda t: t.pop("sell_tariff"),
    lambda t: t["sell_tariff"].pop("seasons"),
    lambda t: t["sell_tariff"]["energy_charges"].pop("Summer"),
    lambda t: t.update(new_key={"any": ["thing"]}, daily_charges=None),
    lambda t: t["seasons"].pop("Winter"),
    lambda t: periods(t, "OFF_PEAK")[2].update(toHour=24),
    lambda t: periods(t, "OFF_PEAK")[2].pop("fromHour"),
    lambda t: (
        periods(t, "OFF_PEAK").pop(0),
        periods(t, "OFF_PEAK")[0].update(toHour=16),
    ),  # 21:00 to 16:00, over midnight
    lambda t: t["energy_charges"]["Summer"]["rates"].update(SUPER_OFF_PEAK=0.1),
    lambda t: t["sell_tariff"]["energy_charges"]["Summer"]["rates"].update(ON_PEAK=0.45),
]


@pytest.mark.parametrize("change", ACCEPTED)
def test_what_tesla_takes_is_let_through(change: Callable[[Tariff], object]) -> None:
    assert problems(changed(change)) == []


def test_a_february_that_ends_on_the_28th_takes_the_29th_along() -> None:
    plan = schedule_of(two_seasons()).buy[0]
    seasons = {
        "Summer": SeasonPlan(first=(3, 1), last=(11, 30), spans=plan.spans, buy=plan.rates),
        "Winter": SeasonPlan(first=(12, 1), last=(2, 28), spans=plan.spans, buy=plan.rates),
    }
    assert problems(build_tariff(name="x", utility="x", currency="USD", seasons=seasons)) == []


def test_selling_with_seasons_of_its_own_is_compared_where_they_meet() -> None:
    """Selling is dear from May on, buying only from June on: May is the fault."""
    tariff = two_seasons()
    sold = tariff["sell_tariff"] = json.loads(json.dumps(tariff["sell_tariff"]))
    assert problems(tariff) == []
    sold["seasons"]["Summer"]["fromMonth"] = 5
    sold["seasons"]["Winter"]["toMonth"], sold["seasons"]["Winter"]["toDay"] = 4, 30
    assert "ON_PEAK, 16:00 to 21:00: the selling price 0.55 is above the buying price 0.48" in told(tariff)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_no_json_makes_the_check_raise(value: object) -> None:
    assert problems(value)


def test_a_season_that_begins_on_the_29th_of_february_meets_the_one_that_ends_on_the_28th() -> None:
    plan = SeasonPlan(spans=(every_day("OFF_PEAK", 0, 24),), buy={"OFF_PEAK": 0.1})
    halves = {
        "Summer": msgspec.structs.replace(plan, first=(1, 1), last=(2, 28)),
        "Winter": msgspec.structs.replace(plan, first=(2, 29), last=(12, 31)),
    }
    tariff = build_tariff(name="Any", utility="Any", currency="USD", seasons=halves)
    assert "More than one season (Summer, Winter) covers 29 February." in told(tariff)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of the tree with each of its keys."""
    pairs = (
        list(value.items() if isinstance(value, dict) else enumerate(value))
        if isinstance(value, (dict, list))
        else []
    )
    return [(value, key) for key, _ in pairs] + [place for _, item in pairs for place in places(item)]


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_wild_values_anywhere_in_a_tariff_do_not_make_it_raise(name: str, data: st.DataObject) -> None:
    tariff = json.loads(json.dumps(EXAMPLES[name]()))
    for _ in range(data.draw(st.integers(1, 4))):
        container, key = data.draw(st.sampled_from(places(tariff)))
        container[key] = data.draw(JSON)
    assert all(problem.sentence for problem in problems(tariff))


def test_depth_is_bounded_whatever_the_rest() -> None:
    nest: Any = 1
    for _ in range(100_000):
        nest = [nest]
    assert "nested more than" in told({"seasons": nest})


TIMES = ("fromHour", "toHour", "fromMinute", "toMinute", "fromDayOfWeek", "toDayOfWeek")


@given(tariffs(), st.data())
def test_a_shifted_boundary_never_passes(tariff: Tariff, data: st.DataObject) -> None:
    """Whatever single hour, minute or day of the buying side is changed: the week is not tiled any more."""
    tariff = json.loads(json.dumps(tariff))
    season = data.draw(st.sampled_from([name for name, content in tariff["seasons"].items() if content]))
    groups = tariff["seasons"][season]["tou_periods"]
    period = data.draw(st.sampled_from([period for group in groups.values() for period in group["periods"]]))
    key = data.draw(st.sampled_from(TIMES))
    most = 6 if "Day" in key else 59 if "Minute" in key else 23
    value = data.draw(st.integers(0, most).filter(lambda value: value != period[key]))
    period[key] = value
    assert problems(tariff)


def test_the_recorded_tariff_is_told_what_the_app_cannot_show() -> None:
    if not FIXTURE.is_file():
        pytest.skip("no recorded payloads on this machine")
    tariff = json.loads(FIXTURE.read_text())["response"]["tariff_content_v2"]
    found = problems(tariff)
    assert any("PERIOD_00_00, PERIOD_00_30" in problem.sentence for problem in found)
    unshown = {problem.path for problem in found if "labels" in problem.sentence}
    assert unshown == {"seasons.Summer.tou_periods", "sell_tariff.seasons.Summer.tou_periods"}
    assert not any("covers" in problem.sentence or "overlap" in problem.sentence for problem in found)

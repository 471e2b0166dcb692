"""A tariff as Tesla gives it back, without what is zero: as sound as it was when it was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.dispatch.shelf import Shelf, tariff_key
from shared.energy.dispatch.speech import endpoint_of, request
from shared.energy.dispatch.steps import Write
from shared.energy.tariffs.build import Tariff
from shared.energy.tariffs.checks import problems
from shared.energy.tariffs.completing import completed
from shared.energy.tariffs.event import event_tariff
from shared.energy.tariffs.examples import flat, two_period, two_seasons
from shared.energy.tariffs.same import canonical, same
from shared.platform.embedded.documents import SqliteDocuments
from shared.tesla.catalogue import Contract
from shared.tesla.catalogue.energy import EnergyAction

LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
KEYS = st.sampled_from(
    ["seasons", "Summer", "tou_periods", "ON_PEAK", "periods", "energy_charges", "rates", "ALL", "sell_tariff", "x"]
)
JSON = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


def free_at_night() -> Tariff:
    """Two periods, one of which costs and earns nothing."""
    tariff = two_period()
    for side in (tariff, tariff["sell_tariff"]):
        side["energy_charges"]["Summer"]["rates"]["OFF_PEAK"] = 0
    return tariff


def of_an_event() -> Tariff:
    start = datetime(2026, 7, 14, 18, tzinfo=UTC)
    return event_tariff(None, start, start + timedelta(hours=2), ZoneInfo("Europe/Berlin"))


def as_read(value: Any) -> Any:
    """The value without the keys whose value is zero or empty."""
    if isinstance(value, list):
        return [as_read(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: as_read(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in (0, "", {}, [])}


@pytest.mark.parametrize("make", [flat, two_period, two_seasons, free_at_night, of_an_event])
def test_what_tesla_leaves_out_is_no_fault(make: Callable[[], Tariff]) -> None:
    read = as_read(make())
    assert problems(read)
    assert problems(completed(read)) == []
    assert same(completed(read), make())


@pytest.mark.parametrize("make", [flat, two_period, two_seasons, free_at_night, of_an_event])
def test_a_tariff_that_is_put_back_says_what_tesla_left_out_and_is_the_same(
    make: Callable[[], Tariff], tmp_path: Path
) -> None:
    store = SqliteDocuments(tmp_path / "documents.db")
    shelf = Shelf(store)
    key = shelf.put(as_read(make()))
    step = Write(EnergyAction.TARIFF, key, undo=True)
    sent = json.loads(request(step, endpoint_of(step, Contract.PUBLISHED), "1", "", "", shelf).body or b"")
    store.close()
    content = sent["tou_settings"]["tariff_content_v2"]
    assert problems(content) == []
    assert tariff_key(content) == key == shelf.put(as_read(content)), "when it is read back it is the site's own"


@given(st.dictionaries(KEYS, JSON, max_size=5))
def test_completing_a_tariff_leaves_its_key(tariff: dict[str, Any]) -> None:
    assert canonical(completed(tariff)) == canonical(tariff)


def test_what_is_wrong_stays_wrong() -> None:
    tariff = two_period()
    tariff["seasons"]["Summer"]["tou_periods"]["ON_PEAK"]["periods"][0]["toHour"] = 20
    (problem, *_) = problems(completed(as_read(tariff)))
    assert "No period covers 20:00 to 21:00" in str(problem)


@given(st.dictionaries(KEYS, JSON, max_size=5))
def test_any_object_can_be_completed(tariff: dict[str, Any]) -> None:
    before = repr(tariff)
    again = completed(completed(tariff))
    assert repr(again) == repr(completed(tariff))
    assert repr(tariff) == before

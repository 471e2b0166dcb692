"""Limits as settings: presets, and each limit by itself."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from shared.settings import BadSettings, Settings, read_settings
from shared.tesla.plan_limits import NO_LIMITS, RETIRED_PLAN, PlanLimits, plan_limits
from shared.tesla.request_limits import vins_of
from tests.unit.test_settings import GOOD


def _read(**variables: str) -> PlanLimits:
    return plan_limits(read_settings({**GOOD, **variables}))


def test_nothing_is_limited_by_default() -> None:
    assert _read() == NO_LIMITS
    assert not NO_LIMITS.on_requests
    assert set(map(NO_LIMITS.__getattribute__, NO_LIMITS.__slots__)) == {0}


def test_the_retired_plan_is_a_preset() -> None:
    limits = _read(TESLA_LIMITS="retired_plan")
    assert limits == RETIRED_PLAN
    assert limits.on_requests
    assert (limits.requests_per_s, limits.requests_per_day, limits.site_read_s) == (5, 50_000, 300)
    assert (limits.site_writes_per_day, limits.site_tariffs_per_month) == (5, 1)
    vehicle = limits.vehicle_data_per_day, limits.vehicle_commands_per_day, limits.vehicle_wakes_per_day
    assert vehicle == (200, 50, 15)


@pytest.mark.parametrize("name", [item.name for item in fields(PlanLimits)])
def test_each_limit_is_overridden_by_itself(name: str) -> None:
    variable = f"TESLA_LIMIT_{name.upper()}"
    assert _read(TESLA_LIMITS="retired_plan", **{variable: "7"}) == replace(RETIRED_PLAN, **{name: 7})
    assert _read(TESLA_LIMITS="retired_plan", **{variable: "0"}) == replace(RETIRED_PLAN, **{name: 0})
    assert _read(**{variable: "7"}) == replace(NO_LIMITS, **{name: 7})
    for as_the_preset in ("-1", ""):
        assert _read(TESLA_LIMITS="retired_plan", **{variable: as_the_preset}) == RETIRED_PLAN
    with pytest.raises(BadSettings, match=variable):
        _read(**{variable: "-2"})


def test_no_other_setting_calls_itself_a_limit() -> None:
    named = {name for name in Settings.__annotations__ if name.startswith("tesla_limit_")}
    assert named == {f"tesla_limit_{item.name}" for item in fields(PlanLimits)}


def test_the_vehicles_of_a_call_are_found_wherever_they_stand() -> None:
    assert vins_of({"vin": "A"}, None, None) == ("A",)
    assert vins_of(None, {"vin": "A"}, None) == ("A",)
    assert vins_of(None, None, {"vins": ["A", "B", "A"]}) == ("A", "B")
    assert vins_of({"energy_site_id": "1"}, {"page": "1"}, ["vins"]) == ()

"""Money, energy, times and places of the charging history, computed by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.reports.analysis import charging
from shared.reports.analysis import charging_patterns as patterns
from shared.reports.build import lay_out
from shared.reports.layout.ink import Text
from shared.reports.layout.typeface import Typeface
from shared.reports.readings import read
from shared.tesla.models.charging import ChargingFee, ChargingSession
from tests.unit.test_reports_samples import FONTS, OTHER_VIN, VIN, session, snapshot

HELSINKI = timezone(timedelta(hours=2))
START = datetime(2026, 1, 5, 23, 30, tzinfo=HELSINKI)


def fee(kind: str = "CHARGING", due: float = 10.0, net: float | None = None, **more: Any) -> ChargingFee:
    fields = {"currency_code": "EUR", "uom": "kwh" if kind == "CHARGING" else "min", "is_paid": True} | more
    return ChargingFee(fee_type=kind, total_due=due, net_due=due if net is None else net, **fields)


def stop(*fees: ChargingFee, start: datetime = START, **more: Any) -> ChargingSession:
    return ChargingSession(charge_start_date_time=start, fees=fees, **more)


def test_kinds_of_fees_stay_apart() -> None:
    kinds = ("CHARGING", "CONGESTION", "PARKING", "IDLE", "TOLL")
    (money,) = charging.totals([stop(*(fee(kind, 2.0**number) for number, kind in enumerate(kinds)))])
    assert money.by_type == {"CHARGING": 1, "CONGESTION": 2, "PARKING": 4, "IDLE": 8, "OTHER": 16}
    assert money.due == 31


def test_tax_is_known_only_where_total_and_net_differ() -> None:
    (money,) = charging.totals([stop(fee(due=12.5, net=9.96)), stop(fee(due=18.4, net=18.4)), stop(fee(due=5.0))])
    assert money.due == pytest.approx(35.9)
    assert money.net == pytest.approx(33.36)
    assert money.tax == pytest.approx(2.54)
    assert money.tax_unknown_due == pytest.approx(23.4)


def test_what_is_not_paid() -> None:
    sessions = [
        stop(fee(due=7.0, is_paid=False), fee("PARKING", 3.0, is_paid=False)),
        stop(fee(due=0.0, is_paid=False)),
    ]
    (money,) = charging.totals(sessions)
    assert (money.unpaid, money.unpaid_sessions) == (10.0, 1)


@pytest.mark.parametrize(
    ("marks", "paid"),
    [((True, True), True), ((True, False), False), ((True, None), None), ((None,), None), ((), None)],
)
def test_a_session_is_paid_when_every_fee_says_so(marks: tuple[bool | None, ...], paid: bool | None) -> None:
    assert charging.paid(stop(*(fee(is_paid=mark) for mark in marks))) is paid


def test_a_fee_of_nothing_needs_no_payment() -> None:
    assert charging.paid(stop(fee(), fee("PARKING", 0.0, is_paid=False))) is True


def test_the_mean_price_is_charging_alone_over_energy() -> None:
    (money,) = charging.totals([stop(fee(due=12.0, usage_base=30.0), fee("CONGESTION", 5.0, usage_base=10.0))])
    assert money.energy_kwh == 30.0
    assert money.price_per_kwh == pytest.approx(0.4)


def test_tiers_split_the_energy_and_do_not_add_to_it() -> None:
    one = stop(fee(usage_base=40.0, usage_tier1=16.0, usage_tier2=24.0))
    assert charging.energy_kwh(one) == 40.0
    assert charging.tiers_kwh([one]) == (16.0, 24.0, 0.0, 0.0)


def test_free_charging_is_counted() -> None:
    found = charging.free_fees([stop(fee(pricing_type="CREDIT"), fee("PARKING", pricing_type="NO_CHARGE"))])
    assert dict(found) == {"CREDIT": 1}


def test_idle_time_is_from_the_end_of_charging_to_the_unplugging() -> None:
    ends = [(START, START + timedelta(minutes=17)), (START, START + timedelta(minutes=3)), (START, None)]
    ends.append((START, START - timedelta(minutes=1)))
    found = patterns.idle([stop(charge_stop_date_time=one, unlatch_date_time=other) for one, other in ends])
    assert found.minutes == (17.0, 3.0)
    assert (found.mean, found.longest) == (10.0, 17.0)
    assert patterns.idle([]).mean is None


def test_hours_are_those_of_the_site() -> None:
    grid = patterns.hours([stop(), stop(start=START.astimezone(UTC)), ChargingSession()])
    assert grid[0][23] == 1
    assert grid[0][21] == 1
    assert sum(map(sum, grid)) == 2


def test_sites_and_countries_by_use() -> None:
    sessions = [
        stop(fee(usage_base=10.0), site_location_name="A", country_code="FI"),
        stop(fee(usage_base=50.0), site_location_name="B", country_code="FI"),
        stop(fee(usage_base=10.0), site_location_name="A", country_code="FI"),
        ChargingSession(),
    ]
    assert [(place.name, place.sessions, place.energy_kwh) for place in patterns.sites(sessions)] == [
        ("A, FI", 2, 20.0), ("B, FI", 1, 50.0), ("", 1, 0.0)]  # fmt: skip
    assert [place.name for place in patterns.countries(sessions)] == ["FI", ""]


def test_months_leave_no_gap_and_keep_currencies_apart() -> None:
    march = datetime(2026, 3, 31, 23, 59, tzinfo=HELSINKI)
    sessions = [stop(fee(due=4.0)), stop(fee("CONGESTION", 1.0), start=march), stop(fee(currency_code="SEK"))]
    found = patterns.months(sessions, "EUR", 24)
    assert [(month.name, month.dues) for month in found] == [
        ("2026-01", (4.0, 0, 0, 0, 0)), ("2026-02", (0, 0, 0, 0, 0)), ("2026-03", (0, 1.0, 0, 0, 0))]  # fmt: skip
    assert [month.name for month in patterns.months(sessions, "EUR", 2)] == ["2026-02", "2026-03"]
    assert patterns.months(sessions, "USD", 24) == []


def test_prices_over_time() -> None:
    later = START + timedelta(days=1)
    sessions = [stop(fee(due=20.0, usage_base=40.0), start=later), stop(fee(due=9.0, usage_base=30.0)), stop(fee())]
    assert patterns.prices(sessions, "EUR") == [patterns.Price(START, 0.3), patterns.Price(later, 0.5)]


OWNERS = st.lists(st.sampled_from([VIN, OTHER_VIN, "", VIN.lower(), VIN + " ", None]), max_size=30)


@settings(deadline=None, max_examples=40)
@given(OWNERS)
def test_no_report_shows_a_session_of_another_vehicle(owners: list[str | None]) -> None:
    sessions = [
        session(number) | {"vin": vin, "siteLocationName": f"Site of {'mine' if vin == VIN else 'another'} {number}"}
        for number, vin in enumerate(owners)
    ]
    flow = lay_out(read(snapshot(answers={"charging_history": {"data": sessions}})), Typeface.of(FONTS))
    texts = [mark.text for sheet in flow.sheets for mark in sheet.marks if isinstance(mark, Text)]
    assert not any("Site of another" in text or OTHER_VIN in text for text in texts)
    mine = owners.count(VIN)
    assert sum(text.startswith("Site of mine") for text in texts) >= mine

"""Figures computed by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.reports.analysis import alerts, battery, charging, tyres, warranty
from shared.reports.analysis.age import age_of
from shared.reports.analysis.annex import WITHHELD, groups_of
from shared.reports.analysis.field_words import show, title_of
from shared.reports.analysis.parse import leading_figure
from shared.reports.level import Level
from shared.reports.readings import Readings, read, units_of
from shared.reports.units import NONE, Units, instant, number, zone_of
from shared.tesla.models.care import Alert, RecentAlerts, Warranty, WarrantyDetails
from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.charging import ChargingHistory
from shared.tesla.models.product import VehicleSpecs
from shared.tesla.models.vehicle_config import GuiSettings
from shared.tesla.models.vehicle_state import VehicleState
from tests.unit.test_reports_samples import NOW, NOW_S, OTHER_VIN, VIN, snapshot, vehicle_data


@pytest.fixture
def readings() -> Readings:
    return read(snapshot())


def charge(level: int | None, range_mi: float | None, usable: int | None = None) -> ChargeState:
    return ChargeState(battery_level_percent=level, battery_range_mi=range_mi, usable_battery_level_percent=usable)


def test_range_at_full_charge_of_the_documented_example() -> None:
    found = battery.full_range(charge(74, 243.31, 73))
    assert isinstance(found, battery.FullRange)
    assert round(found.range_mi, 1) == 328.8
    assert round(found.error_mi, 1) == 2.2
    assert not found.cold


def test_a_cold_pack_counts_its_usable_level() -> None:
    found = battery.full_range(charge(74, 243.31, 70))
    assert isinstance(found, battery.FullRange)
    assert found.cold
    assert round(found.range_mi, 1) == 347.6


@pytest.mark.parametrize(
    ("level", "range_mi", "words"),
    [
        (19, 62.0, "at least 20 %"),
        (0, 1.0, "at least 20 %"),
        (None, 62.0, "no range"),
        (74, None, "no range"),
        (101, 300.0, "impossible"),
        (50, 1e300, "impossible"),
    ],
)
def test_no_range_at_full_charge_without_the_figures_for_it(
    level: int | None, range_mi: float | None, words: str
) -> None:
    found = battery.full_range(charge(level, range_mi))
    assert isinstance(found, str)
    assert words in found


def test_the_lowest_level_still_gives_an_estimate() -> None:
    assert isinstance(battery.full_range(charge(20, 66.0)), battery.FullRange)


@pytest.mark.parametrize(
    ("soh", "level"), [("93%", Level.GOOD), ("92.4%", Level.GOOD), ("92.3%", Level.WATCH), ("75%", Level.BAD)]
)
def test_health_against_what_two_years_usually_cost(soh: str, level: Level) -> None:
    """Two years: 4.6 % usual loss, so 95.4 % less 3 points is the limit."""
    specs = VehicleSpecs(battery_soh=soh, production_date=datetime(2024, 2, 11, tzinfo=UTC))
    age = age_of(specs, None, None, datetime(2026, 2, 10, 12, tzinfo=UTC))
    found = battery.health([("Tesla", battery.quoted(specs))], age, None)
    assert found.usual is not None
    assert found.usual.middle == pytest.approx(95.4, abs=0.01)
    assert battery.verdict(found).level is level


def test_tyres_of_the_sample(readings: Readings) -> None:
    wheels = tyres.tyres(readings.state)
    shares = [wheel.under_share for wheel in wheels]
    assert shares == pytest.approx([0.0517, 0.0862, 0.0603, 0.2414], abs=1e-4)
    assert [wheel.level for wheel in wheels] == [Level.GOOD, Level.GOOD, Level.GOOD, Level.BAD]
    verdict = tyres.verdict(wheels)
    assert verdict.level is Level.BAD
    assert "rear right" in verdict.reason


@pytest.mark.parametrize(
    ("pressure", "soft", "hard", "level"),
    [
        (2.7, None, None, Level.GOOD),
        (2.61, None, None, Level.WATCH),
        (2.32, None, None, Level.BAD),
        (2.9, True, None, Level.WATCH),
        (2.9, None, True, Level.BAD),
        (None, None, None, Level.UNKNOWN),
        (1e200, None, None, Level.UNKNOWN),
    ],
)
def test_one_tyre(pressure: float | None, soft: bool | None, hard: bool | None, level: Level) -> None:
    state = VehicleState(
        tpms_pressure_fl_bar=pressure,
        tpms_rcp_front_value_bar=2.9,
        tpms_soft_warning_fl=soft,
        tpms_hard_warning_fl=hard,
    )
    assert tyres.tyres(state)[0].level is level


def test_a_tyre_that_was_silent_for_more_than_a_week_is_named() -> None:
    state = VehicleState(
        tpms_last_seen_pressure_time_fl_s=NOW_S - 8 * 86_400, tpms_last_seen_pressure_time_fr_s=NOW_S - 6 * 86_400
    )
    assert [wheel.name for wheel in tyres.stale(tyres.tyres(state), NOW)] == ["Front left"]


def alert(day: int, *audience: str) -> Alert:
    return Alert(name="A", time=datetime(2026, 1, day, tzinfo=UTC), audience=audience)


def test_alerts_are_counted_newest_first() -> None:
    found = alerts.alerts_found(RecentAlerts(recent_alerts=(alert(1, "customer"), alert(9, "service-fix"), Alert())))
    assert [one.time.day for one in found.alerts if one.time] == [9, 1]
    assert found.by_audience == (("customer", 1), ("service-fix", 1))
    assert found.repeated == (("A", 2),)


@pytest.mark.parametrize(
    ("alerts_given", "level"),
    [
        ((), Level.GOOD),
        ((alert(13, "customer"),), Level.WATCH),
        ((alert(11, "customer"),), Level.GOOD),
        ((alert(13, "service-fix"),), Level.GOOD),
    ],
)
def test_only_what_the_driver_saw_in_thirty_days_asks_for_a_look(
    alerts_given: tuple[Alert, ...], level: Level
) -> None:
    found = alerts.alerts_found(RecentAlerts(recent_alerts=alerts_given))
    assert alerts.verdict(found, NOW).level is level


def cover(**changes: object) -> warranty.Cover:
    fields: dict[str, object] = {
        "warranty_display_name": "Basic",
        "expiration_date": datetime(2028, 2, 11, 8, 42, tzinfo=UTC),
        "expiration_odometer": 80_467.2,
        "odometer_unit": "KM",
        "coverage_age_in_years": 4.0,
    }
    details = WarrantyDetails(active_warranty=(Warranty(**(fields | changes)),))  # type: ignore[arg-type] # test data
    return warranty.covers(details, 30_000.0, NOW)[0]


def test_warranty_left_in_time_and_distance() -> None:
    """80,467.2 km are 50,000 mi; two of four years are left."""
    found = cover()
    assert found.days_left == 730
    assert found.miles_left == pytest.approx(20_000)
    assert found.time_share == pytest.approx(0.4997, abs=1e-4)
    assert found.distance_share == pytest.approx(0.4)
    assert warranty.verdict([found]).level is Level.GOOD


@pytest.mark.parametrize(
    "changes",
    [{"expiration_date": datetime(2026, 8, 1, tzinfo=UTC)}, {"expiration_odometer": 34_000.0, "odometer_unit": "mi"}],
)
def test_a_warranty_that_ends_soon_by_time_or_distance(changes: dict[str, object]) -> None:
    assert warranty.verdict([cover(**changes)]).level is Level.WATCH


def test_an_unknown_unit_is_not_guessed() -> None:
    assert cover(odometer_unit="LEAGUES").miles_left is None


def test_no_active_warranty() -> None:
    expired = warranty.covers(WarrantyDetails(expired_warranty=(Warranty(),)), None, NOW)
    assert warranty.verdict(expired).level is Level.BAD
    assert warranty.verdict([]).level is Level.UNKNOWN


@pytest.mark.parametrize(
    ("per_year_mi", "first", "day"),
    [(8_000.0, "time", "2028-02-11"), (20_000.0, "distance", "2027-02-11"), (None, None, "2028-02-11")],
)
def test_which_limit_of_a_warranty_comes_first(per_year_mi: float | None, first: str | None, day: str) -> None:
    """20,000 mi are left: two and a half years at 8,000 mi a year, one year at 20,000."""
    details = WarrantyDetails(
        active_warranty=(
            Warranty(
                expiration_date=datetime(2028, 2, 11, 8, 42, tzinfo=UTC),
                expiration_odometer=50_000.0,
                odometer_unit="MI",
            ),
        )
    )
    (found,) = warranty.covers(details, 30_000.0, NOW, per_year_mi)
    assert found.ends_first == first
    assert found.ends_by is not None
    assert str(found.ends_by.date()) == day


def test_the_two_tyres_of_an_axle() -> None:
    state = VehicleState(
        tpms_pressure_fl_bar=2.75, tpms_pressure_fr_bar=2.65, tpms_pressure_rl_bar=2.5, tpms_pressure_rr_bar=2.9
    )
    front, rear = tyres.axle_gaps(tyres.tyres(state))
    assert (front.axle, front.wide) == ("Front", False)
    assert (rear.axle, rear.wide) == ("Rear", True)
    assert [gap.left_minus_right_bar for gap in (front, rear)] == pytest.approx([0.1, -0.4])
    assert tyres.axle_gaps(tyres.tyres(VehicleState(tpms_pressure_fl_bar=2.75))) == ()


@pytest.mark.parametrize(
    ("name", "ecu"),
    [
        ("UI_a212_AEBSFaulted", "UI"),
        ("VCSEC_w005_x", "VCSEC"),
        ("odd", "not stated"),
        ("_x", "not stated"),
        (None, "not stated"),
    ],
)
def test_the_control_unit_is_the_first_part_of_the_name(name: str | None, ecu: str) -> None:
    assert alerts.ecu_of(Alert(name=name)) == ecu


def test_control_units_in_words() -> None:
    assert alerts.ecu_words("BMS") == "BMS (Battery management)"
    assert alerts.ecu_words("XYZ") == "XYZ"


def test_alerts_by_month_with_the_driver_apart() -> None:
    november = Alert(name="B", time=datetime(2025, 11, 30, tzinfo=UTC), audience=("service",))
    found = alerts.per_month([alert(1, "customer"), alert(9, "service-fix", "customer"), november, Alert()], 12)
    assert found == [("2025-11", 0, 1), ("2025-12", 0, 0), ("2026-01", 2, 0)]
    assert alerts.per_month([november, alert(1)], 1) == [("2026-01", 0, 1)]
    assert alerts.per_month([], 12) == []


def test_money_is_never_added_over_currencies(readings: Readings) -> None:
    history = readings.get("charging_history", ChargingHistory)
    assert history is not None
    own = charging.history_of(history, VIN)
    euro, krona = charging.totals(own.sessions)
    assert (euro.currency, euro.sessions, euro.due, euro.energy_kwh) == ("EUR", 2, 19.75, 65.0)
    assert (krona.currency, krona.sessions, krona.due, krona.energy_kwh) == ("SEK", 1, 150.0, 32.5)
    assert euro.price_per_kwh == pytest.approx(0.30385, abs=1e-5)
    assert own.energy_kwh == 97.5


def test_sessions_of_another_vehicle_are_left_out(readings: Readings) -> None:
    history = readings.get("charging_history", ChargingHistory)
    assert history is not None
    own = charging.history_of(history, VIN)
    assert {session.vin for session in own.sessions} == {VIN}
    assert own.foreign == 1
    assert [one.session_id for one in charging.history_of(history, OTHER_VIN).sessions] == [104]


def test_the_annex_withholds_what_is_private() -> None:
    rows = dict(row for group in groups_of(vehicle_data(), "vehicle_data") for row in group.rows)
    private = ("latitude", "longitude", "media_info.now_playing_title", "media_info.a2dp_source_name")
    assert {rows[name] for name in private} == {WITHHELD}
    assert rows["battery_level"] == 74


@pytest.mark.parametrize(
    "field",
    ["cached_data", "est_lat", "native_longitude", "tokens", "homelink_nearby", "active_route_destination", "id_s"],
)
def test_the_annex_withholds_by_name(field: str) -> None:
    (group,) = groups_of({"odd_state": {field: "told", "plateau": "shown"}}, "vehicle_data")
    assert group.rows == ((field, WITHHELD), ("plateau", "shown"))


def test_field_names_and_values_in_words() -> None:
    units = Units(distance="mi", temperature="°F")
    assert title_of("tpms_pressure_fl") == "TPMS pressure front left"
    assert title_of("speed_limit_mode.current_limit_mph") == "Speed limit mode: current limit"
    assert show("battery_range", 243.31, units) == "243.3 mi"
    assert show("outside_temp", -6.5, units) == "20.3 °F"
    assert show("tpms_pressure_fl", 2.75, units) == "2.75 bar"
    assert show("scheduled_departure_time_minutes", 450, units) == "07:30"
    assert show("rt", 1, units) == "Open"
    assert show("fast_charger_type", "<invalid>", units) == NONE
    assert show("charge_port_door_open", True, units) == "Yes"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -(10**400), 1e300])
@pytest.mark.parametrize("field", ["battery_range", "inside_temp", "timestamp", "off_peak_hours_end_time", "unknown"])
def test_absurd_figures_are_a_dash(field: str, value: float) -> None:
    assert show(field, value, Units()) == NONE


def test_units_follow_the_car_and_else_the_region() -> None:
    car = units_of(GuiSettings(gui_distance_units="mi/hr", gui_tirepressure_units="Psi"), "eu", 7200)
    assert (car.distance, car.pressure, car.temperature, car.clock_24h) == ("mi", "psi", "°C", True)
    assert car.bar(2.9) == "42.1 psi"
    assert car.stamp(NOW) == "2026-02-11 10:42 (UTC+02:00)"
    region = units_of(None, "na", None)
    assert (region.distance, region.pressure, region.temperature, region.clock_24h) == ("mi", "psi", "°F", False)
    assert region.stamp(datetime(2026, 2, 11, 0, 5, tzinfo=UTC)) == "2026-02-11 12:05 am (UTC)"


def test_times_at_the_ends_of_the_calendar() -> None:
    assert units_of(None, "eu", 7200).stamp(datetime.max.replace(tzinfo=UTC)).startswith("9999-12-31")
    assert zone_of(10**9) is UTC
    assert instant(2**63 - 1) is None
    assert instant(-5) is None
    assert instant(1_700_000_000) == instant(1_700_000_000_000)


@pytest.mark.parametrize(
    ("text", "figure"),
    [("82.3kWh", 82.3), ("100%", 100.0), ("571 km", 571.0), ("5,5", 5.5), ("none", None), (None, None), (3.5, 3.5)],
)
def test_figures_out_of_texts(text: str | float | None, figure: float | None) -> None:
    assert leading_figure(text) == figure


def test_numbers() -> None:
    assert number(1234.5, 1) == "1,234.5"
    assert number(None) == number(float("nan")) == number(1e300) == NONE

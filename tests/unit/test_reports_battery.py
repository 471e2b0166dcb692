"""Battery health and age, computed by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reports.analysis import battery
from shared.reports.analysis.age import Age, age_of
from shared.reports.analysis.battery import Method
from shared.reports.analysis.cells import cells_of
from shared.reports.analysis.habits import supercharged_share
from shared.reports.analysis.rated_ranges import ROWS, ModelYear, RatedRange, model_year, rated_range
from shared.reports.level import Level
from shared.reports.readings import read
from shared.tesla.models.care import Warranty, WarrantyDetails
from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.product import VehicleSpecs
from shared.tesla.models.vehicle_config import VehicleConfig
from tests.unit.test_reports_samples import NOW, snapshot

LONG_RANGE = VehicleConfig(car_type="model3", trim_badging="74d", eu_vehicle=False)
Y2024 = ModelYear(2024, "specs.modelYear")
FULL = battery.FullRange(328.8, 2.2, 74, cold=False)


def charge(level: int, range_mi: float, **more: float) -> ChargeState:
    return ChargeState(battery_level_percent=level, battery_range_mi=range_mi, **more)  # type: ignore[arg-type] # test data


def method(percent: float, name: str = battery.BY_RANGE) -> Method:
    return Method(name, percent, 0.7, "a field", NOW)


def aged(years: float) -> Age:
    return Age(years, 0.0, NOW, "a field")


def test_the_documented_example_over_its_rating() -> None:
    """243.31 mi at 74 % is 328.8 mi; 341.5 mi is the middle of the rating, so 96.28 %, ± 0.676 % and ± 0.146 %."""
    new = rated_range(LONG_RANGE, Y2024)
    assert isinstance(new, RatedRange)
    assert (new.low_mi, new.high_mi) == (341, 342)
    found = battery.by_range(battery.full_range(charge(74, 243.31)), new, NOW)
    assert isinstance(found, Method)
    assert found.soh_percent == pytest.approx(96.28, abs=0.01)
    assert found.error_percent == pytest.approx(96.28 * (0.5 / 74 + 0.5 / 341.5), abs=0.01)
    assert "charge_state.battery_range" in found.source
    assert "fueleconomy.gov" in found.source
    assert found.measured_at == NOW


def test_a_european_car_widens_the_error_by_four_percent() -> None:
    american = rated_range(LONG_RANGE, Y2024)
    european = rated_range(VehicleConfig(car_type="model3", trim_badging="74d", eu_vehicle=True), Y2024)
    assert isinstance(american, RatedRange)
    assert isinstance(european, RatedRange)
    assert european.middle_mi == american.middle_mi
    assert european.error_share - american.error_share == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("config", "year", "words"),
    [
        (VehicleConfig(), Y2024, "did not say its type"),
        (VehicleConfig(car_type="model3"), Y2024, "did not say its type"),
        (VehicleConfig(car_type="semi", trim_badging="1"), Y2024, "did not say its type"),
        (LONG_RANGE, None, "model year is not known"),
        (LONG_RANGE, ModelYear(2035, "x"), "no EPA rating is on file for model3 74D of 2035"),
        (VehicleConfig(car_type="model3", trim_badging="50", eu_vehicle=True), Y2024, "had several packs"),
    ],
)
def test_an_unknown_reference_is_said_to_be_unknown(
    config: VehicleConfig, year: ModelYear | None, words: str
) -> None:
    new = rated_range(config, year)
    assert isinstance(new, str)
    assert words in new
    assert battery.by_range(FULL, new, NOW) == new


@pytest.mark.parametrize(
    ("package", "low", "high"),
    [
        ("M3POPPYSEED2024", 341, 342),
        ("M32023", 333, 358),
        ("MY2021", 341, 342),
        ("Default", 341, 342),
        (None, 341, 342),
    ],
)
def test_the_efficiency_package_of_a_year_beside_widens_the_span(package: str | None, low: int, high: int) -> None:
    config = VehicleConfig(car_type="model3", trim_badging="74d", eu_vehicle=False, efficiency_package=package)
    found = rated_range(config, Y2024)
    assert isinstance(found, RatedRange)
    assert (found.low_mi, found.high_mi) == (low, high)


def test_a_package_of_another_time_makes_the_rating_unknown() -> None:
    config = VehicleConfig(car_type="model3", trim_badging="74d", efficiency_package="M32021")
    found = rated_range(config, Y2024)
    assert found == "the model year is 2024 by specs.modelYear and 2021 by the efficiency package M32021"


def test_no_two_rows_claim_the_same_car() -> None:
    for one, other in combinations(ROWS, 2):
        apart = one.last_year < other.first_year or other.last_year < one.first_year
        assert (one.car, one.badge) != (other.car, other.badge) or apart
    assert all(row.low_mi <= row.high_mi and row.first_year <= row.last_year for row in ROWS)


def test_below_a_fifth_of_charge_there_is_no_verdict() -> None:
    refused = battery.by_range(battery.full_range(charge(19, 62.0)), rated_range(LONG_RANGE, Y2024), NOW)
    assert isinstance(refused, str)
    found = battery.health([(battery.BY_RANGE, refused)], aged(2), None)
    verdict = battery.verdict(found)
    assert verdict.level is Level.UNKNOWN
    assert "needs at least 20 %" in verdict.reason


def test_a_result_that_cannot_be_blames_the_reference() -> None:
    """308 mi over 300 mi are 102.67 %: 102 % and an error of 0.69 points reach it, 312 mi are beyond."""
    new = RatedRange(300, 300, "table")
    assert isinstance(battery.by_range(battery.FullRange(308.0, 2.08, 74, cold=False), new, NOW), Method)
    found = battery.by_range(battery.FullRange(312.0, 2.1, 74, cold=False), new, NOW)
    assert isinstance(found, str)
    assert "104 %" in found


@pytest.mark.parametrize(
    ("percents", "years", "level", "word"),
    [
        ((95.0, 96.0), 2, Level.GOOD, "Good"),
        ((91.0, 96.0), 2, Level.WATCH, "Methods differ"),
        ((91.0, 91.5), 2, Level.WATCH, "Check"),
        ((74.0, 96.0), 2, Level.WATCH, "Methods differ"),
        ((74.0, 75.0), 9, Level.BAD, "Act now"),
        ((74.0,), 9, Level.BAD, "Act now"),
    ],
)
def test_the_light_takes_both_methods(percents: tuple[float, ...], years: float, level: Level, word: str) -> None:
    found = battery.health([(str(one), method(one)) for one in percents], aged(years), None)
    verdict = battery.verdict(found)
    assert (verdict.level, verdict.word) == (level, word)
    assert verdict.reason.count("±") == len(percents)
    assert ("one method only" in verdict.reason) == (len(percents) == 1)


def test_without_an_age_a_sound_battery_is_not_rated() -> None:
    assert battery.verdict(battery.health([("a", method(95))], None, None)).level is Level.UNKNOWN


def test_what_is_usual_after_five_years() -> None:
    band = battery.usual(5)
    assert [band.low, band.middle, band.high] == pytest.approx([85.0, 88.5, 92.5])


@given(st.floats(0, 200))
def test_the_band_never_crosses_itself(years: float) -> None:
    band = battery.usual(years)
    assert 0 <= band.low <= band.middle <= band.high <= 100


def test_energy_of_a_charge_that_gained_enough() -> None:
    """110 mi of 328.8 mi is 33.45 % of the pack; 25 kWh for that is 74.73 kWh, 95.7 % of 78.1 kWh."""
    state = charge(74, 243.31, charge_energy_added_kwh=25.0, charge_miles_added_rated=110.0)
    specs = VehicleSpecs(battery_capacity="78.1kWh")
    found = battery.by_energy(state, battery.full_range(state), specs, NOW)
    assert found is not None
    assert found.soh_percent == pytest.approx(95.69, abs=0.02)


@pytest.mark.parametrize(("energy", "miles"), [(20.0, 98.0), (None, 110.0), (25.0, None), (25.0, 400.0)])
def test_energy_of_a_short_or_unknown_charge_says_nothing(energy: float | None, miles: float | None) -> None:
    state = ChargeState(
        battery_level_percent=74,
        battery_range_mi=243.31,
        charge_energy_added_kwh=energy,
        charge_miles_added_rated=miles,
    )
    assert battery.by_energy(state, battery.full_range(state), VehicleSpecs(battery_capacity="78.1kWh"), NOW) is None


RECORDED = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "home-assistant-core" / "vehicle_data.json"


@pytest.mark.skipif(not RECORDED.exists(), reason="no recorded payloads here")
def test_a_recorded_car_of_two_model_years_gets_no_rating() -> None:
    """Its VIN was made anonymous and says 2019, its efficiency package 2021: 346.6 mi at 100 % fit the latter."""
    body = json.loads(RECORDED.read_bytes())
    readings = read(snapshot(answers={"vehicle_data": body}))
    full = battery.full_range(readings.charge)
    assert isinstance(full, battery.FullRange)
    assert full.range_mi == pytest.approx(346.58, abs=0.01)
    year = model_year(readings.config, None, body["response"]["vin"])
    assert "2021 by the efficiency package M32021" in str(rated_range(readings.config, year))
    found = battery.by_range(full, rated_range(readings.config, ModelYear(2021, "x")), NOW)
    assert isinstance(found, Method)
    assert found.soh_percent == pytest.approx(98.18, abs=0.01)


def test_age_takes_the_best_source() -> None:
    specs = VehicleSpecs(production_date=datetime(2024, 2, 11, 8, 42, tzinfo=UTC))
    cover = Warranty(expiration_date=datetime(2028, 1, 1, tzinfo=UTC), coverage_age_in_years=4)
    details = WarrantyDetails(active_warranty=(cover,))
    sources = [age_of(specs, details, Y2024, NOW), age_of(None, details, Y2024, NOW), age_of(None, None, Y2024, NOW)]
    assert [found.source.split(" ")[0] for found in sources if found] == [
        "specs.productionDate", "warranty", "specs.modelYear"]  # fmt: skip
    assert [found.error_years for found in sources if found] == [0.0, 0.1, 0.5]
    assert sources[0] is not None
    assert sources[0].years == pytest.approx(2.0, abs=0.01)
    assert age_of(None, None, None, NOW) is None
    assert age_of(None, None, ModelYear(2030, "x"), NOW) is None


def test_distance_per_year_needs_a_quarter_of_one() -> None:
    assert aged(2).distance_per_year_mi(20_000) == 10_000
    assert aged(0.2).distance_per_year_mi(3_000) is None
    assert aged(2).distance_per_year_mi(None) is None


@pytest.mark.parametrize(
    ("specs", "vin", "package", "year"),
    [
        (VehicleSpecs(model_year=2023), "LRW3E7EK4KC700001", None, 2023),
        (None, "LRW3E7EK4KC700001", None, 2019),
        (None, "LRW3E7EK4RC700001", None, 2024),
        (None, "short", "M3POPPYSEED2024", 2024),
        (VehicleSpecs(model_year=17), "short", None, None),
    ],
)
def test_model_year(specs: VehicleSpecs | None, vin: str, package: str | None, year: int | None) -> None:
    found = model_year(VehicleConfig(efficiency_package=package), specs, vin)
    assert (found.year if found else None) == year


@pytest.mark.parametrize(
    ("badge", "year", "words"),
    [
        ("50", 2023, "LFP"),
        ("50", 2019, "Unknown"),
        ("p74d", 2019, "Nickel"),
        ("100d", 2018, "Nickel"),
        ("", 2023, "Unknown"),
    ],
)
def test_cells(badge: str, year: int, words: str) -> None:
    found = cells_of(VehicleConfig(car_type="model3", trim_badging=badge), ModelYear(year, "x"))
    assert words in found.chemistry
    assert found.advice


def test_share_of_supercharging() -> None:
    """10,000 mi at 78.1 kWh per 341.5 mi are 2,287 kWh; 457.4 kWh are a fifth of it, between 15 and 25 %."""
    new = rated_range(LONG_RANGE, Y2024)
    found = supercharged_share(457.4, 10_000.0, VehicleSpecs(battery_capacity="78.1kWh"), new)
    assert found is not None
    assert [found.low, found.high] == pytest.approx([0.15, 0.25], abs=1e-3)
    assert supercharged_share(457.4, 100.0, VehicleSpecs(battery_capacity="78.1kWh"), new) is None
    assert supercharged_share(457.4, 10_000.0, None, new) is None

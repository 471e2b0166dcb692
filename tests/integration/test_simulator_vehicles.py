"""How vehicle and charging endpoints behave: parts, sleep, pages, shapes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import ALL_SCOPES, FleetClient

NO_LOCATION = tuple(scope for scope in ALL_SCOPES.split() if scope != "vehicle_location")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(vehicles=3)) as running:
        yield running


@pytest.fixture
def owner(sim: Simulator) -> FleetClient:
    return FleetClient(sim.urls.eu, sim.grant(0, tuple(ALL_SCOPES.split())).access_token)


@pytest.fixture
def vin(sim: Simulator) -> str:
    return sim.accounts[0].vehicles[0].vin


def test_a_subset_of_endpoints_drops_the_rest(owner: FleetClient, vin: str) -> None:
    data = owner.get(f"vehicles/{vin}/vehicle_data", endpoints="charge_state;gui_settings").json()["response"]
    assert {"charge_state", "gui_settings"} <= data.keys()
    assert not {"climate_state", "drive_state", "vehicle_state", "vehicle_config"} & data.keys()


def test_closures_state_brings_doors_only(owner: FleetClient, vin: str) -> None:
    data = owner.get(f"vehicles/{vin}/vehicle_data", endpoints="closures_state").json()["response"]
    assert {"df", "locked", "rd_window"} <= data["vehicle_state"].keys()
    assert "odometer" not in data["vehicle_state"]


def test_coordinates_come_with_location_data_only(sim: Simulator, owner: FleetClient, vin: str) -> None:
    path = f"vehicles/{vin}/vehicle_data"
    plain = owner.get(path).json()["response"]["drive_state"]
    assert "power" in plain
    assert not {"latitude", "native_longitude", "active_route_latitude"} & plain.keys()
    placed = owner.get(path, endpoints="drive_state;location_data").json()["response"]["drive_state"]
    assert {"power", "latitude", "longitude"} <= placed.keys()
    sim.accounts[0].vehicles[0].hide_private = True
    hidden = owner.get(path, endpoints="drive_state;location_data").json()["response"]
    assert "latitude" not in hidden["drive_state"]
    assert hidden["granular_access"] == {"hide_private": True}


def test_without_the_location_scope_there_is_no_drive_state(sim: Simulator, vin: str) -> None:
    owner = FleetClient(sim.urls.eu, sim.grant(0, NO_LOCATION).access_token)
    data = owner.get(f"vehicles/{vin}/vehicle_data", endpoints="drive_state;location_data").json()["response"]
    assert "drive_state" not in data


@pytest.mark.parametrize("state", ["asleep", "offline"])
def test_a_car_that_sleeps_answers_408_until_it_is_woken(
    sim: Simulator, owner: FleetClient, vin: str, state: str
) -> None:
    sim.accounts[0].vehicles[0].state = state
    asleep = owner.get(f"vehicles/{vin}/vehicle_data")
    assert asleep.status_code == 408
    assert asleep.json()["error"] == "vehicle unavailable: vehicle is offline or asleep"
    assert owner.get(f"vehicles/{vin}").json()["response"]["state"] == state
    assert owner.get(f"vehicles/{vin}/recent_alerts").status_code == 200
    assert owner.post(f"vehicles/{vin}/wake_up", {}).json()["response"]["state"] == state
    assert owner.get(f"vehicles/{vin}/vehicle_data").status_code == 408
    sim.advance(10)
    assert owner.get(f"vehicles/{vin}").json()["response"]["state"] == "online"
    assert owner.get(f"vehicles/{vin}/vehicle_data").status_code == 200


def test_the_vehicle_list_is_paged(owner: FleetClient) -> None:
    first = owner.get("vehicles", page=1, per_page=2).json()
    assert first["pagination"] == {
        "previous": None,
        "next": 2,
        "current": 1,
        "per_page": 2,
        "count": 3,
        "pages": 2,
    }
    second = owner.get("vehicles", page=2, per_page=2).json()
    assert (second["pagination"]["previous"], second["pagination"]["next"]) == (1, None)
    vins = [car["vin"] for car in first["response"] + second["response"]]
    assert len(set(vins)) == 3
    whole = owner.get("vehicles").json()
    assert (whole["count"], whole["pagination"]["per_page"]) == (3, 100)


def test_the_charging_history_is_paged_from_one(owner: FleetClient) -> None:
    pages = [owner.get("dx/charging/history", pageNo=n, pageSize=10).json()["response"] for n in range(1, 6)]
    assert [len(page["data"]) for page in pages] == [10, 10, 10, 6, 0]
    assert {page["totalResults"] for page in pages} == {36}
    ids = [row["sessionId"] for page in pages for row in page["data"]]
    assert len(set(ids)) == 36
    assert owner.get("dx/charging/history", pageNo=0).status_code == 400


def test_the_charging_history_can_be_sorted_and_narrowed(sim: Simulator, owner: FleetClient, vin: str) -> None:
    mine = owner.get("dx/charging/history", vin=vin, sortBy="sessionId", sortOrder="ASC").json()["response"]["data"]
    assert {row["vin"] for row in mine} == {vin}
    assert [row["sessionId"] for row in mine] == sorted(row["sessionId"] for row in mine)
    newest = owner.get("dx/charging/history", vin=vin).json()["response"]["data"]
    start, end = newest[3]["chargeStartDateTime"], newest[1]["chargeStartDateTime"]
    inside = owner.get("dx/charging/history", vin=vin, startTime=start, endTime=end).json()["response"]["data"]
    assert [row["sessionId"] for row in inside] == [row["sessionId"] for row in newest[1:4]]
    assert owner.get("dx/charging/history", startTime="yesterday").status_code == 400


def test_business_sessions_are_refused_to_people(owner: FleetClient) -> None:
    assert owner.get("dx/charging/sessions").status_code == 403


def test_warranty_without_a_vin_is_500(owner: FleetClient) -> None:
    assert owner.get("dx/warranty/details").status_code == 500


def test_body_shapes_can_be_switched(sim: Simulator, owner: FleetClient, vin: str) -> None:
    sim.control.configure({"history_shape": "bare", "dx_shape": "bare", "notes_shape": "nested"})
    assert owner.get("dx/charging/history").json().keys() == {"data", "totalResults"}
    assert owner.get("dx/vehicles/options", vin=vin).json().keys() == {"codes"}
    assert "activeWarranty" in owner.get("dx/warranty/details", vin=vin).json()
    nested = owner.get(f"vehicles/{vin}/release_notes", staged="true", language="de").json()
    notes = nested["response"]["response"]
    assert notes["staged_version"] == notes["release_notes"][0]["customer_version"]
    assert "[de]" in notes["release_notes"][0]["description"]


def test_payloads_can_be_overridden(sim: Simulator, owner: FleetClient, vin: str) -> None:
    car = sim.accounts[0].vehicles[0]
    car.overrides = {"vehicle_data": {"charge_state": {"battery_level": 1}}, "alerts": [], "service_data": None}
    data = owner.get(f"vehicles/{vin}/vehicle_data").json()["response"]
    assert data["charge_state"]["battery_level"] == 1
    assert "battery_range" in data["charge_state"]
    assert owner.get(f"vehicles/{vin}/recent_alerts").json()["response"]["recent_alerts"] == []
    assert owner.get(f"vehicles/{vin}/service_data").json() == {"response": None}


def test_products_follow_the_scopes(sim: Simulator) -> None:
    energy = FleetClient(sim.urls.eu, sim.grant(0, ("energy_device_data",)).access_token)
    assert not any("vin" in row for row in energy.get("products").json()["response"])
    cars = FleetClient(sim.urls.eu, sim.grant(0, ("vehicle_device_data",)).access_token)
    assert all("vin" in row for row in cars.get("products").json()["response"])

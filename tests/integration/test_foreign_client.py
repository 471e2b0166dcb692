"""A client that knows nothing of this project gets along with the simulator: the package `tesla-fleet-api`.

Its hosts are constants: the fleet host is set to the simulator, calls to the token host are sent on by the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, cast

import aiohttp
import pytest
from tesla_fleet_api import TeslaFleetOAuth
from tesla_fleet_api.const import EnergyOperationMode, VehicleDataEndpoint
from tesla_fleet_api.exceptions import TeslaFleetError, VehicleOffline

from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import ALL_SCOPES, REDIRECT_URI, Application

TOKEN_HOST = "https://fleet-auth.prd.vn.cloud.tesla.com"
T = TypeVar("T")


class Rerouted:
    """What the client uses of a session; the token host stands for the simulator's."""

    def __init__(self, session: aiohttp.ClientSession, auth_url: str) -> None:
        self._session, self._auth_url = session, auth_url

    def post(self, url: str, **more: Any) -> Any:
        return self._session.post(url.replace(TOKEN_HOST, self._auth_url), **more)

    def request(self, method: str, url: str, **more: Any) -> Any:
        return self._session.request(str(method), url, **more)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig()) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.reset()
    return running


def _with_client(sim: Simulator, use: Callable[[TeslaFleetOAuth], Awaitable[T]], *, refresh: str | None = None) -> T:
    """Run `use` with the client, which holds nothing but a refresh token."""

    async def run() -> T:
        async with aiohttp.ClientSession() as session:
            client = TeslaFleetOAuth(
                cast("aiohttp.ClientSession", Rerouted(session, sim.urls.auth)),
                region="eu",
                client_id=sim.config.client_id,
                client_secret=sim.config.client_secret,
                redirect_uri=REDIRECT_URI,
                refresh_token=refresh,
            )
            client.server = sim.urls.eu
            return await use(client)

    return asyncio.run(run())


def _connected(sim: Simulator, use: Callable[[TeslaFleetOAuth], Awaitable[T]]) -> T:
    return _with_client(sim, use, refresh=sim.grant(0, tuple(ALL_SCOPES.split())).refresh_token)


def test_a_code_becomes_tokens_and_tokens_are_refreshed(sim: Simulator) -> None:
    code = Application(sim).consent(scope=ALL_SCOPES)["code"]

    async def use(client: TeslaFleetOAuth) -> list[str | None]:
        await client.get_refresh_token(code)
        seen = [client.refresh_token]
        await client.refresh_access_token()
        return [*seen, client.refresh_token, await client.access_token()]

    first, second, access = _with_client(sim, use)
    assert first
    assert second
    assert first != second
    assert access
    assert [call.status for call in sim.calls("token")] == [200, 200]


def test_a_refresh_is_done_before_the_first_call(sim: Simulator) -> None:
    region = _connected(sim, lambda client: client.user.region())
    assert region["response"] == {"region": "eu", "fleet_api_base_url": sim.urls.eu}
    assert [call.endpoint for call in sim.ledger] == ["token", "user_region"]


def test_vehicles_and_their_data(sim: Simulator) -> None:
    async def use(client: TeslaFleetOAuth) -> tuple[Any, Any, Any]:
        listed = await client.vehicles.createFleet("any").list()
        car = client.vehicles.createFleet(listed["response"][0]["vin"])
        groups: list[VehicleDataEndpoint | str] = [VehicleDataEndpoint.CHARGE_STATE, VehicleDataEndpoint.DRIVE_STATE]
        return listed, await car.vehicle_data(groups), await car.vehicle()

    listed, data, base = _connected(sim, use)
    cars = sim.accounts[0].vehicles
    assert [row["vin"] for row in listed["response"]] == [car.vin for car in cars]
    assert data["response"]["vin"] == base["response"]["vin"] == cars[0].vin
    assert {"charge_state", "drive_state"} <= data["response"].keys()
    assert "climate_state" not in data["response"]


def test_products_and_an_energy_site(sim: Simulator) -> None:
    async def use(client: TeslaFleetOAuth) -> tuple[Any, Any, Any, Any, Any]:
        products = await client.products()
        number = next(row["energy_site_id"] for row in products["response"] if "site_name" in row)
        site = client.energySites.create(number)
        live, before = await site.live_status(), await site.site_info()
        accepted = await site.operation(EnergyOperationMode.BACKUP)
        return live, before, accepted, await site.backup(35), await site.site_info()

    live, before, accepted, reserve, after = _connected(sim, use)
    flows = (live["response"][f"{name}_power"] for name in ("solar", "battery", "grid", "generator"))
    assert sum(flows) == pytest.approx(live["response"]["load_power"])
    assert before["response"]["default_real_mode"] == "self_consumption"
    assert accepted == reserve == {"response": {"code": 201, "message": "Updated"}}
    assert (after["response"]["default_real_mode"], after["response"]["backup_reserve_percent"]) == ("backup", 35)


def test_charging_care_and_the_person(sim: Simulator) -> None:
    vin = sim.accounts[0].vehicles[0].vin

    async def use(client: TeslaFleetOAuth) -> list[dict[str, Any]]:
        car = client.vehicles.createFleet(vin)
        return [
            await client.charging.history(vin=vin, pageNo=1, pageSize=5),
            await car.recent_alerts(),
            await car.release_notes(staged=False, language=0),
            await car.service_data(),
            await car.options(vin),
            await car.warranty_details(vin),
            await car.fleet_status([vin]),
            await client.user.me(),
            await client.user.orders(),
            await client.user.feature_config(),
        ]

    assert all("response" in body for body in _connected(sim, use))
    assert {call.status for call in sim.ledger} == {200}


def test_refusals_are_the_ones_that_it_knows(sim: Simulator) -> None:
    sim.accounts[0].vehicles[0].state = "asleep"
    car, grant = sim.accounts[0].vehicles[0].vin, sim.grant(0, ("vehicle_device_data",))

    async def asleep(client: TeslaFleetOAuth) -> None:
        await client.vehicles.createFleet(car).vehicle_data()

    async def without_scope(client: TeslaFleetOAuth) -> None:
        await client.user.me()

    with pytest.raises(VehicleOffline):
        _with_client(sim, asleep, refresh=grant.refresh_token)
    with pytest.raises(TeslaFleetError):
        _with_client(sim, without_scope, refresh=sim.grant(0, ("vehicle_device_data",)).refresh_token)
    assert [call.status for call in sim.ledger] == [200, 408, 200, 403]

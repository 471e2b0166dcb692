"""Energy sites over real HTTP: both contracts, commands, troubles, and time that runs faster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import pytest
import requests

from shared.tesla.decode import decode
from shared.tesla.models.energy import Products
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.models.site_info import SiteInfo
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import REDIRECT_URI, TIMEOUT_S, Application, FleetClient, callback
from tests.simulator.energy_profile import first_tariff
from tests.simulator.energy_site import EnergySite
from tests.simulator.scopes import ENERGY_SCOPES

ACCEPTED = {"response": {"code": 201, "message": "Updated"}}
TARIFF = first_tariff("cn").content
FORMS = {
    "published": (
        ("POST", "operation"),
        ("POST", "time_of_use_settings", {"tou_settings": {"tariff_content_v2": TARIFF}}),
    ),
    "brief": (("PUT", "operation"), ("POST", "tariff_rate", TARIFF)),
}
"""How each contract sets a mode and a tariff."""


def _contract(name: str) -> Literal["published", "brief"]:
    return "brief" if name == "brief" else "published"


class Owner:
    """An owner's application with one site, under one contract."""

    def __init__(self, contract: str, **options: Any) -> None:
        self.contract = contract
        chosen: dict[str, Any] = {"sites": 2, "vehicles": 0, "accounts": 2, "region": ("eu", "na"), **options}
        self.sim = Simulator(SimulatorConfig(**chosen, energy_contract=_contract(contract)))

    def __enter__(self) -> Owner:
        self.sim.__enter__()
        self.client = self.on("eu")
        return self

    def __exit__(self, *_: object) -> None:
        self.sim.__exit__()

    def on(self, host: str, account: int = 0) -> FleetClient:
        """A client of an account on a region's host."""
        token = self.sim.grant(account, ENERGY_SCOPES[self.contract]).access_token
        return FleetClient(self.sim.urls.fleet(host), token)

    @property
    def site(self) -> EnergySite:
        return self.sim.accounts[0].sites[0]

    def send(self, method: str, path: str, body: object = None) -> requests.Response:
        return self.client.call(method, f"energy_sites/{self.site.site_id}/{path}", json=body)

    def read(self, path: str, **query: str) -> Any:
        answer = self.client.get(f"energy_sites/{self.site.site_id}/{path}", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["response"]

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The answer of a control operation that must succeed."""
        answer = requests.request(method, self.sim.control_url + path, json=body, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(params=["published", "brief"])
def owner(request: pytest.FixtureRequest) -> Iterator[Owner]:
    with Owner(request.param) as running:
        yield running


@pytest.fixture
def published() -> Iterator[Owner]:
    with Owner("published") as running:
        yield running


def test_each_contract_takes_its_own_forms_and_refuses_the_others(owner: Owner) -> None:
    other = {"published": "brief", "brief": "published"}[owner.contract]
    (method, path), (tariff_method, tariff_path, tariff_body) = FORMS[owner.contract]
    mode = {"default_real_mode": "autonomous"}
    answer = owner.send(method, path, mode)
    assert (answer.status_code, answer.json()) == (200, ACCEPTED)
    assert owner.send(tariff_method, tariff_path, tariff_body).json() == ACCEPTED
    info = owner.read("site_info")
    assert info["default_real_mode"] == "autonomous"
    assert info["tariff_content_v2"] == TARIFF
    (method, path), (tariff_method, tariff_path, tariff_body) = FORMS[other]
    assert owner.send(method, path, mode).status_code == 405
    assert owner.send(tariff_method, tariff_path, tariff_body).status_code == 404
    assert sum(owner.site.commands.values()) == 2
    sent = [call for call in owner.sim.calls() if call.endpoint == "operation"]
    assert [(call.method, call.status, call.body) for call in sent] == [
        (method_of, status, '{"default_real_mode": "autonomous"}')
        for method_of, status in ((FORMS[owner.contract][0][0], 200), (FORMS[other][0][0], 405))
    ]


def test_what_live_status_carries(owner: Owner) -> None:
    live = owner.read("live_status")
    assert (
        live["solar_power"] + live["battery_power"] + live["grid_power"] + live["generator_power"]
        == live["load_power"]
    )
    assert 0 < live["energy_left"] < live["total_pack_energy"]
    extra = {"backup_reserve_percent", "programs"}
    assert live.keys() & extra == (extra if owner.contract == "brief" else set())
    read = decode(owner.send("GET", "live_status").content, LiveStatus)
    assert not read.lost
    assert read.value.energy_left_wh == pytest.approx(live["energy_left"], rel=1e-3)


def test_another_region_and_another_scope_family(owner: Owner) -> None:
    path = f"energy_sites/{owner.site.site_id}/live_status"
    elsewhere, refused = owner.on("na"), {"published": 421, "brief": 404}[owner.contract]
    assert elsewhere.get(path).status_code == elsewhere.get("products").status_code == refused
    assert elsewhere.get("vehicles").status_code == 421, "the brief speaks of energy sites only"
    other = ENERGY_SCOPES[{"published": "brief", "brief": "published"}[owner.contract]]
    application = Application(owner.sim)
    answer = requests.get(
        application.authorize_url(scope=f"openid {' '.join(other)}"), allow_redirects=False, timeout=TIMEOUT_S
    )
    assert answer.headers["Location"].startswith(REDIRECT_URI)
    assert callback(answer.headers["Location"])["error"] == "invalid_scope"


@pytest.mark.parametrize("shape", ["strings", "objects"])
def test_programmes_in_either_shape(shape: str) -> None:
    with Owner("brief", programs_shape=shape) as owner:
        site = f"/sites/{owner.site.site_id}"
        rows = [
            {"program_id": "a", "name": "A", "status": "active"},
            {"program_id": "b", "name": "B", "status": "pending"},
        ]
        owner.control("PATCH", site, {"programs": rows})
        assert owner.read("live_status")["programs"] == (["A"] if shape == "strings" else rows)
        assert owner.send("GET", "programs").status_code == 404
        owner.control("PATCH", "/config", {"programs_endpoint": True})
        assert owner.read("programs") == {"programs": ["A"] if shape == "strings" else rows}


def test_the_settings_that_both_contracts_share(owner: Owner) -> None:
    writes = {
        "backup": {"backup_reserve_percent": 35},
        "storm_mode": {"enabled": False},
        "grid_import_export": {
            "customer_preferred_export_rule": "pv_only",
            "disallow_charge_from_grid_with_solar_installed": True,
        },
        "off_grid_vehicle_charging_reserve": {"off_grid_vehicle_charging_reserve_percent": 40},
    }
    for path, body in writes.items():
        assert owner.send("POST", path, body).json() == ACCEPTED
    info = decode(owner.send("GET", "site_info").content, SiteInfo)
    assert not info.lost
    assert info.value.backup_reserve_percent == 35
    assert info.value.off_grid_vehicle_charging_reserve_percent == 40
    assert info.value.user_settings is not None
    assert info.value.user_settings.storm_mode_enabled is False
    assert info.value.components is not None
    assert info.value.components.customer_preferred_export_rule == "pv_only"
    assert info.value.components.disallow_charge_from_grid_with_solar_installed is True
    assert owner.site.commands == dict.fromkeys(writes, 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("operation", {"default_real_mode": "turbo"}),
        ("operation", {}),
        ("backup", {"backup_reserve_percent": 101}),
        ("backup", {"backup_reserve_percent": True}),
        ("storm_mode", {"enabled": "yes"}),
        ("grid_import_export", {}),
        ("grid_import_export", {"customer_preferred_export_rule": "always"}),
        ("grid_import_export", {"disallow_charge_from_grid_with_solar_installed": "no"}),
        ("off_grid_vehicle_charging_reserve", {"off_grid_vehicle_charging_reserve_percent": -1}),
        ("time_of_use_settings", {"tariff_content_v2": {}}),
        ("time_of_use_settings", {"tou_settings": {"optimization_strategy": "economics", "tariff_content_v2": {}}}),
    ],
)
def test_bad_commands_are_refused(published: Owner, path: str, body: object) -> None:
    assert published.send("POST", path, body).status_code == 400
    assert not published.site.commands


def test_reserves_from_81_to_99_are_snapped_or_refused(published: Owner) -> None:
    assert published.send("POST", "backup", {"backup_reserve_percent": 90}).status_code == 200
    assert published.read("site_info")["backup_reserve_percent"] == 80
    published.control("PATCH", "/config", {"high_reserve": "refused"})
    assert published.send("POST", "backup", {"backup_reserve_percent": 90}).status_code == 400
    assert published.send("POST", "backup", {"backup_reserve_percent": 100}).status_code == 200


@pytest.mark.parametrize(
    ("shape", "body"), [("capitalised", {"Code": 201, "Message": "Updated"}), ("text", "Updated")]
)
def test_accepted_in_other_words(published: Owner, shape: str, body: object) -> None:
    published.control("PATCH", "/config", {"write_shape": shape})
    assert published.send("POST", "storm_mode", {"enabled": True}).json() == {"response": body}


def test_a_mode_moves_the_battery_after_the_reaction_time(published: Owner) -> None:
    published.control("PATCH", "/config", {"reaction_s": 600})
    published.control("PATCH", f"/sites/{published.site.site_id}", {"percentage_charged": 60, "grid_charging": True})
    published.send("POST", "operation", {"default_real_mode": "backup"})
    assert published.read("site_info")["default_real_mode"] == "backup"
    rated_w = published.read("site_info")["nameplate_power"]
    assert published.read("live_status")["battery_power"] > -0.66 * rated_w
    published.control("POST", "/clock", {"advance_s": 601})
    assert published.read("live_status")["battery_power"] <= -0.65 * rated_w


def test_an_owner_changes_the_mode_without_a_command(published: Owner) -> None:
    published.send("POST", "operation", {"default_real_mode": "backup"})
    published.control("PATCH", f"/sites/{published.site.site_id}", {"mode": "autonomous", "tariff": TARIFF})
    assert published.read("site_info")["default_real_mode"] == "autonomous"
    rows = published.control("GET", "/fleet?hours=")["sites"]
    assert rows[0]["commands"] == {"operation": 1}
    assert rows[0]["mode"] == rows[0]["acting_mode"] == "autonomous"
    published.control("DELETE", "/fleet/commands")
    assert published.control("GET", "/fleet?hours=")["sites"][0]["commands"] == {}


def test_dead_gateways_answer_in_two_ways_and_keep_their_site_info(published: Owner) -> None:
    site = published.site.site_id
    for trouble, status in (("dead_500", 500), ("dead_408", 408)):
        published.control("POST", "/troubles", {"trouble": trouble, "sites": [site]})
        assert published.send("GET", "live_status").status_code == status
        assert published.send("POST", "operation", {"default_real_mode": "backup"}).status_code == status
        assert published.send("GET", "site_info").status_code == 200
        assert published.control("POST", "/troubles", {"trouble": trouble, "sites": [site], "on": False}) == {
            "sites": 1
        }
    assert published.send("GET", "live_status").status_code == 200
    assert not published.site.commands


def test_a_replaced_powerwall_is_listed_and_its_site_info_fails(published: Owner) -> None:
    published.control("PATCH", f"/sites/{published.site.site_id}", {"troubles": ["replaced"]})
    assert published.send("GET", "site_info").status_code == 500
    assert published.send("GET", "live_status").status_code == 200


def test_an_added_site_is_in_products_with_plausible_fields(owner: Owner) -> None:
    (added,) = owner.control("POST", "/accounts/0/sites", {"count": 1})["sites"]
    products = decode(owner.client.get("products").content, Products)
    assert not products.lost
    rows = {row.energy_site_id: row for row in products.value.products or ()}
    row = rows[added]
    assert len(rows) == 4
    assert (row.resource_type, row.is_energy_site) == ("battery", True)
    assert row.site_name
    assert row.gateway_id
    assert 0 < (row.percentage_charged or 0) <= 100
    assert 0 < (row.energy_left_wh or 0) <= (row.total_pack_energy_wh or 0)
    live = owner.client.get(f"energy_sites/{added}/live_status").json()["response"]
    assert live["island_status"] == "on_grid"


def test_history_over_http(published: Owner) -> None:
    start = datetime.fromisoformat(published.read("live_status")["timestamp"])
    published.control("POST", "/clock", {"advance_s": 7_200})
    span = {"start_date": start.isoformat(), "end_date": published.read("live_status")["timestamp"]}
    body = published.read("calendar_history", kind="energy", period="day", **span)
    assert 23 <= len(body["time_series"]) <= 25
    assert datetime.fromisoformat(body["time_series"][0]["timestamp"]).minute % 5 == 0
    assert published.read("calendar_history", kind="backup", **span) == {"events": [], "total_events": 0}
    midnight = {**span, "end_date": f"{start.date()}T00:00:00+00:00"}
    empty = published.read("calendar_history", kind="energy", period="day", **midnight)
    assert empty == {"serial_number": "", "period": "day"}
    assert published.read("telemetry_history", kind="charge") == {"time_series": []}
    assert published.send("GET", "calendar_history?kind=power").status_code == 400
    assert published.send("GET", "telemetry_history?kind=power").status_code == 400
    assert published.send("GET", "calendar_history?kind=energy&start_date=soon").status_code == 400


def test_time_runs_faster_for_batteries_and_tokens_alike() -> None:
    with Owner("published", clock_rate=0.0, access_token_s=3_600) as owner:
        owner.control(
            "PATCH",
            f"/sites/{owner.site.site_id}",
            {"percentage_charged": 50, "mode": "backup", "grid_charging": True},
        )
        held = owner.read("live_status")
        assert owner.read("live_status") == held
        assert owner.control("POST", "/clock", {"rate": 1_000_000.0})["rate"] == 1_000_000.0
        while owner.sim.now() < datetime.fromisoformat(held["timestamp"]).timestamp() + 3_600:
            owner.control("GET", "/clock")
        owner.control("POST", "/clock", {"rate": 0})
        assert owner.send("GET", "live_status").status_code == 401
        owner.client = owner.on("eu")
        assert owner.read("live_status")["percentage_charged"] > held["percentage_charged"]
        refused = requests.post(f"{owner.sim.control_url}/clock", json={"rate": -1}, timeout=TIMEOUT_S)
        assert refused.status_code == 400


def test_the_control_api_refuses_what_it_does_not_know(published: Owner) -> None:
    url, site = published.sim.control_url, published.site.site_id
    asked = {
        ("POST", "/troubles"): {"trouble": "gremlins"},
        ("PATCH", f"/sites/{site}"): {"troubles": ["gremlins"]},
        ("GET", "/fleet?hours=0"): None,
    }
    for (method, path), body in asked.items():
        assert requests.request(method, url + path, json=body, timeout=TIMEOUT_S).status_code == 400, path
    unknown = {"trouble": "stale", "sites": [1]}
    assert requests.post(f"{url}/troubles", json=unknown, timeout=TIMEOUT_S).status_code == 404

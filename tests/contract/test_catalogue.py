"""The catalogue against what is documented, against the models, the orders and the simulator."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.orders.packages import EVERY_MODULE, MODULES, PACKAGES
from shared.tesla import errors
from shared.tesla.catalogue import ENDPOINTS, ENERGY_SCOPES, Contract, Endpoint, EnergyAction, Price, energy_endpoint
from shared.tesla.client import Access, require
from shared.tesla.models.table import MODELS
from tests.simulator.catalogue import fleet_routes
from tests.simulator.prices import CATEGORY
from tests.simulator.scopes import ENERGY_SCOPES as SIMULATED_SCOPES

USER, PARTNER = "user", "partner"
DEVICE, CHARGING, PERSON = ("vehicle_device_data",), ("vehicle_charging_cmds",), ("user_data",)
CAR, SITE = "/api/1/vehicles/{vin}", "/api/1/energy_sites/{energy_site_id}"
READ, WRITE = ("energy_device_data", "energy:read"), ("energy_cmds", "energy:write")
PAGES = ("startTime", "endTime", "pageNo", "pageSize", "sortBy", "sortOrder", "vin")
SPAN = ("kind", "start_date", "end_date", "time_zone")

Row = tuple[str, str, str, tuple[str, ...], tuple[str, ...], str]

DOCUMENTED: dict[str, Row] = {  # method, path, token, scopes, query, root
    "vehicles": ("GET", "/api/1/vehicles", USER, DEVICE, ("page", "per_page"), "response[]"),
    "vehicle": ("GET", CAR, USER, DEVICE, (), "response"),
    "vehicle_data": ("GET", f"{CAR}/vehicle_data", USER, DEVICE, ("endpoints",), "response"),
    "service_data": ("GET", f"{CAR}/service_data", USER, DEVICE, (), "response"),
    "recent_alerts": ("GET", f"{CAR}/recent_alerts", USER, DEVICE, (), "response.recent_alerts[]"),
    "release_notes": (
        "GET", f"{CAR}/release_notes", USER, DEVICE, ("language", "staged"), "response.release_notes[]",
    ),
    "specs": ("GET", f"{CAR}/specs", PARTNER, ("vehicle_specs",), (), "response"),
    "wake_up": (
        "POST", f"{CAR}/wake_up", USER, ("vehicle_device_data", "vehicle_cmds", "vehicle_charging_cmds"), (),
        "response",
    ),
    "fleet_status": ("POST", "/api/1/vehicles/fleet_status", USER, DEVICE, (), "response"),
    "warranty": ("GET", "/api/1/dx/warranty/details", USER, DEVICE, ("vin",), "response"),
    "options": ("GET", "/api/1/dx/vehicles/options", USER, DEVICE, ("vin",), "response.codes[]"),
    "charging_history": ("GET", "/api/1/dx/charging/history", USER, CHARGING, PAGES, "response.data[]"),
    "charging_invoice": (
        "GET", "/api/1/dx/charging/invoice/{content_id}", USER, CHARGING, (), "body is a PDF",
    ),
    "charging_sessions": (
        "GET", "/api/1/dx/charging/sessions", USER, CHARGING,
        ("date_from", "date_to", "limit", "offset", "vin"), "response.data[]",
    ),
    "feature_config": ("GET", "/api/1/users/feature_config", USER, PERSON, (), "response"),
    "user_me": ("GET", "/api/1/users/me", USER, PERSON, (), "response"),
    "user_orders": ("GET", "/api/1/users/orders", USER, PERSON, (), "response[]"),
    "user_region": ("GET", "/api/1/users/region", USER, (), (), "response"),
    "partner_accounts": ("POST", "/api/1/partner_accounts", PARTNER, (), (), "response"),
    "partner_public_key": ("GET", "/api/1/partner_accounts/public_key", PARTNER, (), ("domain",), "response"),
    "products": ("GET", "/api/1/products", USER, (*DEVICE, *READ), (), "response[]"),
    "site_info": ("GET", f"{SITE}/site_info", USER, READ, (), "response"),
    "live_status": ("GET", f"{SITE}/live_status", USER, READ, (), "response"),
    "calendar_history": ("GET", f"{SITE}/calendar_history", USER, READ, (*SPAN, "period"), "response"),
    "telemetry_history": ("GET", f"{SITE}/telemetry_history", USER, READ, SPAN, "response"),
    "programs": ("GET", f"{SITE}/programs", USER, READ, (), "response.programs[]"),
    "operation": ("POST", f"{SITE}/operation", USER, WRITE, (), "response"),
    "operation_put": ("PUT", f"{SITE}/operation", USER, WRITE, (), "response"),
    "time_of_use_settings": ("POST", f"{SITE}/time_of_use_settings", USER, WRITE, (), "response"),
    "tariff_rate": ("POST", f"{SITE}/tariff_rate", USER, WRITE, (), "response"),
    "backup": ("POST", f"{SITE}/backup", USER, WRITE, (), "response"),
    "storm_mode": ("POST", f"{SITE}/storm_mode", USER, WRITE, (), "response"),
    "grid_import_export": ("POST", f"{SITE}/grid_import_export", USER, WRITE, (), "response"),
    "off_grid_vehicle_charging_reserve": (
        "POST", f"{SITE}/off_grid_vehicle_charging_reserve", USER, WRITE, (), "response",
    ),
}  # fmt: skip

MAY_BE_EMPTY = {
    "service_data",
    "charging_invoice",
    "live_status",
    "calendar_history",
    "telemetry_history",
    "programs",
}
BODIES = {
    "fleet_status": ("vins",),
    "partner_accounts": ("domain",),
    "operation": ("default_real_mode",),
    "operation_put": ("default_real_mode",),
    "time_of_use_settings": ("tou_settings.tariff_content_v2",),
    "tariff_rate": ("*",),
    "backup": ("backup_reserve_percent",),
    "storm_mode": ("enabled",),
    "grid_import_export": ("disallow_charge_from_grid_with_solar_installed", "customer_preferred_export_rule"),
    "off_grid_vehicle_charging_reserve": ("off_grid_vehicle_charging_reserve_percent",),
}
MATCH_TABLE = {
    "vehicle_data": "/api/1/vehicles/{vin}/vehicle_data",
    "charging_history": "/api/1/dx/charging/history",
    "recent_alerts": "/api/1/vehicles/{vin}/recent_alerts",
    "service_data": "/api/1/vehicles/{vin}/service_data",
    "warranty": "/api/1/dx/warranty/details?vin={vin}",
    "release_notes": "/api/1/vehicles/{vin}/release_notes",
    "options": "/api/1/dx/vehicles/options?vin={vin}",
    "specs": "/api/1/vehicles/{vin}/specs",
}
"""Where Tesla documents each module of a report."""
WITHOUT_MODEL = {
    "charging_invoice": "a PDF",
    "wake_up": "the vehicle's state is asked for afterwards",
    "calendar_history": "not read yet",
    "telemetry_history": "not read yet",
    "programs": "undocumented; its body is not known",
    "operation": "CommandAnswer: all writes answer alike",
    "operation_put": "CommandAnswer",
    "time_of_use_settings": "CommandAnswer",
    "tariff_rate": "CommandAnswer",
    "backup": "CommandAnswer",
    "storm_mode": "CommandAnswer",
    "grid_import_export": "CommandAnswer",
    "off_grid_vehicle_charging_reserve": "CommandAnswer",
    "partner_accounts": "PartnerAccount, read where the application registers",
    "partner_public_key": "PartnerPublicKey, read where the application registers",
}
NOT_SIMULATED: set[str] = set()
"""What the simulator has no answer for."""
EVERY_SCOPE = frozenset(scope for endpoint in ENDPOINTS.values() for scope in endpoint.scopes)


def _row(endpoint: Endpoint) -> Row:
    return endpoint.method, endpoint.path, endpoint.token, endpoint.scopes, endpoint.query, endpoint.root


def test_every_endpoint_is_in_the_catalogue_as_documented() -> None:
    assert {name: _row(endpoint) for name, endpoint in ENDPOINTS.items()} == DOCUMENTED
    assert {name: endpoint.body for name, endpoint in ENDPOINTS.items() if endpoint.body} == BODIES
    assert all(endpoint.name == name for name, endpoint in ENDPOINTS.items())


def test_what_sets_endpoints_apart() -> None:
    assert {name for name, endpoint in ENDPOINTS.items() if endpoint.business} == {"charging_sessions"}
    assert {name for name, endpoint in ENDPOINTS.items() if endpoint.pdf} == {"charging_invoice"}
    assert {name for name, endpoint in ENDPOINTS.items() if not endpoint.documented} == {"programs"}
    assert {name for name, endpoint in ENDPOINTS.items() if endpoint.nullable} == MAY_BE_EMPTY
    assert ENDPOINTS["calendar_history"].kinds == ("energy", "backup")
    assert ENDPOINTS["telemetry_history"].kinds == ("charge",)


@pytest.mark.parametrize(("module", "documented"), MATCH_TABLE.items())
def test_a_report_asks_where_tesla_documents_it(module: str, documented: str) -> None:
    endpoint = ENDPOINTS[module]
    path, _, query = documented.partition("?")
    assert endpoint.path == path
    assert "vehicle_tag" not in endpoint.path + "".join(endpoint.query)
    if query:
        assert MODULES[module].ask("5YJ3", frozenset()).query == {"vin": "5YJ3"}


@pytest.mark.parametrize("scopes", [frozenset[str](), EVERY_SCOPE | {"vehicle_location"}], ids=["few", "all"])
@pytest.mark.parametrize("module", MODULES)
def test_orders_send_documented_parameters_only(module: str, scopes: frozenset[str]) -> None:
    endpoint, ask = ENDPOINTS[module], MODULES[module].ask("5YJ3", scopes)
    assert set(re.findall(r"{(\w+)}", endpoint.path)) == set(ask.path)
    assert set(ask.query) <= set(endpoint.query)
    assert set(ask.json or {}) == set(endpoint.body)


def test_no_package_buys_what_only_business_fleets_may_ask() -> None:
    bought = {name for package in PACKAGES.values() for name in package.modules} | set(EVERY_MODULE)
    assert not {name for name in bought if ENDPOINTS[name].business}


def test_every_answer_has_a_model_or_a_reason_for_none() -> None:
    assert MODELS.keys() <= ENDPOINTS.keys()
    assert WITHOUT_MODEL.keys() <= ENDPOINTS.keys()
    assert ENDPOINTS.keys() - MODELS.keys() <= WITHOUT_MODEL.keys()


def test_models_of_answers_that_may_be_empty_take_empty_ones() -> None:
    empty = {name for name, model in MODELS.items() if model.wire_may_be_empty}
    assert empty <= {name for name, endpoint in ENDPOINTS.items() if endpoint.nullable}


def test_the_simulator_answers_every_endpoint_but_the_known_gaps() -> None:
    routes = fleet_routes()
    found = {name for name, endpoint in ENDPOINTS.items() if routes.find(endpoint.method, endpoint.path)}
    assert ENDPOINTS.keys() - found == NOT_SIMULATED


@pytest.mark.parametrize("name", sorted(ENDPOINTS.keys() - NOT_SIMULATED))
def test_the_simulator_and_the_catalogue_agree(name: str) -> None:
    endpoint = ENDPOINTS[name]
    found = fleet_routes().find(endpoint.method, endpoint.path)
    assert found is not None
    simulated = found[0]
    assert simulated.name == name.removesuffix("_put")
    assert simulated.token == endpoint.token
    assert simulated.scopes == set(endpoint.scopes)
    assert CATEGORY.get(simulated.name, "data") == endpoint.price


def test_both_scope_families_are_the_simulators() -> None:
    assert {str(contract): pair for contract, pair in ENERGY_SCOPES.items()} == SIMULATED_SCOPES


# Energy contracts


@pytest.mark.parametrize(
    ("action", "contract", "method", "path", "value", "body"),
    [
        (EnergyAction.OPERATION, Contract.PUBLISHED, "POST", "operation", "backup", {"default_real_mode": "backup"}),
        (EnergyAction.OPERATION, Contract.BRIEF, "PUT", "operation", "backup", {"default_real_mode": "backup"}),
        (
            EnergyAction.TARIFF,
            Contract.PUBLISHED,
            "POST",
            "time_of_use_settings",
            {"version": 1},
            {"tou_settings": {"tariff_content_v2": {"version": 1}}},
        ),
        (EnergyAction.TARIFF, Contract.BRIEF, "POST", "tariff_rate", {"version": 1}, {"version": 1}),
        (EnergyAction.BACKUP, Contract.BRIEF, "POST", "backup", 20, {"backup_reserve_percent": 20}),
        (EnergyAction.STORM_MODE, Contract.PUBLISHED, "POST", "storm_mode", True, {"enabled": True}),
    ],
)
def test_the_contract_decides_how_a_site_is_set(
    action: EnergyAction, contract: Contract, method: str, path: str, value: Any, body: Any
) -> None:
    endpoint = energy_endpoint(action, contract)
    assert (endpoint.method, endpoint.path) == (method, f"{SITE}/{path}")
    assert endpoint.body_with(value) == body


@pytest.mark.parametrize("action", EnergyAction)
def test_each_action_has_one_endpoint_of_the_catalogue_in_each_contract(action: EnergyAction) -> None:
    for contract in Contract:
        endpoint = energy_endpoint(action, contract)
        assert ENDPOINTS[endpoint.name] is endpoint
        assert endpoint.contract in ("both", contract)
        assert endpoint.price is Price.ENERGY
        assert set(endpoint.scopes) == {ENERGY_SCOPES[Contract.PUBLISHED][1], ENERGY_SCOPES[Contract.BRIEF][1]}
    same = energy_endpoint(action, Contract.PUBLISHED) is energy_endpoint(action, Contract.BRIEF)
    assert same is (action not in (EnergyAction.OPERATION, EnergyAction.TARIFF))


def test_a_contract_knows_the_other() -> None:
    assert [contract.other for contract in Contract] == [Contract.BRIEF, Contract.PUBLISHED]


def test_a_body_of_several_fields_is_not_made_from_one_value() -> None:
    with pytest.raises(ValueError, match="no single field"):
        ENDPOINTS["grid_import_export"].body_with("never")


# What is not sent


@pytest.mark.parametrize("name", ENDPOINTS)
def test_the_right_token_with_any_one_scope_is_let_through(name: str) -> None:
    endpoint = ENDPOINTS[name]
    for scope in endpoint.scopes or ("openid",):
        require(endpoint, Access("t", "eu", frozenset({scope}), endpoint.token, business=endpoint.business))


@pytest.mark.parametrize("name", ENDPOINTS)
def test_the_other_kind_of_token_is_not_sent(name: str) -> None:
    endpoint = ENDPOINTS[name]
    kind = PARTNER if endpoint.token == USER else USER
    with pytest.raises(errors.NotSent, match="token"):
        require(endpoint, Access("t", "eu", EVERY_SCOPE, kind, business=True))


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if endpoint.scopes])
def test_a_token_without_the_scope_is_not_sent(name: str) -> None:
    endpoint = ENDPOINTS[name]
    others = EVERY_SCOPE - set(endpoint.scopes)
    with pytest.raises(errors.ScopeMissing) as error:
        require(endpoint, Access("t", "eu", others, endpoint.token, business=endpoint.business))
    assert error.value.scope == endpoint.scopes[0]


def test_a_persons_account_is_not_asked_for_a_fleets_sessions() -> None:
    with pytest.raises(errors.NotSent, match="business"):
        require(ENDPOINTS["charging_sessions"], Access("t", "eu", EVERY_SCOPE))

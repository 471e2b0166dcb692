"""Every documented field has its attribute, and the attribute gets Tesla's value."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.tesla.charging_pages import is_last_page, sessions_of, split_by_vin
from shared.tesla.decode import Undecodable, decode
from shared.tesla.models.energy import CommandAnswer, Products
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.models.product import ReleaseNotes, VehicleSpecs
from shared.tesla.models.table import MODELS
from shared.tesla.models.vehicle import VehicleList
from shared.tesla.models.vehicle_data import VehicleData
from tests.unit import tesla_payloads as documented

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures"
RECORDED = {
    "home-assistant-core/vehicle_data.json": "vehicle_data",
    "home-assistant-core/products.json": "products",
    "home-assistant-core/site_info.json": "site_info",
    "home-assistant-core/live_status.json": "live_status",
    "jasonacox-pypowerwall/live_status.json": "live_status",
    "jasonacox-pypowerwall/live_status_cloud_off_grid_intentional.json": "live_status",
    "jasonacox-pypowerwall/products.json": "products",
    "jasonacox-pypowerwall/site_info.json": "site_info",
}
BADLY_TRANSCRIBED = {"jasonacox-pypowerwall/site_info.json": ("installation_date",)}


def _body(tree: object) -> bytes:
    return json.dumps(tree).encode()


def _missing(payload: Any, written: Any, path: str = "") -> list[str]:
    """Paths of `payload` that `written`, a model written back, lacks or has with another value."""
    if isinstance(payload, dict) and isinstance(written, dict):
        return [lack for key in payload for lack in _missing(payload[key], written.get(key, ...), f"{path}.{key}")]
    if isinstance(payload, list) and isinstance(written, list) and len(payload) == len(written):
        return [lack for i, item in enumerate(payload) for lack in _missing(item, written[i], f"{path}[{i}]")]
    return [] if written is not ... and _same(payload, written) else [path]


def _same(sent: object, written: object) -> bool:
    if isinstance(sent, str) and isinstance(written, bool):
        return sent == str(written).lower()
    if isinstance(sent, str) and isinstance(written, str) and sent != written:
        return datetime.fromisoformat(sent) == datetime.fromisoformat(written)
    return sent == written


@pytest.mark.parametrize("name", MODELS)
def test_every_documented_field_is_read_with_its_value(name: str) -> None:
    payload = documented.PAYLOADS[name]
    read = decode(_body(payload), MODELS[name])
    assert read.lost == ()
    assert _missing(payload, json.loads(msgspec.json.encode(read.value))) == []


def test_the_documented_payloads_cover_every_endpoint() -> None:
    assert documented.PAYLOADS.keys() == MODELS.keys()


@pytest.mark.parametrize(("file", "name"), RECORDED.items())
def test_recorded_payloads_are_read_without_loss(file: str, name: str) -> None:
    if not FIXTURES.is_dir():
        pytest.skip("no recorded payloads on this machine")
    read = decode((FIXTURES / file).read_bytes(), MODELS[name])
    assert read.lost == BADLY_TRANSCRIBED.get(file, ())
    assert read.value != MODELS[name]()


def test_units_are_in_the_names() -> None:
    data = decode(_body({"response": documented.VEHICLE_DATA}), VehicleData).value
    assert data.charge_state is not None
    assert data.vehicle_state is not None
    assert data.climate_state is not None
    assert (data.charge_state.battery_level_percent, data.charge_state.battery_range_mi) == (74, 243.31)
    assert (data.charge_state.charge_energy_added_kwh, data.charge_state.charger_power_kw) == (17.74, 0)
    assert (data.vehicle_state.odometer_mi, data.vehicle_state.tpms_pressure_fl_bar) == (12345.678901, 2.75)
    assert (data.climate_state.inside_temp_c, data.charge_state.timestamp_ms) == (4.5, 1700000000000)


def test_the_payment_flag_in_a_string_is_parsed() -> None:
    for text, flag in (("false", False), ("true", True)):
        body = _body({"supercharger_payment_needed": text})
        assert decode(body, VehicleData).value.supercharger_payment_needed is flag


def test_any_group_may_be_null_or_missing() -> None:
    data = decode(_body({"response": {"vin": "V", "charge_state": None}}), VehicleData)
    assert (data.value.charge_state, data.value.drive_state, data.lost) == (None, None, ())


@pytest.mark.parametrize("tree", [[documented.VEHICLE], {"response": [documented.VEHICLE]}])
def test_a_vehicle_list_is_read_with_and_without_wrapper(tree: object) -> None:
    vehicles = decode(_body(tree), VehicleList).value.vehicles
    assert vehicles is not None
    assert [v.vin for v in vehicles] == ["TEST00000000VIN01"]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"response": x}])
def test_a_vehicle_list_with_an_odd_entry_keeps_the_others(wrap: Any) -> None:
    read = decode(_body(wrap([{"vin": "A", "id": "x"}, None, {"vin": "B"}])), VehicleList)
    assert [vehicle.vin for vehicle in read.value.vehicles or ()] == ["A", "B"]
    assert read.lost == ("response[0].id", "response[1]")


_NOTES = {"release_notes": [documented.RELEASE_NOTE]}
_VERSIONS = {"deployed_version": "1", "staged_version": "2", "release_notes_version": "3"}


@pytest.mark.parametrize(
    "tree",
    [
        _NOTES | _VERSIONS,
        {"response": _NOTES | _VERSIONS},
        {"response": _NOTES} | _VERSIONS,
        {"response": {"response": _NOTES} | _VERSIONS},
        {"response": {"response": _NOTES | _VERSIONS}},
        {"response": {"response": _NOTES}} | _VERSIONS,
        {"response": {"response": _NOTES | dict.fromkeys(_VERSIONS)} | _VERSIONS},
    ],
)
def test_release_notes_keep_their_versions_wherever_they_stand(tree: object) -> None:
    read = decode(_body(tree), ReleaseNotes)
    assert read.value.release_notes is not None
    assert read.value.release_notes[0].customer_version == "2022.42.0"
    versions = (read.value.deployed_version, read.value.staged_version, read.value.release_notes_version)
    assert (versions, read.lost) == (("1", "2", "3"), ())


def test_service_data_may_be_empty_and_others_may_not() -> None:
    for name, model in MODELS.items():
        if name == "service_data":
            assert decode(b'{"response": {}}', model).value == model()
        else:
            with pytest.raises(Undecodable, match=model.__name__):
                decode(b'{"response": {}}', model)


def test_times_keep_the_sites_offset_and_need_one() -> None:
    body = _body({"timestamp": "2024-05-12T00:18:19-07:00", "load_power": 1})
    time = decode(body, LiveStatus).value.timestamp
    assert time is not None
    assert time.utcoffset() == timedelta(hours=-7)
    assert decode(body.replace(b"-07:00", b""), LiveStatus).lost == ("timestamp",)


def test_specs_take_quantities_as_text_and_as_numbers() -> None:
    assert decode(b'{"batterySoH": "97%"}', VehicleSpecs).value.battery_soh == "97%"
    assert decode(b'{"batterySoH": 97}', VehicleSpecs).value.battery_soh == 97


def test_products_tell_cars_from_sites_and_keep_empty_sites() -> None:
    tree = {"response": [documented.VEHICLE, documented.ENERGY_PRODUCT, {"energy_site_id": "98765"}]}
    products = decode(_body(tree), Products).value.products
    assert products is not None
    assert [p.is_energy_site for p in products] == [False, True, True]
    assert products[2].energy_site_id == 98765


@pytest.mark.parametrize(
    ("tree", "status", "text"),
    [
        ({"response": {"code": 201, "message": "Updated"}}, 201, "Updated"),
        ({"response": {"Code": 201, "Message": "Updated"}}, 201, "Updated"),
        ({"response": "Updated"}, None, "Updated"),
        ({"response": {}}, None, None),
    ],
)
def test_command_answers_are_read_in_either_case(tree: object, status: int | None, text: str | None) -> None:
    answer = decode(_body(tree), CommandAnswer).value
    assert (answer.status, answer.text) == (status, text)


def test_site_tariffs_are_kept_as_sent() -> None:
    site = decode(_body({"response": documented.SITE_INFO}), MODELS["site_info"]).value
    tariff = json.loads(msgspec.json.encode(site))["tariff_content_v2"]
    assert tariff == documented.SITE_INFO["tariff_content_v2"]


def _session(number: object, vin: object) -> dict[str, object]:
    return {"sessionId": number, "vin": vin, "unknown": [number]}


def test_sessions_are_split_by_vin_without_repetition_and_unchanged() -> None:
    first = [_session(1, "A"), _session(2, "B"), _session(3, None), _session(4, {"no": "vin"}), "odd", None]
    second = [_session(2, "B"), _session("1", "A"), _session(5, " A "), {"vin": "A"}, {"vin": "A"}]
    split = split_by_vin([_body({"response": {"data": first}}), _body({"data": second})])
    read = {vin: [json.loads(bytes(raw)) for raw in sessions] for vin, sessions in split.items()}
    assert read == {
        "A": [first[0], second[2], second[3], second[4]],
        "B": [first[1]],
        "": [first[2], first[3], "odd", None],
    }


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"response": x}, lambda x: {"response": {"response": x}}])
def test_a_short_page_is_the_last(wrap: Any) -> None:
    sessions = [_session(i, "A") for i in range(3)]
    page = _body(wrap({"data": sessions, "totalResults": 3}))
    assert (is_last_page(page, 3), is_last_page(page, 4)) == (False, True)
    assert is_last_page(_body(wrap({"data": [], "totalResults": 99})), 3)
    assert is_last_page(_body(wrap({"data": None})), 3)


@pytest.mark.parametrize(
    "page", [b"", b"{", b"null", b'{"response": null}', b'{"data": 1}', b'{"data": [' + b"[" * 100_000, b"\xff"]
)
def test_a_page_without_sessions_is_undecodable(page: bytes) -> None:
    with pytest.raises(Undecodable, match="ChargingHistory"):
        sessions_of(page)

"""A wrong field costs that field only, and nothing but `Undecodable` is ever raised."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.tesla.decode import MAX_BODY_BYTES, MAX_LOST_PATHS, Decoded, Undecodable, decode
from shared.tesla.models.charging import ChargingHistory
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.models.product import FleetStatus
from shared.tesla.models.table import MODELS
from shared.tesla.models.vehicle import Vehicle
from shared.tesla.models.vehicle_data import VehicleData
from shared.tesla.wire import WireModel
from tests.unit.tesla_payloads import CHARGING_SESSION, PAYLOADS, VEHICLE_DATA

Path = tuple[str | int, ...]

# Time says nothing here, and the first run of a machine builds Hypothesis' tables of characters.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.sampled_from(sorted(MODELS))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**18, max_value=10**60)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["true", "nan", "-inf", "1e999", "12", "<invalid>", "2024-01-01T00:00:00", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _body(tree: object) -> bytes:
    return json.dumps(tree).encode()


def _outcome(body: bytes, model: type[WireModel]) -> Decoded[WireModel] | None:
    try:
        return decode(body, model)
    except Undecodable:
        return None


def _paths(tree: Any, at: Path = ()) -> Iterator[Path]:
    """Every place inside `tree`."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield (*at, key)
        yield from _paths(child, (*at, key))


_PLACES = {name: st.sampled_from([(name, path) for path in _paths(tree)]) for name, tree in PAYLOADS.items()}
places = st.sampled_from(sorted(PAYLOADS)).flatmap(lambda name: _PLACES[name])


def _get(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _leaves(tree: Any) -> dict[Path, object]:
    return {path: _get(tree, path) for path in _paths(tree) if not isinstance(_get(tree, path), dict | list)}


def _written(value: WireModel) -> Any:
    return json.loads(msgspec.json.encode(value))


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, Any, Path]:
    """An endpoint, its documented payload with one place changed, and that place."""
    name, path = draw(places)
    tree = copy.deepcopy(PAYLOADS[name])
    parent = _get(tree, path[:-1])
    match draw(st.sampled_from(["drop", "null", "retype", "nest", "add"])):
        case "drop" if isinstance(parent, dict):
            del parent[path[-1]]
        case "add" if isinstance(parent, dict):
            parent["x_unknown"] = draw(json_values)
        case "nest":
            parent[path[-1]] = draw(st.sampled_from([{"x": parent[path[-1]]}, [parent[path[-1]]]]))
        case "retype":
            parent[path[-1]] = draw(json_values)
        case _:
            parent[path[-1]] = None
    return name, tree, path


def _untouched(tree: Any, path: Path) -> dict[Path, object]:
    """Leaves that a change at `path` leaves alone. A changed item of a list may drop out and move the others."""
    changed = path[:-1] if isinstance(path[-1], int) else path
    return {at: leaf for at, leaf in _leaves(tree).items() if at[: len(changed)] != changed}


@untimed
@given(spoiled(), st.integers(min_value=0, max_value=2))
def test_one_spoiled_place_leaves_the_others_alone(case: tuple[str, Any, Path], wrappers: int) -> None:
    name, tree, path = case
    for _ in range(0 if MODELS[name].wire_list else wrappers):
        tree = {"response": tree}
    read = _outcome(_body(tree), MODELS[name])
    if read is None:
        return
    good = _leaves(_written(decode(_body(PAYLOADS[name]), MODELS[name]).value))
    now = _leaves(_written(read.value))
    untouched = _untouched(PAYLOADS[name], path)
    assert {at: now.get(at) for at in untouched} == {at: good[at] for at in untouched}


@untimed
@given(st.data())
def test_a_spoiled_scalar_is_the_only_loss_and_is_named(data: st.DataObject) -> None:
    tree = copy.deepcopy(VEHICLE_DATA)
    group = data.draw(st.sampled_from(["charge_state", "climate_state", "vehicle_state", "vehicle_config"]))
    field = data.draw(st.sampled_from(sorted(k for k, v in tree[group].items() if not isinstance(v, dict))))
    tree[group][field] = data.draw(st.sampled_from([{"deep": [1]}, [], [[None]], {"a": {"b": {}}}]))
    read = decode(_body({"response": tree}), VehicleData)
    assert read.lost == (f"{group}.{field}",)
    expected = _written(decode(_body(VEHICLE_DATA), VehicleData).value)
    expected[group][field] = None
    assert _written(read.value) == expected


@untimed
@given(names, json_values)
def test_any_json_gives_a_value_or_undecodable(name: str, tree: object) -> None:
    for body in (_body(tree), _body({"response": tree})):
        read = _outcome(body, MODELS[name])
        if read is not None:
            assert isinstance(read.value, MODELS[name])
            msgspec.json.encode(read.value)


@untimed
@given(st.binary(max_size=200), names)
def test_any_bytes_give_a_value_or_undecodable(body: bytes, name: str) -> None:
    _outcome(body, MODELS[name])


@untimed
@given(names, st.data())
def test_mutated_bytes_give_a_value_or_undecodable(name: str, data: st.DataObject) -> None:
    body = bytearray(_body({"response": PAYLOADS[name]}))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=5)):
        body[at] = data.draw(st.integers(0, 255))
    keep = data.draw(st.integers(len(body) // 2, len(body)))
    _outcome(bytes(body[:keep]), MODELS[name])


@untimed
@given(names, st.integers(min_value=0, max_value=2))
def test_wrappers_change_nothing(name: str, wrappers: int) -> None:
    tree: Any = PAYLOADS[name]
    for _ in range(wrappers):
        tree = {"response": tree}
    assert decode(_body(tree), MODELS[name]) == decode(_body(PAYLOADS[name]), MODELS[name])


def test_raw_json_is_taken_as_bytes_are() -> None:
    assert decode(msgspec.Raw(b'{"vin": "V"}'), Vehicle) == decode(b'{"vin": "V"}', Vehicle)


def test_losses_in_lists_name_the_item() -> None:
    sessions = [copy.deepcopy(CHARGING_SESSION) for _ in range(4)]
    sessions[3]["fees"][0]["rateBase"] = "free"
    sessions[2]["fees"] = "none"
    sessions[0]["invoices"][0] = None
    read = decode(_body({"response": {"data": [*sessions, 17]}}), ChargingHistory)
    assert read.lost == ("data[0].invoices[0]", "data[2].fees", "data[3].fees[0].rateBase", "data[4]")
    assert read.value.data is not None
    assert [len(session.fees or ()) for session in read.value.data] == [2, 2, 0, 2]
    fees = read.value.data[3].fees
    assert fees is not None
    assert (fees[0].rate_base, fees[0].usage_base, fees[0].total_due) == (None, 40, 18.4)


def test_losses_in_maps_do_not_show_the_key() -> None:
    read = decode(_body({"vehicle_info": {"VIN1": {"firmware_version": 1}, "VIN2": 2, "VIN3": {}}}), FleetStatus)
    assert read.lost == ("vehicle_info[*].firmware_version", "vehicle_info[*]")
    assert list(read.value.vehicle_info or ()) == ["VIN1", "VIN3"]


@pytest.mark.parametrize(
    ("sent", "read"),
    [("12", 12), (12.0, 12), ("12.0", 12), (12.5, None), ("12.5", None), ("", None), (True, None), (2**63, None)],
)
def test_integers_are_lax_but_never_rounded(sent: object, read: int | None) -> None:
    result = decode(_body({"vin": "V", "api_version": sent}), Vehicle)
    assert result.value.api_version == read
    assert result.lost == (("api_version",) if read is None else ())


@pytest.mark.parametrize(
    ("sent", "read"),
    [("true", True), ("False", False), (0, False), (1, True), ("yes", None), ("", None), (2, None), ([], None)],
)
def test_booleans_are_parsed_and_never_guessed(sent: object, read: bool | None) -> None:
    result = decode(_body({"vin": "V", "in_service": sent}), Vehicle)
    assert result.value.in_service is read
    assert result.lost == (("in_service",) if read is None else ())


@pytest.mark.parametrize(
    "literal",
    ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", '"nan"', '"inf"', "1" + "0" * 400, "1" + "0" * 5_000],
)
def test_numbers_that_are_none_cost_their_field_only(literal: str) -> None:
    body = f'{{"response": {{"load_power": {literal}, "solar_power": 7}}}}'.encode()
    read = decode(body, LiveStatus)
    assert (read.value.load_power_w, read.value.solar_power_w, read.lost) == (None, 7, ("load_power",))


def test_half_a_surrogate_pair_is_lost_and_a_byte_order_mark_is_not_minded() -> None:
    read = decode(b'\xef\xbb\xbf{"vin": "V", "display_name": "\\ud800"}', Vehicle)
    assert (read.value.vin, read.value.display_name, read.lost) == ("V", None, ("display_name",))


@pytest.mark.parametrize("opening", [b"[", b'{"response":', b'{"x":', b'{"response":{"vin":['])
def test_deep_nesting_is_undecodable(opening: bytes) -> None:
    closing = opening.translate(bytes.maketrans(b"[{", b"]}"), b'":responsexvi')[::-1]
    for depth in (2_000, 100_000):
        with pytest.raises(Undecodable):
            decode(opening * depth + b"1" + closing * depth, Vehicle)


def test_a_body_beyond_the_limit_is_undecodable() -> None:
    body = b'{"vin": "V", "pad": "' + b"x" * MAX_BODY_BYTES + b'"}'
    with pytest.raises(Undecodable, match="longer than"):
        decode(body, Vehicle)


def test_the_list_of_losses_is_bounded() -> None:
    read = decode(_body({"data": [CHARGING_SESSION] + [1] * (MAX_LOST_PATHS + 10)}), ChargingHistory)
    assert len(read.lost) == MAX_LOST_PATHS
    assert len(read.value.data or ()) == 1


@pytest.mark.parametrize("body", [b"", b" ", b"null", b"[]", b'"secret"', b'{"response": null}', b"{}", b"<html>"])
def test_nothing_to_read_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(body, Vehicle)
    assert caught.value.model == "Vehicle"


@pytest.mark.parametrize("body", [b'{"vin": secret}', b'{"vin": {"secret": 1}}', b'"secret"', b'{"secret": 1}'])
def test_the_message_never_quotes_the_answer(body: bytes) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(body, Vehicle)
    assert "secret" not in str(caught.value)
    assert "Vehicle" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None

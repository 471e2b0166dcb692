"""Faults on demand, and the ledger that records them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests

from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import ALL_SCOPES, Application, FleetClient


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig()) as running:
        yield running


@pytest.fixture
def owner(sim: Simulator) -> FleetClient:
    return FleetClient(sim.urls.eu, sim.grant(0, tuple(ALL_SCOPES.split())).access_token)


@pytest.fixture
def path(sim: Simulator) -> str:
    return f"vehicles/{sim.accounts[0].vehicles[0].vin}/vehicle_data"


@pytest.mark.parametrize(
    ("kind", "options", "status", "text"),
    [
        ("asleep", {}, 408, "vehicle is offline or asleep"),
        ("timeout408", {}, 408, "timeout"),
        ("rate_limited", {}, 429, "too many requests"),
        ("server_error", {}, 500, "upstream internal error"),
        ("server_error", {"status": 540}, 540, "device"),
        ("exceeded_limit", {}, 403, "account disabled: EXCEEDED_LIMIT"),
        ("html", {"status": 403}, 403, "<h1>Access Denied</h1>"),
        ("html", {}, 200, "<h1>Access Denied</h1>"),
        ("status", {"status": 418, "body": {"error": "client too old"}}, 418, '{"error":"client too old"}'),
        ("status", {"status": 423}, 423, ""),
        ("null_response", {}, 200, '{"response":null}'),
    ],
)
def test_faults_that_replace_the_answer(
    sim: Simulator, owner: FleetClient, path: str, kind: str, options: dict[str, Any], status: int, text: str
) -> None:
    sim.add_fault("vehicle_data", kind, times=1, **options)
    spoilt = owner.get(path)
    assert spoilt.status_code == status
    assert text in spoilt.text
    assert sim.ledger[-1].fault == kind
    assert owner.get(path).status_code == 200
    assert sim.ledger[-1].fault is None


def test_rate_limits_say_when_to_come_back(sim: Simulator, owner: FleetClient) -> None:
    sim.add_fault("vehicles", "rate_limited", retry_after_s=7, ratelimit_headers=True, headers={"x-txid": "t"})
    headers = owner.get("vehicles").headers
    assert (headers["Retry-After"], headers["RateLimit-Reset"], headers["x-txid"]) == ("7", "7", "t")


def test_truncated_json_keeps_a_valid_length(sim: Simulator, owner: FleetClient, path: str) -> None:
    sim.add_fault("vehicle_data", "truncated")
    answer = owner.get(path)
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(answer.content)


def test_an_empty_body(sim: Simulator, owner: FleetClient, path: str) -> None:
    sim.add_fault("vehicle_data", "empty_body")
    answer = owner.get(path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_parts_can_be_missing_null_or_of_another_kind(sim: Simulator, owner: FleetClient, path: str) -> None:
    sim.add_fault("vehicle_data", "missing", missing=["charge_state", "vehicle_state.odometer", "no.such"], times=1)
    sim.add_fault("vehicle_data", "missing", missing=["charge_state"], null=True, times=1)
    sim.add_fault("vehicle_data", "retype", retype={"charge_state.battery_level": "74 %", "vehicle_config": 1})
    dropped, nulled, retyped = (owner.get(path).json()["response"] for _ in range(3))
    assert "charge_state" not in dropped
    assert "odometer" not in dropped["vehicle_state"]
    assert nulled["charge_state"] is None
    assert retyped["charge_state"]["battery_level"] == "74 %"
    assert retyped["vehicle_config"] == 1


def test_list_items_can_be_reached_by_number(sim: Simulator, owner: FleetClient) -> None:
    sim.add_fault("charging_history", "retype", retype={"data.0.sessionId": "x", "data.1.fees": None})
    rows = owner.get("dx/charging/history").json()["response"]["data"]
    assert (rows[0]["sessionId"], rows[1]["fees"]) == ("x", None)


def test_an_oversized_body(sim: Simulator, owner: FleetClient) -> None:
    sim.add_fault("vehicles", "oversized", size_bytes=3_000_000)
    answer = owner.get("vehicles")
    assert len(answer.content) == 3_000_000
    assert len(answer.json()["response"]) == 2


def test_a_slow_answer_is_the_real_one(sim: Simulator, owner: FleetClient) -> None:
    sim.add_fault("vehicles", "slow", delay_s=0.05)
    assert len(owner.get("vehicles").json()["response"]) == 2
    assert sim.ledger[-1].fault == "slow"


def test_a_client_that_gives_up_leaves_the_server_well(sim: Simulator, owner: FleetClient) -> None:
    sim.add_fault("vehicles", "slow", delay_s=0.5, times=1)
    url, token = f"{sim.urls.eu}/api/1/vehicles", sim.grant(0, ("vehicle_device_data",)).access_token
    with pytest.raises(requests.Timeout):
        requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=0.1)
    assert owner.get("vehicles").status_code == 200


def test_a_dropped_connection_loses_the_answer_of_a_call_that_took_effect(sim: Simulator, owner: FleetClient) -> None:
    site = sim.accounts[0].sites[0]
    sim.add_fault("operation", "drop", times=1)
    with pytest.raises(requests.ConnectionError):
        owner.post(f"energy_sites/{site.site_id}/operation", {"default_real_mode": "backup"})
    assert site.mode == "backup"
    assert (sim.ledger[-1].status, sim.ledger[-1].fault) == (200, "drop")
    sim.add_fault("operation", "drop", executes=False, times=1)
    with pytest.raises(requests.ConnectionError):
        owner.post(f"energy_sites/{site.site_id}/operation", {"default_real_mode": "autonomous"})
    assert site.mode == "backup"
    assert (sim.ledger[-1].status, sim.ledger[-1].billed) == (0, False)


def test_a_server_error_may_have_taken_effect(sim: Simulator, owner: FleetClient) -> None:
    site = sim.accounts[0].sites[0]
    sim.add_fault("backup", "server_error", status=504, executes=True)
    assert owner.post(f"energy_sites/{site.site_id}/backup", {"backup_reserve_percent": 55}).status_code == 504
    assert site.reserve_percent == 55


def test_a_fault_of_the_token_endpoint_leaves_the_code_unused(sim: Simulator) -> None:
    app = Application(sim)
    code = app.consent()["code"]
    sim.add_fault("token", "server_error", status=503, times=1)
    assert app.exchange(code).status_code == 503
    assert app.exchange(code).status_code == 200


def test_a_lost_refresh_answer_is_survived_with_the_old_token(sim: Simulator) -> None:
    app = Application(sim)
    token = app.connect()["refresh_token"]
    sim.add_fault("token", "drop", times=1)
    with pytest.raises(requests.ConnectionError):
        app.refresh(token)
    assert app.refresh(token).status_code == 200


def test_rules_choose_by_path_vin_host_and_count(sim: Simulator, owner: FleetClient) -> None:
    first, second = sim.accounts[0].vehicles
    sim.add_fault("vehicle_data", "asleep", vin=second.vin, after=1, times=2)
    sim.add_fault("/recent_a", "server_error")
    sim.add_fault("", "html", host="na")
    assert [owner.get(f"vehicles/{first.vin}/vehicle_data").status_code for _ in range(2)] == [200, 200]
    by_id = [owner.get(f"vehicles/{second.id}/vehicle_data").status_code for _ in range(4)]
    assert by_id == [200, 408, 408, 200]
    assert owner.get(f"vehicles/{first.vin}/recent_alerts").status_code == 500
    assert owner.get(f"vehicles/{first.vin}/release_notes").status_code == 200
    sim.clear()
    assert owner.get(f"vehicles/{first.vin}/recent_alerts").status_code == 200
    assert len(sim.ledger) == 1


def test_probability_spoils_some_calls(sim: Simulator, owner: FleetClient) -> None:
    sim.add_fault("vehicles", "server_error", probability=0.5)
    statuses = {owner.get("vehicles").status_code for _ in range(40)}
    assert statuses == {200, 500}


def test_unknown_kinds_and_broken_expressions_are_refused(sim: Simulator) -> None:
    with pytest.raises(msgspec.ValidationError):
        sim.add_fault("vehicles", "no_such_kind")
    with pytest.raises(ValueError, match="match"):
        sim.add_fault("(", "asleep")


def test_a_caller_that_is_not_admitted_uses_no_fault_up(sim: Simulator, owner: FleetClient) -> None:
    sim.add_fault("vehicles", "server_error", times=1)
    assert FleetClient(sim.urls.eu, "nonsense").get("vehicles").status_code == 401
    assert owner.get("vehicles").status_code == 500


def test_published_limits_can_be_enforced(sim: Simulator, owner: FleetClient) -> None:
    sim.control.configure({"enforce_limits": True})
    first, second = (car.vin for car in sim.accounts[0].vehicles)
    statuses = [owner.post(f"vehicles/{first}/wake_up", {}).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    refused = owner.post(f"vehicles/{first}/wake_up", {})
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Limit"] == "3"
    assert owner.post(f"vehicles/{second}/wake_up", {}).status_code == 200
    sim.advance(60)
    assert owner.post(f"vehicles/{first}/wake_up", {}).status_code == 200


def test_the_ledger_counts_and_prices_every_call(sim: Simulator, owner: FleetClient, path: str) -> None:
    vin = sim.accounts[0].vehicles[0].vin
    partner = FleetClient(sim.urls.eu, Application(sim).partner_token())
    sim.clear()
    owner.get("vehicles")
    owner.get(path, endpoints="charge_state")
    owner.post(f"vehicles/{vin}/wake_up", {})
    partner.get(f"vehicles/{vin}/specs")
    owner.get(f"vehicles/{vin}/specs")
    sim.add_fault("vehicle_data", "asleep", times=1)
    owner.get(path)
    sim.add_fault("vehicle_data", "server_error", times=1)
    owner.get(path)
    Application(sim).refresh("unknown")
    rows = [(call.endpoint, call.status, call.billed, call.price_usd) for call in sim.ledger]
    assert rows == [
        ("vehicles", 200, True, 0.0),
        ("vehicle_data", 200, True, 0.002),
        ("wake_up", 200, True, 0.02),
        ("specs", 200, True, 0.10),
        ("specs", 403, True, 0.0),
        ("vehicle_data", 408, True, 0.002),
        ("vehicle_data", 500, False, 0.0),
        ("token", 401, False, 0.0),
    ]
    data = sim.calls("vehicle_data", vin)[0]
    assert (data.host, data.method, data.path) == ("eu", "GET", f"/api/1/{path}")
    assert (data.query, data.sub, data.token) == ({"endpoints": "charge_state"}, sim.accounts[0].sub, "user")
    assert [call.token for call in sim.calls("specs")] == ["partner", "user"]

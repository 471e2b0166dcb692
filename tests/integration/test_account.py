"""What Tesla says of the owner: shown to the owner, as far as it was granted."""

from __future__ import annotations

from shared.tesla.catalogue import ENDPOINTS
from tests.lab import Lab

PATH = "/api/v1/tesla/account"


def test_without_user_data_the_parts_are_absent_and_not_asked_for(lab: Lab) -> None:
    _order, grant = lab.order()
    lab.connect(grant)
    reply = lab.call("GET", PATH, grant=grant)
    assert reply.status == 200
    assert reply.body["region"] == "eu"
    assert "vehicle_device_data" in reply.body["scopes"]
    needing = [name for name in ("user_me", "user_orders") if "user_data" in ENDPOINTS[name].scopes]
    assert reply.body["absent"] == dict.fromkeys(needing, "missing_scope")
    assert all(lab.simulator.calls(name) == [] for name in needing)


def test_an_order_without_an_account_says_so(lab: Lab) -> None:
    _order, grant = lab.order()
    assert lab.call("GET", PATH, grant=grant).body["type"].endswith("/not-connected")
    assert lab.call("GET", PATH).status == 401


def test_an_ended_consent_says_so(lab: Lab) -> None:
    _order, grant = lab.order()
    lab.connect(grant)
    lab.call("POST", "/api/v1/tesla/oauth/disconnect", grant=grant)
    assert lab.call("GET", PATH, grant=grant).body["type"].endswith("/tesla-login-required")

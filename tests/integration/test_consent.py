"""Consent: state and claim are good once, for whom they were made, and nothing attaches by accident."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from shared import bootstrap
from shared.accounts.model import Account
from shared.platform.documents import Collection
from tests.lab import Lab, query_of

COMPLETE = "/api/v1/tesla/oauth/complete"
CALLBACK = "/api/v1/tesla/oauth/callback"


def _exchanges(lab: Lab) -> int:
    return sum(call.endpoint == "token" and call.status == 200 for call in lab.simulator.ledger)


def _accounts() -> int:
    return len(list(Collection(bootstrap.documents(), "accounts", Account).find([])))


def _complete(lab: Lab, grant: str, claim: str) -> tuple[int, str]:
    reply = lab.call("POST", COMPLETE, {"claim": claim}, grant=grant)
    return reply.status, reply.body.get("type", "")


def test_a_consent_connects_the_order(lab: Lab) -> None:
    order_id, grant = lab.order()
    reply = lab.connect(grant)
    assert reply.status == 200
    assert reply.body["region"] == "eu"
    assert "vehicle_device_data" in reply.body["scopes"]
    assert reply.body["missing_scopes"] == []
    assert lab.view(order_id, grant)["status"] == "connected"


def test_the_consent_link_asks_for_what_is_needed(lab: Lab) -> None:
    _order, grant = lab.order()
    plain = lab.call("POST", "/api/v1/tesla/oauth/initiate", {}, grant=grant).body
    query = query_of(plain["authUrl"])
    assert query["scope"] == "openid offline_access vehicle_device_data vehicle_charging_cmds vehicle_specs"
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert query["state"] == plain["state"]
    assert query["redirect_uri"].endswith(CALLBACK)
    located = lab.call("POST", "/api/v1/tesla/oauth/initiate", {"location": True}, grant=grant).body
    assert query_of(located["authUrl"])["scope"].endswith(" vehicle_location")


def test_unticked_scopes_are_named(lab: Lab) -> None:
    _order, grant = lab.order()
    reply = lab.connect(grant, untick=("vehicle_charging_cmds",))
    assert reply.body["missing_scopes"] == ["vehicle_charging_cmds"]


def test_without_device_data_nothing_is_connected(lab: Lab) -> None:
    order_id, grant = lab.order()
    reply = lab.connect(grant, untick=("vehicle_device_data",))
    assert reply.status == 403
    assert reply.body["type"].endswith("/scope-missing")
    assert lab.view(order_id, grant)["status"] == "created"
    assert _accounts() == 0


def test_a_state_is_good_once(lab: Lab) -> None:
    _order, grant = lab.order()
    callback = lab.callback(grant)
    lab.claim(callback)
    before = _exchanges(lab)
    again = lab.call("GET", callback)
    assert again.status == 400
    assert "used" in again.text
    assert _exchanges(lab) == before


@pytest.mark.parametrize("state", ["", "x" * 43, "cpt_" + "y" * 40])
def test_a_missing_or_invented_state_is_refused(lab: Lab, state: str) -> None:
    reply = lab.call("GET", f"{CALLBACK}?{urlencode({'state': state, 'code': 'EU_abc'})}")
    assert reply.status == 400
    assert _exchanges(lab) == 0


def test_an_expired_state_is_refused(lab: Lab) -> None:
    _order, grant = lab.order()
    callback = lab.callback(grant)
    lab.clock.sleep(601)
    reply = lab.call("GET", callback)
    assert reply.status == 400
    assert "too long" in reply.text
    assert _exchanges(lab) == 0


def test_a_swapped_code_is_refused_by_its_verifier(lab: Lab) -> None:
    """Somebody puts the code of one consent beside the state of another: PKCE binds them together."""
    _first, mine = lab.order()
    _second, theirs = lab.order()
    code = query_of(lab.callback(mine))["code"]
    state = query_of(lab.callback(theirs))["state"]
    reply = lab.call("GET", f"{CALLBACK}?{urlencode({'state': state, 'code': code})}")
    assert reply.status == 400
    assert _accounts() == 0


def test_a_denied_consent_says_so(lab: Lab) -> None:
    _order, grant = lab.order()
    started = lab.call("POST", "/api/v1/tesla/oauth/initiate", {}, grant=grant).body
    url = urlsplit(lab.simulator.authorize(started["authUrl"], deny=True))
    reply = lab.call("GET", f"{url.path}?{url.query}")
    assert reply.status == 403
    assert "did not consent" in reply.text
    assert lab.call("GET", f"{url.path}?{url.query}").status == 400


def test_a_claim_is_good_once(lab: Lab) -> None:
    _order, grant = lab.order()
    claim = lab.claim(lab.callback(grant))
    assert _complete(lab, grant, claim)[0] == 200
    status, kind = _complete(lab, grant, claim)
    assert (status, kind.rsplit("/", 1)[-1]) == (400, "claim-invalid")


def test_an_expired_claim_is_refused_and_its_tokens_are_erased(lab: Lab) -> None:
    _order, grant = lab.order()
    claim = lab.claim(lab.callback(grant))
    lab.clock.sleep(601)
    assert _complete(lab, grant, claim)[0] == 400
    lab.tick()
    lab.pump()
    assert bootstrap.documents().query("pending_consents").documents == []
    assert _accounts() == 0


def test_a_claim_is_no_good_with_another_grant(lab: Lab) -> None:
    """A lured owner's claim is worth nothing to the lurer, nor the lurer's state to the owner."""
    _first, lurer = lab.order()
    _second, owner = lab.order()
    claim = lab.claim(lab.callback(lurer))
    assert _complete(lab, owner, claim)[0] == 400
    assert _accounts() == 0


def test_without_a_claim_a_lured_consent_attaches_nowhere(lab: Lab) -> None:
    order_id, lurer = lab.order()
    lab.claim(lab.callback(lurer))
    assert _complete(lab, lurer, "guess")[0] == 400
    assert lab.view(order_id, lurer)["status"] == "created"
    assert _accounts() == 0


@pytest.mark.parametrize("grant", ["", "cpt_unknown", "x" * 5000])
def test_without_a_grant_nothing_begins(lab: Lab, grant: str) -> None:
    assert lab.call("POST", "/api/v1/tesla/oauth/initiate", {}, grant=grant).status == 401
    assert lab.call("POST", COMPLETE, {"claim": "x"}, grant=grant).status == 401


@pytest.mark.settings(FRONTEND_URL="https://app.example/connected")
def test_with_a_frontend_the_claim_travels_in_the_fragment(lab: Lab) -> None:
    _order, grant = lab.order()
    reply = lab.call("GET", lab.callback(grant))
    assert reply.status == 302
    page, _, fragment = reply.headers["Location"].partition("#")
    assert page == "https://app.example/connected"
    assert _complete(lab, grant, fragment.removeprefix("claim="))[0] == 200
    refused = lab.call("GET", f"{CALLBACK}?state=unknown&code=x")
    assert refused.headers["Location"] == "https://app.example/connected#error=consent-state-invalid"


def test_tokens_are_stored_sealed(lab: Lab) -> None:
    _order, grant = lab.order()
    lab.connect(grant)
    stored = bootstrap.documents().query("accounts").documents[0]
    assert stored.body["tokens"].startswith(b"S1")
    raw = b"".join(file.read_bytes() for file in _files(bootstrap.settings().state_dir))
    assert not re.search(rb"EU_[0-9a-f]{8}", raw), "a refresh token lies open"
    assert b"eyJhbGci" not in raw, "an access token lies open"


def test_disconnecting_erases_the_tokens_and_names_teslas_page(lab: Lab) -> None:
    order_id, grant = lab.order()
    lab.connect(grant)
    reply = lab.call("POST", "/api/v1/tesla/oauth/disconnect", grant=grant)
    assert "revoke_client_id=" in reply.body["consent_page_url"]
    assert _accounts() == 0
    listing = lab.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant)
    assert listing.body["type"].endswith("/tesla-login-required")


def test_a_running_order_takes_no_other_account(lab: Lab) -> None:
    order_id, grant = lab.start("basic")
    reply = lab.connect(grant, account=1, region="na")
    assert reply.body["type"].endswith("/account-differs")
    lab.pump()
    assert lab.view(order_id, grant)["status"] == "completed"


def test_what_tesla_says_of_a_refused_code_is_not_logged(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that repeats what it was sent must not carry the code into the log."""
    _order, grant = lab.order()
    callback = lab.callback(grant)
    echoed = f"<html>cannot exchange {query_of(callback)['code']}</html>"
    lab.simulator.add_fault("token", "status", status=400, body=echoed, times=1)
    assert lab.call("GET", callback).status == 502
    (record,) = [item for item in caplog.records if item.getMessage() == "code exchange refused"]
    assert record.__dict__["fields"] == {"status": 400, "error": "other"}


def _files(folder: str) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]

"""The simulator's auth host: consent, codes, rotation, partner tokens."""

from __future__ import annotations

from collections.abc import Iterator

import jwt
import pytest
import requests

from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import (
    ALL_SCOPES,
    CHALLENGE,
    REDIRECT_URI,
    TIMEOUT_S,
    VERIFIER,
    Application,
    FleetClient,
    callback,
)

DAY_S = 86_400


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(accounts=2, sites=1)) as running:
        yield running


@pytest.fixture
def app(sim: Simulator) -> Application:
    return Application(sim)


def claims(token: str) -> dict[str, object]:
    decoded: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return decoded


def test_consent_with_pkce_and_nonce_gives_tokens_that_the_key_set_verifies(sim: Simulator, app: Application) -> None:
    back = app.consent(code_challenge=CHALLENGE, code_challenge_method="S256")
    assert back["state"] == "opaque state"
    answer = app.exchange(back["code"], code_verifier=VERIFIER)
    assert answer.status_code == 200
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 28_800
    assert tokens["refresh_token"].startswith("EU_")

    base = f"{sim.urls.auth}/oauth2/v3"
    metadata = requests.get(f"{base}/thirdparty/.well-known/openid-configuration", timeout=TIMEOUT_S).json()
    assert metadata["jwks_uri"] == f"{base}/discovery/thirdparty/keys"
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(tokens["id_token"])
    identity = jwt.decode(
        tokens["id_token"],
        key,
        algorithms=["RS256"],
        audience=sim.config.client_id,
        issuer=metadata["issuer"],
    )
    assert identity["nonce"] == "a-nonce"
    assert identity["sub"] == sim.accounts[0].sub
    assert "email" not in identity
    access = jwt.decode(tokens["access_token"], key, algorithms=["RS256"], audience=sim.urls.eu)
    assert access["aud"] == [sim.urls.eu, f"{base}/userinfo"]
    assert access["scp"] == ["offline_access", "openid", "vehicle_charging_cmds", "vehicle_device_data"]
    assert access["azp"] == sim.config.client_id
    assert access["ou_code"] == "EU"
    assert access["exp"] - access["iat"] == 28_800


def test_the_page_offers_accounts_and_one_box_per_optional_scope(app: Application) -> None:
    page = requests.get(app.authorize_url(locale="de-DE"), timeout=TIMEOUT_S)
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.text.count('type="checkbox"') == 2
    assert "owner1@example.com" in page.text
    assert "owner2@example.com" in page.text
    assert 'lang="de-DE"' in page.text


def test_the_token_endpoint_reads_json_too(sim: Simulator, app: Application) -> None:
    form = {
        "grant_type": "authorization_code",
        "client_id": sim.config.client_id,
        "client_secret": sim.config.client_secret,
        "code": app.consent()["code"],
        "audience": sim.urls.eu,
        "redirect_uri": REDIRECT_URI,
    }
    assert requests.post(app.token_url, json=form, timeout=TIMEOUT_S).status_code == 200


def test_deny_goes_back_with_an_error_and_the_state(sim: Simulator, app: Application) -> None:
    back = callback(sim.authorize(app.authorize_url(), deny=True))
    assert back["error"] == "access_denied"
    assert back["error_description"]
    assert back["state"] == "opaque state"
    assert "code" not in back


def test_an_unticked_scope_is_not_granted(sim: Simulator, app: Application) -> None:
    code = app.consent(untick=("vehicle_charging_cmds",))["code"]
    token = app.exchange(code).json()["access_token"]
    assert "vehicle_charging_cmds" not in str(claims(token)["scp"])
    answer = FleetClient(sim.urls.eu, token).get("dx/charging/history")
    assert answer.status_code == 403
    assert answer.json() == {
        "response": None,
        "error": "Unauthorized missing scopes",
        "error_description": "",
    }


def test_required_scopes_cannot_be_unticked(app: Application) -> None:
    code = app.consent(untick=("vehicle_charging_cmds",), require_requested_scopes="true")["code"]
    assert "vehicle_charging_cmds" in str(claims(app.exchange(code).json()["access_token"])["scp"])


def test_missing_scopes_are_asked_again_only_when_told(app: Application) -> None:
    app.consent(untick=("vehicle_charging_cmds",))
    quiet = app.exchange(app.consent()["code"]).json()["access_token"]
    assert "vehicle_charging_cmds" not in str(claims(quiet)["scp"])
    asked = app.exchange(app.consent(prompt_missing_scopes="true")["code"]).json()["access_token"]
    assert "vehicle_charging_cmds" in str(claims(asked)["scp"])


def test_partner_scopes_pass_in_an_owner_request_but_are_not_granted(app: Application) -> None:
    tokens = app.connect(scope="openid offline_access vehicle_device_data vehicle_specs")
    assert "vehicle_specs" not in str(claims(tokens["access_token"])["scp"])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scope": "openid vehicle_device_data energy:read"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "abc", "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_bad_request_goes_back_with_its_error(
    sim: Simulator, app: Application, change: dict[str, str], error: str
) -> None:
    back = callback(sim.authorize(app.authorize_url(**change)))
    assert back["error"] == error
    assert back["state"] == "opaque state"


@pytest.mark.parametrize("change", [{"redirect_uri": "https://evil.example/cb"}, {"client_id": "other"}])
def test_an_unproven_redirect_gets_a_page_and_no_redirect(app: Application, change: dict[str, str]) -> None:
    answer = requests.get(app.authorize_url(**change), allow_redirects=False, timeout=TIMEOUT_S)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_registered_redirects_match_exactly() -> None:
    with Simulator(SimulatorConfig(redirect_uri=(REDIRECT_URI,))) as sim:
        app = Application(sim)
        assert "code" in app.consent()
        longer = app.authorize_url(redirect_uri=REDIRECT_URI + "/more")
        assert requests.get(longer, allow_redirects=False, timeout=TIMEOUT_S).status_code == 400


def test_the_energy_contract_decides_which_scopes_exist() -> None:
    with Simulator(SimulatorConfig(energy_contract="brief")) as sim:
        app = Application(sim)
        token = app.connect(scope="openid energy:read energy:write")["access_token"]
        assert claims(token)["scp"] == ["energy:read", "energy:write", "openid"]
        back = callback(sim.authorize(app.authorize_url(scope="openid energy_cmds")))
        assert back["error"] == "invalid_scope"


def test_a_code_works_once_and_not_for_long(sim: Simulator, app: Application) -> None:
    code = app.consent()["code"]
    assert app.exchange(code).status_code == 200
    replay = app.exchange(code)
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_auth_code")
    late = app.consent()["code"]
    sim.advance(121)
    assert app.exchange(late).json()["error"] == "invalid_auth_code"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"redirect_uri": "http://127.0.0.1:8080/other"}, "invalid_redirect_url"),
        ({"client_secret": "wrong"}, "unauthorized_client"),
        ({"audience": "https://example.com"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"code": ""}, "invalid_request"),
        ({"code_verifier": "something else"}, "invalid_auth_code"),
    ],
)
def test_a_bad_exchange_is_refused(app: Application, change: dict[str, str], error: str) -> None:
    code = app.consent(code_challenge=CHALLENGE, code_challenge_method="S256")["code"]
    answer = app.exchange(code, **({"code_verifier": VERIFIER} | change))
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.json()["referenceID"]


def test_no_offline_access_no_refresh_token(app: Application) -> None:
    tokens = app.connect(scope="vehicle_device_data")
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens


def test_refresh_rotates_and_the_last_used_token_keeps_working_for_a_day(sim: Simulator, app: Application) -> None:
    first = app.connect()["refresh_token"]
    second = app.refresh(first).json()["refresh_token"]
    assert second != first
    again = app.refresh(first)
    assert again.status_code == 200
    lost = app.refresh(second)
    assert (lost.status_code, lost.json()["error"]) == (401, "login_required")
    third = again.json()["refresh_token"]
    fourth = app.refresh(third).json()["refresh_token"]
    older = app.refresh(first)
    assert (older.status_code, older.json()["error_description"]) == (401, "Login required")
    sim.advance(DAY_S + 1)
    assert app.refresh(third).status_code == 401
    assert app.refresh(fourth).status_code == 200


def test_a_refresh_token_dies_after_three_months(sim: Simulator, app: Application) -> None:
    token = app.connect()["refresh_token"]
    sim.advance(90 * DAY_S + 1)
    assert app.refresh(token).status_code == 401


def test_a_refresh_may_change_the_audience(sim: Simulator, app: Application) -> None:
    token = app.connect()["refresh_token"]
    moved = app.refresh(token, audience=sim.urls.na).json()
    assert claims(moved["access_token"])["aud"] == [sim.urls.na, f"{sim.urls.auth}/oauth2/v3/userinfo"]


def test_revoked_consent_ends_refreshes_and_calls(sim: Simulator, app: Application) -> None:
    tokens = app.connect()
    page = f"{sim.urls.auth}/user/revoke/consent"
    query = {"revoke_client_id": sim.config.client_id, "back_url": "http://127.0.0.1:8080/bye"}
    assert "owner1@example.com" in requests.get(page, params=query, timeout=TIMEOUT_S).text
    form = query | {"email": sim.accounts[0].email}
    left = requests.post(page, data=form, allow_redirects=False, timeout=TIMEOUT_S)
    assert left.headers["Location"] == query["back_url"]
    refused = app.refresh(tokens["refresh_token"])
    assert refused.status_code == 401
    assert refused.json()["error"] == "login_required"
    assert refused.json()["error_description"] == "User revoked consent"
    assert FleetClient(sim.urls.eu, tokens["access_token"]).get("vehicles").status_code == 401
    app.connect()
    assert app.refresh(tokens["refresh_token"]).status_code == 401


def test_a_narrowed_consent_shows_at_the_next_refresh(sim: Simulator, app: Application) -> None:
    tokens = app.connect(scope=ALL_SCOPES)
    url = f"{sim.control_url}/accounts/0"
    requests.patch(url, json={"scopes": ["vehicle_device_data"]}, timeout=TIMEOUT_S)
    narrowed = app.refresh(tokens["refresh_token"]).json()
    assert claims(narrowed["access_token"])["scp"] == ["offline_access", "openid", "vehicle_device_data"]


def test_partner_tokens_carry_only_scopes_the_application_owns() -> None:
    config = SimulatorConfig(scope=("energy_device_data", "vehicle_specs"))
    with Simulator(config) as sim:
        app = Application(sim)
        owned = claims(app.partner_token("openid energy_device_data"))
        assert owned["sub"] == sim.config.client_id
        form = {"client_secret": sim.config.client_secret, "audience": sim.urls.eu}
        refused = app.token(grant_type="client_credentials", scope="vehicle_device_data", **form)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
        form.pop("audience")
        missing = app.token(grant_type="client_credentials", scope="openid", **form)
        assert missing.json()["error"] == "invalid_request"

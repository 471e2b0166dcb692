"""Who may call what: tokens, audiences, regions, registration."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import ALL_SCOPES, TIMEOUT_S, Application, FleetClient


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(accounts=2, region=("eu", "na"), unregistered=("cn",))) as running:
        yield running


def client(sim: Simulator, account: int = 0, host: str = "eu", region: str | None = None) -> FleetClient:
    token = sim.grant(account, tuple(ALL_SCOPES.split()), region).access_token
    return FleetClient(sim.urls.fleet(host), token)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic x"}])
def test_no_good_token_is_401(sim: Simulator, headers: dict[str, str]) -> None:
    answer = requests.get(f"{sim.urls.eu}/api/1/vehicles", headers=headers, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid bearer token")


def test_an_expired_token_is_401_with_its_own_text(sim: Simulator) -> None:
    owner = client(sim)
    sim.advance(28_801)
    answer = owner.get("vehicles")
    assert (answer.status_code, answer.json()["error"]) == (401, "token expired (401)")


def test_a_user_of_another_region_is_told_the_right_base_url(sim: Simulator) -> None:
    answer = client(sim, account=1, host="eu", region="eu").get("vehicles")
    assert answer.status_code == 421
    assert f"user out of region, use base URL: {sim.urls.na}, see " in answer.json()["error"]


def test_an_audience_without_the_home_region_is_not_accepted_there(sim: Simulator) -> None:
    assert client(sim, account=1, host="na", region="eu").get("vehicles").status_code == 401
    assert client(sim, account=1, host="na", region="na").get("vehicles").status_code == 200


def test_region_answers_on_every_host_where_the_application_is_registered(sim: Simulator) -> None:
    answer = client(sim, account=1, host="eu", region="eu").get("users/region")
    assert answer.json()["response"] == {"region": "na", "fleet_api_base_url": sim.urls.na}
    assert client(sim, host="cn").get("users/region").status_code == 412


def test_an_unregistered_region_is_412_until_the_application_registers(sim: Simulator) -> None:
    answer = client(sim, host="cn", region="cn").get("vehicles")
    assert answer.status_code == 412
    text = f"must be registered in the current region {sim.urls.cn}"
    assert text in answer.json()["error"]
    partner = FleetClient(sim.urls.cn, Application(sim).partner_token(region="cn"))
    made = partner.post("partner_accounts", {"domain": "api.example.com"})
    assert made.status_code == 200
    assert made.json()["response"]["domain"] == "api.example.com"
    key = partner.get("partner_accounts/public_key", domain="api.example.com").json()["response"]["public_key"]
    assert len(bytes.fromhex(key)) == 65
    assert client(sim, host="cn", region="cn").get("vehicles").status_code == 421


@pytest.mark.parametrize("domain", ["https://api.example.com", "API.example.com", "", 7])
def test_a_bad_domain_is_400(sim: Simulator, domain: object) -> None:
    partner = FleetClient(sim.urls.eu, Application(sim).partner_token())
    assert partner.post("partner_accounts", {"domain": domain}).status_code == 400


class KeyHost(BaseHTTPRequestHandler):
    """Serves whatever `body` holds."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silence."""


@pytest.fixture
def key_host() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), KeyHost)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_registration_fetches_the_partner_key(key_host: str) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with Simulator(SimulatorConfig(key_url="http://{domain}/key.pem")) as sim:
        partner = FleetClient(sim.urls.eu, Application(sim).partner_token())
        for bad in (b"not a key", b"x" * 10_000):
            KeyHost.body = bad
            refused = partner.post("partner_accounts", {"domain": key_host})
            assert refused.status_code == 424
            assert "Public key download failed" in refused.json()["error"]
        KeyHost.body = pem
        made = partner.post("partner_accounts", {"domain": key_host})
        assert made.json()["response"]["public_key"] == pem.decode()
        unreachable = partner.post("partner_accounts", {"domain": "127.0.0.1:1"})
        assert unreachable.status_code == 424


def test_each_kind_of_token_stays_on_its_side(sim: Simulator) -> None:
    vin = sim.accounts[0].vehicles[0].vin
    owner = client(sim)
    partner = FleetClient(sim.urls.eu, Application(sim).partner_token())
    assert owner.get(f"vehicles/{vin}/specs").status_code == 403
    assert owner.post("partner_accounts", {"domain": "a.example"}).status_code == 403
    assert partner.get("vehicles").status_code == 403
    assert partner.get(f"vehicles/{vin}/specs").json()["response"]["vin"] == vin


def test_other_owners_things_are_404(sim: Simulator) -> None:
    owner, other = client(sim), sim.accounts[1]
    foreign = other.vehicles[0].vin
    for path in (
        f"vehicles/{foreign}",
        f"vehicles/{foreign}/vehicle_data",
        "vehicles/NOSUCHVIN00000000",
        f"energy_sites/{other.sites[0].site_id}/live_status",
    ):
        assert owner.get(path).status_code == 404, path
    invoice = next(row for s in other.sessions() for row in s.get("invoices", []))
    assert owner.get(f"dx/charging/invoice/{invoice['contentId']}").status_code == 404
    assert owner.get("dx/warranty/details", vin=foreign).status_code == 404


def test_methods_and_paths_that_do_not_exist(sim: Simulator) -> None:
    owner = client(sim)
    assert owner.call("DELETE", "vehicles").status_code == 405
    assert owner.get("energy_sites").status_code == 404
    assert sim.ledger[-1].endpoint == "unknown"


def test_a_body_that_is_not_json_is_406(sim: Simulator) -> None:
    assert client(sim).call("POST", "vehicles/fleet_status", data={"vins": "x"}).status_code == 406

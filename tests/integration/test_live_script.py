"""The live test script, run as anyone would run it: a process of its own, against the simulator instead of Tesla."""

from __future__ import annotations

import ast
import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from shared.settings import Settings
from shared.tesla.catalogue import ENDPOINTS
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import ALL_SCOPES
from tests.simulator.catalogue import ENDPOINTS as SIMULATED
from tests.simulator.control import AccountChange

SCRIPT = Path(__file__).resolve().parents[1] / "test_tesla_live.py"
REDIRECT_URI = "https://app.example.com/callback"
ALL = tuple(ALL_SCOPES.split())
WALKED = {
    *("user_region", "user_me", "user_orders", "feature_config", "vehicles", "charging_history", "charging_invoice"),
    *("vehicle", "vehicle_data", "service_data", "recent_alerts", "warranty", "options", "release_notes"),
    *("fleet_status", "products", "site_info", "live_status", "programs", "calendar_history", "telemetry_history"),
}
TIMEOUT_S = 120


@dataclass(frozen=True)
class Run:
    """How a run ended and all that it printed."""

    code: int
    text: str

    def lines(self, endpoint: str) -> list[str]:
        """The table's lines of an endpoint."""
        return [line for line in self.text.splitlines() if re.match(rf"{re.escape(endpoint)}( |$)", line)]


class Script:
    """A copy of the script in a folder of its own, pointed at a simulator."""

    def __init__(self, folder: Path, sim: Simulator) -> None:
        self.sim, self.path = sim, folder / "script" / SCRIPT.name
        self.path.parent.mkdir()
        shutil.copy(SCRIPT, self.path)
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()

    def __call__(self, *options: str, stdin: str = "", environment: dict[str, str] | None = None) -> Run:
        """Run it from another folder, without this project on the path."""
        done = subprocess.run(
            [sys.executable, "-I", str(self.path), *options],
            cwd=self.elsewhere,
            env=environment or {},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def with_token(self, token: str, *options: str) -> Run:
        """Run it with an access token against the simulator's hosts."""
        return self("--token", token, *self.hosts(), *options)

    def with_client(self, *options: str, stdin: str = "") -> Run:
        """Run it as the registered application against the simulator's hosts."""
        config = self.sim.config
        client = ("--client-id", config.client_id, "--client-secret", config.client_secret)
        return self(*client, *self.hosts(), "--redirect-uri", REDIRECT_URI, *options, stdin=stdin)

    def hosts(self) -> list[str]:
        """Options that put the simulator in Tesla's place."""
        urls = self.sim.urls
        fleet = [part for name in ("eu", "na") for part in ("--api-url", f"{name}={urls.fleet(name)}")]
        oauth = f"{urls.auth}/oauth2/v3"
        return [*fleet, "--auth-url", f"{oauth}/authorize", "--token-url", f"{oauth}/token"]

    def file(self, name: str) -> Path:
        """A file that the script keeps beside itself."""
        return self.path.with_name(name)

    def answers(self) -> list[dict[str, Any]]:
        """The raw answers of the last run."""
        answers: list[dict[str, Any]] = json.loads(self.file("tesla_api_responses.json").read_text())
        return answers

    def saved(self) -> dict[str, Any]:
        """The token file."""
        saved: dict[str, Any] = json.loads(self.file(".tesla_test_token.json").read_text())
        return saved


class TokenEndpoint(HTTPServer):
    """Refuses one code and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _TokenHandler)
        self.url = f"http://127.0.0.1:{self.server_port}/oauth2/v3/token"
        self.content_type, self.form = "", dict[str, str]()
        self._thread = Thread(target=self.handle_request)

    def __enter__(self) -> Self:
        self.timeout = TIMEOUT_S
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self.server_close()


class _TokenHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Keep the form; 400."""
        assert isinstance(self.server, TokenEndpoint)
        self.server.content_type = self.headers["Content-Type"]
        self.server.form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        body = json.dumps({"error": "invalid_auth_code", "error_description": "expired"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def fleet_calls(sim: Simulator) -> list[tuple[str, int]]:
    """Endpoint and status of every call to a fleet host."""
    return [(call.endpoint, call.status) for call in sim.ledger if call.host != "auth"]


def stand_in(sim: Simulator) -> None:
    """Answer the energy histories where the simulator does not know them."""
    templates = [template for _, template, _ in SIMULATED]
    for name in ("calendar_history", "telemetry_history", "programs"):
        if not any(template.endswith(f"/{name}") for template in templates):
            sim.add_fault(f"/{name}", "status", status=200, body={"response": {"period": "day"}})


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(redirect_uri=(REDIRECT_URI,))) as running:
        stand_in(running)
        yield running


@pytest.fixture
def script(tmp_path: Path, sim: Simulator) -> Script:
    return Script(tmp_path, sim)


@pytest.fixture
def token(sim: Simulator) -> str:
    """An access token with every scope, of the first account."""
    return sim.grant(0, ALL).access_token


def assert_private(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def assert_discreet(run: Run, sim: Simulator, *more: str) -> None:
    """Nothing printed identifies the owner's vehicles or gives access to anything."""
    config, account = sim.config, sim.accounts[0]
    secret = [config.client_secret, account.email, account.name, *(car.vin for car in account.vehicles), *more]
    assert [word for word in secret if word in run.text] == []
    assert not re.search(r"eyJ[\w-]+\.", run.text)


# --- the command line


def test_help_tells_what_it_does_and_writes(script: Script) -> None:
    run = script("--help")
    assert run.code == 0
    for word in (
        "--token",
        "--callback-url",
        "--with-specs",
        "$0.10",
        "tesla_api_responses.json",
        "TESLA_TEST_TOKEN",
    ):
        assert word in run.text
    assert [path.name for path in script.path.parent.iterdir()] == [SCRIPT.name]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--token", "t", "--with-specs"),
        ("--token", "t", "--region", "mars"),
        ("--token", "t", "--api-url", "http://fleet.example.com"),
        ("--token", "t", "--api-url", "mars=https://fleet.example.com"),
        ("--callback-url", f"{REDIRECT_URI}?code=c&state=s"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_call(
    script: Script, sim: Simulator, options: tuple[str, ...]
) -> None:
    assert script(*options).code == 2
    assert sim.ledger == []


def test_it_needs_nothing_but_requests() -> None:
    tree = ast.parse(SCRIPT.read_text())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"requests"}


def test_pytest_skips_it_with_a_reason_where_nobody_gave_credentials(script: Script) -> None:
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(script.path)]
    done = subprocess.run(command, cwd=script.elsewhere, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert "TESLA_TEST_TOKEN" in done.stdout


# --- the catalogue, which the script cannot import


def loaded() -> ModuleType:
    """The script as a module."""
    spec = spec_from_file_location("live_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_its_endpoints_are_those_of_the_catalogue() -> None:
    script = loaded()
    prices = {"free": 0, "energy": 0, "data": script.DATA_USD, "specs": script.SPECS_USD}
    for mine in script.ENDPOINTS:
        theirs = ENDPOINTS[mine.name]
        path = re.sub(r"\{\w+\}", "{subject}", theirs.path)
        assert (mine.path, mine.method, mine.token, mine.pdf) == (path, theirs.method, theirs.token, theirs.pdf)
        assert (mine.price_usd, mine.nullable) == (prices[theirs.price.value], theirs.nullable), mine.name
        assert {name for name, _ in mine.query} <= set(theirs.query), mine.name
        if mine.token == "user" and mine.needs:
            assert set(mine.needs[0].split("|")) == set(theirs.scopes), mine.name


def test_every_read_of_a_persons_account_is_walked() -> None:
    reads = {item.name for item in ENDPOINTS.values() if item.method == "GET" and item.token == "user"}
    business = {item.name for item in ENDPOINTS.values() if item.business}
    assert {item.name for item in loaded().ENDPOINTS} == (reads - business) | {"fleet_status", "specs"}


# --- the walk


def test_a_token_walks_both_products(script: Script, sim: Simulator, token: str) -> None:
    stale = script.file("tesla_api_responses.json")
    stale.touch(0o644)
    run = script.with_token(token)
    assert run.code == 0, run.text
    assert all(run.lines(name) for name in WALKED)
    assert f"{len(sim.ledger)} calls, about ${sum(call.price_usd for call in sim.ledger):.3f}" in run.text
    assert not sim.calls("wake_up")
    assert not sim.calls("specs")
    assert_private(stale)
    assert not script.file(".tesla_test_token.json").exists()
    assert_discreet(run, sim, token)


def test_the_token_can_come_from_the_environment(script: Script, token: str) -> None:
    run = script(*script.hosts(), "--product", "energy", environment={"TESLA_TEST_TOKEN": token})
    assert run.code == 0, run.text


def test_the_raw_answers_are_kept_as_they_came(script: Script, sim: Simulator, token: str) -> None:
    assert script.with_token(token, "--product", "vehicle").code == 0
    answers = {row["endpoint"]: row for row in script.answers()}
    assert answers["vehicles"]["body"]["response"][0]["vin"] == sim.accounts[0].vehicles[0].vin
    assert answers["charging_invoice"]["body"].keys() == {"base64"}
    assert token not in json.dumps(list(answers.values()))


def test_warranty_and_options_send_the_vin(script: Script, sim: Simulator, token: str) -> None:
    script.with_token(token, "--product", "vehicle")
    vins = [car.vin for car in sim.accounts[0].vehicles]
    assert [call.query for call in sim.calls("warranty")] == [{"vin": vin} for vin in vins]
    assert [call.query for call in sim.calls("options")] == [{"vin": vin} for vin in vins]


def test_a_product_or_a_vehicle_narrows_it(script: Script, sim: Simulator, token: str) -> None:
    vin = sim.accounts[0].vehicles[1].vin
    assert script.with_token(token, "--product", "vehicle", "--vin", vin.lower()).code == 0
    assert {call.vin for call in sim.ledger if call.vin} == {vin}
    assert not sim.calls("products")
    sim.clear()
    stand_in(sim)
    assert script.with_token(token, "--product", "energy").code == 0
    assert not sim.calls("vehicles")
    assert sim.calls("site_info")


def test_a_vehicle_of_somebody_else_is_not_asked_for(script: Script, sim: Simulator, token: str) -> None:
    run = script.with_token(token, "--product", "vehicle", "--vin", "5YJ3E7EB0KF000000")
    assert run.code == 1
    assert "no such vehicle" in run.text
    assert not [call for call in sim.ledger if call.vin]


def test_the_wrapper_that_was_seen_is_named(script: Script, sim: Simulator, token: str) -> None:
    sim.control.configure({"dx_shape": "bare", "history_shape": "bare", "notes_shape": "nested"})
    run = script.with_token(token, "--product", "vehicle")
    assert run.code == 0
    assert "bare with fields activeWarranty" in run.lines("warranty")[0]
    assert "bare with fields data[" in run.lines("charging_history")[0]
    assert "response.response with fields release_notes[" in run.lines("release_notes")[0]
    assert "PDF" in run.lines("charging_invoice")[0]


def test_location_is_asked_for_where_it_was_granted(script: Script, sim: Simulator, token: str) -> None:
    script.with_token(token, "--product", "vehicle")
    first, second, *_ = sim.calls("vehicle_data")
    assert "endpoints" not in first.query
    assert "location_data" in second.query["endpoints"].split(";")


def test_what_was_not_granted_is_not_called(script: Script, sim: Simulator) -> None:
    run = script.with_token(sim.grant(0, ("vehicle_device_data",)).access_token)
    assert run.code == 0, run.text
    assert {status for _, status in fleet_calls(sim)} == {200}
    assert "not sent: the owner did not grant vehicle_charging_cmds" in run.lines("charging_history")[0]
    assert "not sent: the owner did not grant vehicle_location" in run.lines("vehicle_data location")[0]
    assert "not sent: the owner did not grant user_data" in run.lines("user_me")[0]


def test_a_sleeping_vehicle_is_left_asleep(script: Script, sim: Simulator, token: str) -> None:
    for car in sim.accounts[0].vehicles:
        car.state = "asleep"
    run = script.with_token(token, "--product", "vehicle")
    assert run.code == 0, run.text
    assert "asleep or offline; it is not woken" in run.lines("vehicle_data")[0]
    assert [call.status for call in sim.calls("vehicle_data")] == [408, 408]
    assert not sim.calls("wake_up")


# --- refusals


def test_the_right_region_is_followed_once(script: Script, sim: Simulator, token: str) -> None:
    sim.control.configure({"audience_mode": "all"})
    sim.control.change_account(0, AccountChange(region="na"))
    run = script.with_token(sim.grant(0, ALL).access_token)
    assert run.code == 0, run.text
    assert [status for _, status in fleet_calls(sim)].count(421) == 1
    assert "the account lives in na; called again there" in run.text
    assert {call.host for call in sim.ledger[3:]} == {"na"}


def test_regions_that_name_each_other_end_it(script: Script, sim: Simulator) -> None:
    sim.control.configure({"audience_mode": "all"})
    sim.control.change_account(0, AccountChange(region="na"))
    sim.add_fault("vehicles", "status", host="na", status=421, body={"error": f"use base URL: {sim.urls.eu}, see"})
    run = script.with_token(sim.grant(0, ALL).access_token)
    assert run.code == 1
    assert [(call.host, call.status) for call in sim.calls("vehicles")] == [("na", 421)]


def test_a_region_that_is_not_on_the_list_is_never_called(script: Script, sim: Simulator, token: str) -> None:
    text = "user out of region, use base URL: https://fleet-api.example.com, see ..."
    sim.add_fault("vehicles", "status", status=421, body={"error": text})
    run = script.with_token(token)
    assert run.code == 1
    assert [(call.host, call.status) for call in sim.calls("vehicles")] == [("eu", 421)]
    assert fleet_calls(sim)[-1] == ("vehicles", 421)
    assert "stopped: every further call would meet this 421 too" in run.text


def test_an_unregistered_region_names_the_command(tmp_path: Path) -> None:
    with Simulator(SimulatorConfig(unregistered=("eu",))) as sim:
        run = Script(tmp_path, sim).with_token(sim.grant(0, ALL).access_token, "--redirect-uri", REDIRECT_URI)
        assert run.code == 1
        assert "REGION=eu DOMAIN=app.example.com ./run -a do_tesla_register_partner" in run.text
        assert fleet_calls(sim) == [("user_region", 412)]


def test_a_token_that_is_not_accepted_ends_it(script: Script, sim: Simulator, token: str) -> None:
    sim.revoke()
    run = script.with_token(token)
    assert run.code == 1
    assert "the token is not accepted" in run.text
    assert fleet_calls(sim) == [("user_region", 401)]


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("status", {"status": 403, "body": {"error": "Unauthorized missing scopes"}}, "needs vehicle_device_data"),
        ("server_error", {"status": 503}, "Tesla's own error (service unavailable)"),
        ("html", {}, "not a JSON object"),
        ("truncated", {}, "not a JSON object"),
        ("null_response", {}, "response is null"),
        ("retype", {"retype": {"response": "later"}}, "a value of type"),
        ("drop", {}, "no answer (ConnectionError)"),
    ],
)
def test_a_bad_answer_is_named_and_the_walk_goes_on(
    script: Script, sim: Simulator, token: str, kind: str, options: dict[str, Any], words: str
) -> None:
    sim.add_fault("recent_alerts", kind, times=1, **options)
    run = script.with_token(token, "--product", "vehicle")
    assert run.code == 1
    assert words in run.lines("recent_alerts")[0]
    assert "1 not answered as they may be" in run.text
    assert len(sim.calls("fleet_status")) == 2


@pytest.mark.parametrize(
    ("kind", "words"),
    [("exceeded_limit", "billing limit"), ("rate_limited", "too many calls (Retry-After: 30)")],
)
def test_a_limit_ends_it(script: Script, sim: Simulator, token: str, kind: str, words: str) -> None:
    sim.add_fault("vehicle_data", kind)
    run = script.with_token(token)
    assert run.code == 1
    assert words in run.text
    assert fleet_calls(sim)[-1][0] == "vehicle_data"
    assert script.answers()[-1]["endpoint"] == "vehicle_data"


def test_teslas_words_are_scrubbed(script: Script, sim: Simulator, token: str) -> None:
    vin = sim.accounts[0].vehicles[0].vin
    text = f"vehicle {vin} of {sim.accounts[0].email} with {token} \x1b[2J \ud83d"
    sim.add_fault("service_data", "status", status=404, body=json.dumps({"error": text}))
    run = script.with_token(token, "--product", "vehicle")
    assert f"vehicle *************{vin[-4:]} of [e-mail] with [token] ?[2J ?" in run.text
    assert_discreet(run, sim, token)


# --- specs


def test_specs_cost_a_yes_and_take_a_partner_token(script: Script, sim: Simulator, token: str) -> None:
    refused = script.with_client("--token", token, "--with-specs", stdin="n\n")
    assert (refused.code, sim.ledger) == (2, [])
    assert "$0.10" in refused.text
    run = script.with_client("--token", token, "--with-specs", "--yes", "--product", "vehicle")
    assert run.code == 0, run.text
    assert [(call.token, call.status) for call in sim.calls("specs")] == [("partner", 200)] * 2
    assert f"about ${sum(call.price_usd for call in sim.ledger):.3f}" in run.text


def test_errors_of_teslas_own_and_refused_specs_cost_nothing(script: Script, sim: Simulator, token: str) -> None:
    sim.add_fault("recent_alerts", "server_error", status=500)
    sim.add_fault("specs", "status", status=404, body={"error": "not_found"})
    run = script.with_client("--token", token, "--with-specs", "--yes", "--product", "vehicle")
    assert run.code == 1
    assert f"about ${sum(call.price_usd for call in sim.ledger):.3f}" in run.text


# --- consent


def consent_url(run: Run) -> str:
    return next(line for line in run.text.splitlines() if "/authorize?" in line)


def test_consent_in_two_runs_then_reuse_then_refresh(script: Script, sim: Simulator) -> None:
    wanted = ("--product", "both", "--scope", "vehicle_location", "--scope", "user_data")
    begun = script.with_client("--yes", *wanted)
    assert begun.code == 2
    assert_private(script.file(".tesla_test_token.json"))
    callback = sim.authorize(consent_url(begun))
    walked = script.with_client("--callback-url", callback)
    assert walked.code == 0, walked.text
    assert all(walked.lines(name) for name in WALKED)
    assert {path.name for path in script.path.parent.iterdir() if path.name.startswith((".tesla", "tesla"))} == {
        ".tesla_test_token.json",
        "tesla_api_responses.json",
    }
    assert_private(script.file(".tesla_test_token.json"))
    assert_private(script.file("tesla_api_responses.json"))
    first = script.saved()
    assert_discreet(walked, sim, first["access_token"], first["refresh_token"], callback.split("code=")[1][:20])
    again = script(*script.hosts())
    assert (again.code, len(sim.calls("token"))) == (0, 1)
    script.file(".tesla_test_token.json").write_text(json.dumps(first | {"expires_at": 0}))
    refreshed = script(*script.hosts())
    assert (refreshed.code, len(sim.calls("token"))) == (0, 2)
    assert script.saved()["refresh_token"] != first["refresh_token"]
    assert script.saved()["expires_at"] > 0


def test_the_callback_can_be_pasted(script: Script, sim: Simulator) -> None:
    config = sim.config
    command = [sys.executable, "-I", str(script.path), "--client-id", config.client_id]
    command += ["--client-secret", config.client_secret, "--redirect-uri", REDIRECT_URI, *script.hosts()]
    with subprocess.Popen(
        command, cwd=script.elsewhere, env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = next(line.strip() for line in process.stdout if "/authorize?" in line)
        print(sim.authorize(url), file=process.stdin, flush=True)
        text = process.stdout.read()
    assert process.returncode == 0, text
    assert "vehicle_data" in text


def test_the_page_asks_for_the_products_scopes(script: Script, sim: Simulator) -> None:
    asked = {}
    for product in ("vehicle", "energy", "both"):
        shutil.rmtree(script.path.parent, ignore_errors=True)
        script.path.parent.mkdir()
        shutil.copy(SCRIPT, script.path)
        url = consent_url(script.with_client("--yes", "--product", product))
        asked[product] = set(parse_qs(urlsplit(url).query)["scope"][0].split())
    vehicle = {"openid", "offline_access", "vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs"}
    assert asked["vehicle"] == vehicle
    assert asked["energy"] == {"openid", "offline_access", "energy_device_data"}
    assert asked["both"] == vehicle | {"energy_device_data"}


def test_a_further_consent_takes_nothing_away(script: Script, sim: Simulator) -> None:
    for product in ("vehicle", "energy"):
        callback = sim.authorize(consent_url(script.with_client("--yes", "--product", product)))
        assert script.with_client("--callback-url", callback, "--product", product).code == 0
    assert {"vehicle_device_data", "energy_device_data"} <= set(script.saved()["asked"])
    sim.clear()
    stand_in(sim)
    assert script.with_client().code == 0
    assert {call.endpoint for call in sim.ledger} >= {"vehicle_data", "live_status"}


def test_a_callback_of_another_consent_is_refused(script: Script, sim: Simulator) -> None:
    callback = sim.authorize(consent_url(script.with_client("--yes")))
    forged = re.sub(r"state=[^&]*", "state=another", callback)
    run = script.with_client("--callback-url", forged)
    assert run.code == 2
    assert "does not belong" in run.text
    assert not sim.calls("token")
    assert script.with_client("--callback-url", callback).code == 0
    assert script.with_client("--callback-url", callback).code == 2


def test_an_owner_who_declines_is_told_so(script: Script, sim: Simulator) -> None:
    callback = sim.authorize(consent_url(script.with_client("--yes")), deny=True)
    run = script.with_client("--callback-url", callback)
    assert run.code == 2
    assert "no consent: access_denied" in run.text
    assert not sim.calls("token")


def test_a_withdrawn_consent_asks_again(script: Script, sim: Simulator) -> None:
    callback = sim.authorize(consent_url(script.with_client("--yes")))
    assert script.with_client("--callback-url", callback).code == 0
    saved = script.saved()
    sim.revoke()
    script.file(".tesla_test_token.json").write_text(json.dumps(saved | {"expires_at": 0}))
    run = script.with_client("--yes")
    assert run.code == 2
    assert "login_required" in run.text
    assert consent_url(run)
    assert script.saved()["refresh_token"] == saved["refresh_token"]


def test_another_region_is_another_audience(script: Script, sim: Simulator) -> None:
    callback = sim.authorize(consent_url(script.with_client("--yes", "--region", "na")))
    script.with_client("--region", "na", "--callback-url", callback)
    assert (script.saved()["region"], script.saved()["audience"]) == ("na", sim.urls.na)


def test_the_code_goes_to_the_token_url_as_a_form(script: Script) -> None:
    with TokenEndpoint() as endpoint:
        begun = script.with_client("--yes")
        state = parse_qs(urlsplit(consent_url(begun)).query)["state"][0]
        callback = f"{REDIRECT_URI}?code=EU_code&state={state}"
        run = script.with_client("--callback-url", callback, "--token-url", endpoint.url)
    assert (run.code, endpoint.content_type) == (2, "application/x-www-form-urlencoded")
    config = script.sim.config
    assert endpoint.form == {
        "grant_type": "authorization_code",
        "client_id": config.client_id,
        "client_secret": config.client_secret,
        "code": "EU_code",
        "redirect_uri": REDIRECT_URI,
        "audience": script.sim.urls.eu,
    }
    assert "Tesla gave no token (400, invalid_auth_code" in run.text
    assert_discreet(run, script.sim, "EU_code")


def test_without_options_it_talks_to_the_published_hosts() -> None:
    script, published = loaded(), {item.name: item.default for item in fields(Settings)}
    assert script.AUTHORIZE["eu"] == script.AUTHORIZE["na"] == published["tesla_authorize_url"]
    assert script.TOKEN["eu"] == script.TOKEN["na"] == published["tesla_token_url"]
    assert {region: published[f"tesla_api_{region}"] for region in ("eu", "na", "cn")} == script.API

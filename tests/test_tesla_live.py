#!/usr/bin/env python3
"""Walk every read endpoint of Tesla's Fleet API with a real account and say what each one answered.

It stands alone: Python and `requests` are all it needs, from any folder. Nothing is changed at Tesla and no vehicle
is woken. Calls cost what Tesla charges (some cents a run); vehicle specs ($0.10 each) are left out unless asked for.

Beside itself it writes `tesla_api_responses.json` (the raw answers) and `.tesla_test_token.json` (the tokens of a
consent, for the next run), both readable by their owner only. They hold personal data: do not pass them on.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import requests

HERE = Path(__file__).resolve().parent
ANSWERS_FILE = HERE / "tesla_api_responses.json"
TOKEN_FILE = HERE / ".tesla_test_token.json"
EXAMPLES = """\
examples:
  %(prog)s --token ACCESS_TOKEN
  %(prog)s --token ACCESS_TOKEN --region na --vin VIN
  %(prog)s --client-id ID --client-secret SECRET                     consent in the browser, then the walk
  %(prog)s --client-id ID --client-secret SECRET --callback-url URL  ends a consent that an earlier run began
  %(prog)s                                                           again, with the tokens saved by then

TESLA_TEST_TOKEN, TESLA_CLIENT_ID and TESLA_CLIENT_SECRET in the environment stand for the options, which other
users of the machine can see. Delete .tesla_test_token.json to consent anew.

Exit code: 0 every call was answered as it may be, 1 not so, 2 nothing could be called.
"""

# Hosts: Tesla, "Third-party tokens" and "Base URLs". No other host is given a token, whatever an answer names.
API = {
    "eu": "https://fleet-api.prd.eu.vn.cloud.tesla.com",
    "na": "https://fleet-api.prd.na.vn.cloud.tesla.com",
    "cn": "https://fleet-api.prd.cn.vn.cloud.tesla.cn",
}
AUTHORIZE = dict.fromkeys(("eu", "na"), "https://auth.tesla.com/oauth2/v3/authorize")
AUTHORIZE["cn"] = "https://auth.tesla.cn/oauth2/v3/authorize"
TOKEN = dict.fromkeys(("eu", "na"), "https://fleet-auth.prd.vn.cloud.tesla.com/oauth2/v3/token")
TOKEN["cn"] = "https://auth.tesla.cn/oauth2/v3/token"
REDIRECT_URI = "https://dev.api.carpulsetracker.com/api/v1/tesla/oauth/callback"

SIGN_IN = ("openid", "offline_access")
VEHICLE_SCOPES = ("vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs")
PRODUCT_SCOPES = {
    "vehicle": (*SIGN_IN, *VEHICLE_SCOPES),
    "energy": (*SIGN_IN, "energy_device_data"),
    "both": (*SIGN_IN, *VEHICLE_SCOPES, "energy_device_data"),
}
PARTNER_SCOPES = ("openid", *VEHICLE_SCOPES)

TIMEOUT_S = 30
EXPIRY_MARGIN_S = 60
DATA_USD, SPECS_USD = 0.002, 0.10
OK, FORBIDDEN, MISDIRECTED, BILLED_BELOW = 200, 403, 421, 500


@dataclass(frozen=True)
class Endpoint:
    """One read endpoint.

    Attributes:
        path: Path with `{subject}` for the VIN, site or invoice.
        needs: Scopes that must have been granted, each of them; `a|b` is met by either.
        price_usd: Price of a billed answer (specs: of a successful one); free and energy calls cost nothing.
        query: Fixed query, `{subject}` as in the path.
        token: The kind of token it takes.
        may: Statuses besides 200 that are no failure.
        nullable: Whether `response: null` is no failure.
    """

    name: str
    path: str
    needs: tuple[str, ...] = ()
    price_usd: float = DATA_USD
    query: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    token: str = "user"
    may: tuple[int, ...] = (408,)
    nullable: bool = False
    pdf: bool = False


USER, DEVICE, CHARGING = ("user_data",), ("vehicle_device_data",), ("vehicle_charging_cmds",)
LOCATED = ("vehicle_device_data", "vehicle_location")
ENERGY = ("energy_device_data|energy:read",)
ANY_PRODUCT = ("vehicle_device_data|energy_device_data|energy:read",)
CAR, SITE, DX = "/api/1/vehicles/{subject}", "/api/1/energy_sites/{subject}", "/api/1/dx"
VIN = (("vin", "{subject}"),)
ENERGY_DAY, BACKUP_DAY = ((("kind", kind), ("period", "day")) for kind in ("energy", "backup"))
GROUPS = (
    "charge_state;climate_state;closures_state;drive_state;gui_settings;location_data;charge_schedule_data;"
    "preconditioning_schedule_data;vehicle_config;vehicle_state"
)

ACCOUNT = (
    Endpoint("user_region", "/api/1/users/region"),
    Endpoint("user_me", "/api/1/users/me", USER),
    Endpoint("user_orders", "/api/1/users/orders", USER),
    Endpoint("feature_config", "/api/1/users/feature_config", USER),
)
VEHICLES = Endpoint("vehicles", "/api/1/vehicles", DEVICE, price_usd=0)
PAGE = (("pageNo", "1"), ("pageSize", "50"))
HISTORY = Endpoint("charging_history", f"{DX}/charging/history", CHARGING, query=PAGE)
INVOICE = Endpoint("charging_invoice", f"{DX}/charging/invoice/{{subject}}", CHARGING, pdf=True, nullable=True)
LIVE, BUSY = f"{CAR}/vehicle_data", (405, 408)
VEHICLE_DATA = Endpoint("vehicle_data", LIVE, DEVICE, may=BUSY)
VEHICLE_DATA_LOCATED = Endpoint("vehicle_data", LIVE, LOCATED, query=(("endpoints", GROUPS),), may=BUSY)
MODULES = (
    Endpoint("service_data", f"{CAR}/service_data", DEVICE, nullable=True),
    Endpoint("recent_alerts", f"{CAR}/recent_alerts", DEVICE),
    Endpoint("warranty", f"{DX}/warranty/details", DEVICE, query=VIN),
    Endpoint("options", f"{DX}/vehicles/options", DEVICE, query=VIN),
    Endpoint("release_notes", f"{CAR}/release_notes", DEVICE),
    Endpoint("fleet_status", "/api/1/vehicles/fleet_status", DEVICE, method="POST"),
)
VEHICLE = Endpoint("vehicle", CAR, DEVICE, price_usd=0)
SPECS = Endpoint("specs", f"{CAR}/specs", price_usd=SPECS_USD, token="partner", may=())
PRODUCTS = Endpoint("products", "/api/1/products", ANY_PRODUCT, price_usd=0)
SITE_INFO = Endpoint("site_info", f"{SITE}/site_info", ENERGY, price_usd=0)
LIVE_STATUS = Endpoint("live_status", f"{SITE}/live_status", ENERGY, price_usd=0, nullable=True)
UNKNOWN = (400, 403, 404, 405, 408, 410, 500)  # what an endpoint that Tesla does not document may answer
PROGRAMS = Endpoint("programs", f"{SITE}/programs", ENERGY, 0, may=UNKNOWN, nullable=True)
HISTORIES = (
    Endpoint("calendar_history", f"{SITE}/calendar_history", ENERGY, 0, ENERGY_DAY, nullable=True),
    Endpoint("calendar_history", f"{SITE}/calendar_history", ENERGY, 0, BACKUP_DAY, nullable=True),
    Endpoint("telemetry_history", f"{SITE}/telemetry_history", ENERGY, 0, (("kind", "charge"),), nullable=True),
)
ENDPOINTS = (
    *(*ACCOUNT, VEHICLES, HISTORY, INVOICE, VEHICLE, VEHICLE_DATA, VEHICLE_DATA_LOCATED, *MODULES, SPECS),
    *(PRODUCTS, SITE_INFO, LIVE_STATUS, PROGRAMS, *HISTORIES),
)

# Tesla, "Response codes"; 412 and 421 as they are seen in practice.
EXPLANATIONS = {
    0: "no answer",
    401: "the token is not accepted: expired, withdrawn, or made for another region than {region}",
    402: "Tesla wants a payment method for the application",
    403: "forbidden",
    404: "not known at Tesla",
    405: "not possible now: the vehicle is in service",
    408: "asleep or offline; it is not woken",
    412: "the application is not registered in this region; "
    "run: REGION={region} DOMAIN={domain} ./run -a do_tesla_register_partner",
    421: "the account lives in another region than {region}",
    423: "Tesla has locked the account",
    429: "too many calls (Retry-After: {retry_after})",
    451: "withheld for legal or privacy reasons",
}
POINTLESS_AFTER = {401, 402, 412, 421, 423, 429}
"""Statuses that every further call would meet as well, most of them billed."""


class GaveUp(Exception):
    """The run cannot go on; the message says why and what to do. `code` is the exit code."""

    code = 2


class TokenRefused(GaveUp):
    """Tesla's authorization server does not give a token for what it was sent."""


class Stopped(GaveUp):
    """An answer after which further calls would only cost money."""

    code = 1


def scrub(text: str) -> str:
    """The text in ASCII, without tokens, e-mail addresses and whole VINs (their last 4 characters stay)."""
    text = re.sub(r"eyJ[\w-]+\.[\w.-]+|\b(?:NA|EU|CN)_[\w-]{16,}|ta-secret\.\S+", "[token]", text)
    text = re.sub(r"[\w.+-]+@[\w-]+\.[\w.-]+", "[e-mail]", text)
    text = re.sub(r"(?<![A-Za-z0-9])[A-Z0-9]{13}([A-Z0-9]{4})(?![A-Za-z0-9])", r"*************\1", text)
    return re.sub(r"[^ -~\n]", "?", text)


def say(text: str) -> None:
    """Print a line, scrubbed, at once."""
    print(scrub(text), flush=True)


def objects(value: object) -> list[dict[str, Any]]:
    """The JSON objects of a list; nothing of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parsed(body: bytes | str) -> Any:
    """The JSON value, or None."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def parsed_object(body: bytes | str) -> dict[str, Any]:
    """The JSON object, or an empty one."""
    value = parsed(body)
    return value if isinstance(value, dict) else {}


def write_private(path: Path, value: object) -> None:
    """Replace a file by JSON that only its owner can read; mkstemp creates with mode 0600. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def granted_scopes(token: str) -> frozenset[str] | None:
    """Claim `scp` of an access token, or None where it cannot be read: then Tesla is asked."""
    part = [*token.split("."), ""][1]
    try:
        claims = parsed_object(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return frozenset(map(str, claims["scp"])) if isinstance(claims.get("scp"), list) else None


@dataclass(frozen=True)
class Reply:
    """What came back. Status 0: no answer, and `body` names the reason."""

    status: int
    body: bytes
    ms: int
    retry_after: str = "not given"

    @property
    def text(self) -> str:
        """The start of the body as text."""
        return self.body[:2000].decode("utf-8", "replace")


def unwrap(value: Any) -> tuple[str, Any]:
    """The wrapper seen (`bare`, `response`, `response.response`) and what is inside."""
    names: list[str] = []
    while isinstance(value, dict) and "response" in value:
        value = value["response"]
        names.append("response")
    return ".".join(names) or "bare", value


def fields_of(item: object, most: int = 6) -> str:
    """The first names of an object's fields, lists with their length; VIN-like names are scrubbed later."""
    if not isinstance(item, dict):
        return f"a value of type {type(item).__name__}"
    names = [f"{name}[{len(value)}]" if isinstance(value, list) else str(name) for name, value in item.items()]
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return f"fields {', '.join(names[:most])}{rest}" if names else "no fields"


def judge_json(endpoint: Endpoint, body: bytes) -> tuple[bool, str]:
    """Whether a 200 carries what it should, and the fields and wrapper found."""
    value = parsed(body)
    if not isinstance(value, dict):
        return False, "not a JSON object" if body else "empty body"
    wrapper, inner = unwrap(value)
    if isinstance(inner, list):
        return True, f"{wrapper}[{len(inner)}]" + (f" with {fields_of(inner[0])}" if inner else "")
    if inner is None:
        return endpoint.nullable, f"{wrapper} is null"
    return isinstance(inner, dict), f"{wrapper} with {fields_of(inner)}"


def judge_pdf(endpoint: Endpoint, body: bytes) -> tuple[bool, str]:
    """A 200 of an invoice: a PDF, or nothing at all, which Tesla sends at times."""
    if not body:
        return endpoint.nullable, "empty body"
    good = body.startswith(b"%PDF-")
    return good, "PDF" if good else "not a PDF"


def explain(endpoint: Endpoint, reply: Reply, region: str, domain: str) -> str:
    """An error status in words, with Tesla's own."""
    words = EXPLANATIONS.get(reply.status, "Tesla's own error" if reply.status >= BILLED_BELOW else "refused")
    words = words.format(region=region, domain=domain, retry_after=reply.retry_after)
    if reply.status == FORBIDDEN and "EXCEEDED_LIMIT" in reply.text:
        words = "the application's billing limit at Tesla is reached"
    elif reply.status == FORBIDDEN and "scope" in reply.text:
        words = f"a scope is missing; this needs {' and '.join(endpoint.needs or ('vehicle_specs',))}"
    theirs = parsed_object(reply.body).get("error") if reply.status else reply.text
    return f"{words} ({scrub(str(theirs))[:160]})" if theirs else words


def is_pointless_after(reply: Reply) -> bool:
    """Whether further calls would meet the same refusal."""
    limit = reply.status == FORBIDDEN and "EXCEEDED_LIMIT" in reply.text
    return limit or reply.status in POINTLESS_AFTER


def price_of(endpoint: Endpoint, status: int) -> float:
    """US dollars: Tesla bills every answer below 500, specs only when they are given."""
    billed = status == OK if endpoint is SPECS else 0 < status < BILLED_BELOW
    return endpoint.price_usd if billed else 0.0


@dataclass
class Fleet:
    """The Fleet API as the tokens (by kind) reach it; each answer becomes a line of the table."""

    http: requests.Session
    hosts: Mapping[str, str]
    region: str
    domain: str
    tokens: dict[str, str] = field(repr=False)
    answers: list[dict[str, Any]] = field(default_factory=list)
    cost_usd: float = 0.0
    failures: int = 0
    not_sent: int = 0
    moved: bool = False

    def call(self, endpoint: Endpoint, subject: str = "", **query: str) -> Any:
        """What is inside a good answer, else None. Raises Stopped."""
        lacking = self._lacking(endpoint)
        if lacking:
            return self.skip(endpoint, subject, f"the owner did not grant {lacking}")
        reply = self._send(endpoint, subject, query)
        if reply.status == MISDIRECTED and self._follow(endpoint, subject, reply):
            reply = self._send(endpoint, subject, query)
        good, words = self._judge(endpoint, reply)
        self.failures += not good
        self._line(endpoint, subject, reply, words)
        if is_pointless_after(reply):
            raise Stopped(f"stopped: every further call would meet this {reply.status} too")
        return unwrap(parsed(reply.body))[1] if good and reply.status == OK and not endpoint.pdf else None

    def skip(self, endpoint: Endpoint, subject: str, why: str, *, failed: bool = False) -> None:
        """A line of the table for a call that is not made."""
        self.not_sent += 1
        self.failures += failed
        show(endpoint, subject, ("-", "-", "-"), f"not sent: {why}")

    def _lacking(self, endpoint: Endpoint) -> str:
        granted = granted_scopes(self.tokens[endpoint.token])
        if granted is None:
            return ""
        return next((need for need in endpoint.needs if granted.isdisjoint(need.split("|"))), "").replace("|", " or ")

    def _send(self, endpoint: Endpoint, subject: str, query: Mapping[str, str]) -> Reply:
        pairs = {name: value.format(subject=subject) for name, value in endpoint.query} | dict(query)
        path = endpoint.path.format(subject=quote(subject, safe=""))
        url = self.hosts[self.region] + path + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else "")
        reply = self._exchange(endpoint, url, subject)
        self.cost_usd += price_of(endpoint, reply.status)
        body = _storable(reply.body)
        line = {"endpoint": endpoint.name, "url": url, "status": reply.status, "ms": reply.ms, "body": body}
        self.answers.append(line)
        return reply

    def _exchange(self, endpoint: Endpoint, url: str, subject: str) -> Reply:
        headers = {"Authorization": f"Bearer {self.tokens[endpoint.token]}"}
        body = {"vins": [subject]} if endpoint.method == "POST" else None
        started = time.monotonic()
        send = partial(self.http.request, headers=headers, json=body, timeout=TIMEOUT_S, allow_redirects=False)
        try:
            reply = send(endpoint.method, url)
        except requests.RequestException as error:
            return Reply(0, type(error).__name__.encode(), _ms_since(started))
        retry_after = reply.headers.get("Retry-After", "not given")
        return Reply(reply.status_code, reply.content, _ms_since(started), retry_after)

    def _follow(self, endpoint: Endpoint, subject: str, reply: Reply) -> bool:
        """Go to the region that a 421 names, once in a run and only to a host of the list."""
        region = region_named(reply.text, self.hosts)
        if self.moved or region in (None, self.region):
            return False
        self._line(endpoint, subject, reply, f"the account lives in {region}; called again there")
        self.region, self.moved = str(region), True
        return True

    def _judge(self, endpoint: Endpoint, reply: Reply) -> tuple[bool, str]:
        if reply.status == OK:
            return (judge_pdf if endpoint.pdf else judge_json)(endpoint, reply.body)
        return reply.status in endpoint.may, explain(endpoint, reply, self.region, self.domain)

    def _line(self, endpoint: Endpoint, subject: str, reply: Reply, words: str) -> None:
        size = len(reply.body) if reply.status else 0
        show(endpoint, subject, (str(reply.status or "-"), str(reply.ms), str(size)), words)


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _storable(body: bytes) -> Any:
    """A body for the answers file: a PDF in base64, else the JSON value, else the text."""
    if body.startswith(b"%PDF-"):
        return {"base64": base64.b64encode(body).decode()}
    value = parsed(body)
    return body.decode("utf-8", "replace") if value is None else value


def show(endpoint: Endpoint, subject: str, figures: tuple[str, str, str], words: str) -> None:
    """A line of the table; of the subject only the last 4 characters."""
    detail = dict(endpoint.query).get("kind", "location" if endpoint is VEHICLE_DATA_LOCATED else "")
    label = " ".join(filter(None, [endpoint.name, detail, subject and f"...{subject[-4:]}"]))
    status, ms, size = figures
    say(f"{label:<32}{status:>6}{ms:>7}{size:>9}  {' '.join(words.split())}")


def region_named(text: str, hosts: Mapping[str, str]) -> str | None:
    """The region of the first URL in the text whose host is on the list."""
    named = [host.rstrip(".").lower() for host in re.findall(r"https?://([^/\s,\"'<>\\]+)", text)]
    known = {urlsplit(url).netloc.lower(): region for region, url in hosts.items()}
    return next((known[host] for host in named if host in known), None)


def walk(fleet: Fleet, product: str, wanted: Sequence[str]) -> list[str]:
    """Call everything that the product has; gives the VINs of the vehicles walked. Raises Stopped."""
    for endpoint in ACCOUNT:
        fleet.call(endpoint)
    vins = walk_vehicles(fleet, wanted) if product != "energy" else []
    if product != "vehicle":
        walk_sites(fleet)
    return vins


def walk_vehicles(fleet: Fleet, wanted: Sequence[str]) -> list[str]:
    """The account's vehicles, narrowed to the wanted ones, and its charging."""
    listed = [str(row["vin"]) for row in objects(fleet.call(VEHICLES)) if row.get("vin")]
    for stranger in sorted(set(wanted) - set(listed)):
        fleet.skip(VEHICLE, stranger, "the account lists no such vehicle", failed=True)
    walk_charging(fleet)
    vins = [vin for vin in listed if vin in wanted or not wanted]
    for vin in vins:
        walk_vehicle(fleet, vin)
    return vins


def walk_specs(fleet: Fleet, application: Application, vins: Sequence[str]) -> None:
    """Specs of each vehicle, with a partner token for the region that the walk ended in. Raises GaveUp."""
    if vins:
        fleet.tokens["partner"] = application.partner_token(fleet.hosts[fleet.region])
    for vin in vins:
        fleet.call(SPECS, vin)


def walk_vehicle(fleet: Fleet, vin: str) -> None:
    """One vehicle's endpoints; location groups are asked for only of one that answers."""
    fleet.call(VEHICLE, vin)
    if fleet.call(VEHICLE_DATA, vin) is None:
        fleet.skip(VEHICLE_DATA_LOCATED, vin, "vehicle_data was not given")
    else:
        fleet.call(VEHICLE_DATA_LOCATED, vin)
    for endpoint in MODULES:
        fleet.call(endpoint, vin)


def walk_charging(fleet: Fleet) -> None:
    """One page of the history and the first invoice on it. charging/sessions is for business fleets only."""
    history = fleet.call(HISTORY)
    sessions = objects(history.get("data")) if isinstance(history, dict) else []
    invoices = [row for session in sessions for row in objects(session.get("invoices")) if row.get("contentId")]
    if invoices:
        fleet.call(INVOICE, str(invoices[0]["contentId"]))
    else:
        fleet.skip(INVOICE, "", "no invoice is known")


def walk_sites(fleet: Fleet) -> None:
    """The account's energy sites; an entry without any device answers nothing and is left out."""
    for row in objects(fleet.call(PRODUCTS)):
        site = str(row.get("energy_site_id") or "")
        components = row.get("components")
        has_devices = isinstance(components, dict) and any(value is True for value in components.values())
        if site and (has_devices or row.get("resource_type")):
            walk_site(fleet, site)
        elif site:
            fleet.skip(SITE_INFO, site, "the entry lists no device")


def walk_site(fleet: Fleet, site: str) -> None:
    """One site: its settings, its flows now, and yesterday's history."""
    info = fleet.call(SITE_INFO, site)
    fleet.call(LIVE_STATUS, site)
    fleet.call(PROGRAMS, site)
    day = yesterday(str(info.get("installation_time_zone") or "") if isinstance(info, dict) else "")
    for endpoint in HISTORIES:
        fleet.call(endpoint, site, **day)


def yesterday(zone_name: str) -> dict[str, str]:
    """Query for the last whole day of a site; an end exactly at midnight would give wrong rows."""
    try:
        zone: tzinfo = ZoneInfo(zone_name or "Etc/UTC")
    except (KeyError, ValueError, OSError):
        zone, zone_name = UTC, ""
    start = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    end = start.replace(hour=23, minute=59, second=59)
    return {"start_date": start.isoformat(), "end_date": end.isoformat(), "time_zone": zone_name or "Etc/UTC"}


@dataclass(frozen=True)
class Application:
    """The application at Tesla's authorization server. `audience` is the Fleet API base URL tokens are made for."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    authorize_url: str
    token_url: str
    audience: str
    http: requests.Session = field(repr=False)

    def consent_url(self, scopes: Iterable[str], state: str) -> str:
        """Tesla's page that asks the owner; scopes not granted before are asked for again."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(scopes),
            "state": state,
            "prompt_missing_scopes": "true",
        }
        return f"{self.authorize_url}?{urlencode(query, quote_via=quote)}"

    def by_code(self, code: str) -> dict[str, Any]:
        """Tokens for an authorization code. Raises TokenRefused, GaveUp."""
        more = {"code": code, "redirect_uri": self.redirect_uri, "audience": self.audience}
        return self._token(grant_type="authorization_code", client_secret=self.client_secret, **more)

    def by_refresh(self, refresh_token: str) -> dict[str, Any]:
        """A new pair for a refresh token, which is spent by it. Raises TokenRefused, GaveUp."""
        return self._token(grant_type="refresh_token", refresh_token=refresh_token)

    def partner_token(self, audience: str) -> str:
        """A token of the application itself, which specs take. Raises TokenRefused, GaveUp."""
        more = {"audience": audience, "scope": " ".join(PARTNER_SCOPES)}
        answer = self._token(grant_type="client_credentials", client_secret=self.client_secret, **more)
        return str(answer["access_token"])

    def _token(self, **form: str) -> dict[str, Any]:
        """POST a form, as Tesla documents it."""
        form["client_id"] = self.client_id
        try:
            reply = self.http.post(self.token_url, data=form, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise GaveUp(f"the token endpoint did not answer ({type(error).__name__})") from None
        answer = parsed_object(reply.content)
        if reply.status_code == OK and answer.get("access_token"):
            return answer
        words = f"{answer.get('error', 'no JSON')}: {answer.get('error_description', '')}"
        raise TokenRefused(f"Tesla gave no token ({reply.status_code}, {words})")


class Consent:
    """The owner's consent, from Tesla's page to saved tokens. `saved` is the token file's content."""

    def __init__(self, application: Application, args: argparse.Namespace, saved: dict[str, Any]) -> None:
        self._application, self._args, self._saved = application, args, saved
        self._scopes = wanted_scopes(args, saved)

    def access_token(self) -> str:
        """A token that is still good: the saved one, a refreshed one, or that of a new consent. Raises GaveUp."""
        if self._args.callback_url or not self._fits():
            return self._ask()
        if float(self._saved.get("expires_at") or 0) > time.time() + EXPIRY_MARGIN_S:
            return str(self._saved["access_token"])
        try:
            return self._keep(self._application.by_refresh(str(self._saved.get("refresh_token"))))
        except TokenRefused as refusal:
            say(f"the saved consent is not good any more: {refusal}")
            return self._ask()

    def _fits(self) -> bool:
        """Whether the saved tokens are this application's, for this region, with all that is wanted now."""
        same = all(self._saved.get(name) == value for name, value in self._identity().items())
        return same and "access_token" in self._saved and set(self._scopes) <= set(self._saved.get("asked") or ())

    def _identity(self) -> dict[str, str]:
        app = self._application
        return {"client_id": app.client_id, "token_url": app.token_url, "audience": app.audience}

    def _ask(self) -> str:
        """Send the owner to Tesla's page, take the URL that the browser ends up at. Raises GaveUp."""
        if not self._application.client_secret:
            raise GaveUp("a new consent is needed: give --client-id and --client-secret")
        url = self._args.callback_url or self._prompt()
        pending = self._saved.pop("pending", {})
        code = authorization_code(url, pending.get("state", ""))
        write_private(TOKEN_FILE, self._saved)
        self._scopes = tuple(pending["asked"])
        return self._keep(self._application.by_code(code))

    def _prompt(self) -> str:
        """Show Tesla's page, keep the state for the callback, which a later run may bring. Raises GaveUp."""
        state = secrets.token_hex(16)
        self._saved["pending"] = {"state": state, "asked": list(self._scopes)}
        write_private(TOKEN_FILE, self._saved)
        print("Open this page, sign in at Tesla and allow what you want to be read:\n")
        print(self._application.consent_url(self._scopes, state))
        print("\nThe browser then goes to the redirect URI. That page need not load: its URL is what counts.")
        print("If Tesla refuses a scope, the application does not have it: choose another --product or --scope.")
        if self._args.yes:
            raise GaveUp("then run this again with the same options and --callback-url URL")
        return ask("URL of that page: ")

    def _keep(self, answer: Mapping[str, Any]) -> str:
        """Save new tokens before they are used; a refresh token is good for one use."""
        self._saved |= {**self._identity(), "region": self._args.region, "asked": list(self._scopes)}
        self._saved |= {name: answer[name] for name in ("access_token", "refresh_token") if name in answer}
        self._saved["expires_at"] = time.time() + float(answer.get("expires_in") or 0)
        write_private(TOKEN_FILE, self._saved)
        return str(answer["access_token"])


def wanted_scopes(args: argparse.Namespace, saved: Mapping[str, Any]) -> tuple[str, ...]:
    """The product's scopes, the ones named, and those asked before: a consent does not take any away."""
    asked = saved.get("asked") or () if saved.get("client_id") == args.client_id else ()
    product = args.product or ("" if asked else "vehicle")
    return tuple(dict.fromkeys([*asked, *PRODUCT_SCOPES.get(product, ()), *args.scope]))


def authorization_code(callback_url: str, state: str) -> str:
    """The code of a callback that belongs to our request. Raises GaveUp."""
    query = {name: values[0] for name, values in parse_qs(callback_url.strip().partition("?")[2]).items()}
    if not state or not secrets.compare_digest(query.get("state", "").encode(), state.encode()):
        raise GaveUp("this callback does not belong to the consent that was begun last (its state differs)")
    if "code" not in query:
        raise GaveUp(f"no consent: {query.get('error', 'no code')} {query.get('error_description', '')}")
    return query["code"]


def ask(question: str) -> str:
    """An answer from the keyboard. Raises GaveUp without one."""
    try:
        return input(question)
    except EOFError:
        raise GaveUp("nobody is there to answer; see --yes and --callback-url") from None


def confirm_specs(args: argparse.Namespace) -> None:
    """Say what specs cost and have it confirmed. Raises GaveUp."""
    say(f"Vehicle specs cost ${SPECS_USD:.2f} for each vehicle, by the application's own (partner) token.")
    if not args.yes and ask("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise GaveUp("not confirmed; nothing was called")


def web_url(text: str) -> str:
    """A URL that tokens may go to: https, or this machine. Raises ArgumentTypeError."""
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    if not (local or (parts.scheme == "https" and parts.hostname)):
        raise argparse.ArgumentTypeError("must be an https:// URL (http:// only on this machine)")
    return text.rstrip("/")


def region_url(text: str) -> tuple[str, str]:
    """`REGION=URL`, or a URL for the chosen region. Raises ArgumentTypeError."""
    region, _, url = text.rpartition("=")
    if region and region not in API:
        raise argparse.ArgumentTypeError(f"region must be one of {', '.join(API)}")
    return region, web_url(url)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    summary = (__doc__ or "").replace("`", "")
    parser = argparse.ArgumentParser(
        description=summary, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    env = os.environ
    option("--token", default=env.get("TESLA_TEST_TOKEN"), type=str.strip, help="access token of an owner")
    option(
        "--client-id", default=env.get("TESLA_CLIENT_ID"), type=str.strip, help="application at developer.tesla.com"
    )
    option("--client-secret", default=env.get("TESLA_CLIENT_SECRET"), type=str.strip, help="its secret")
    option("--region", choices=sorted(API), help="region to begin with (default: that of the saved token, else eu)")
    option("--product", choices=list(PRODUCT_SCOPES), help="what to walk (default: both); what to ask consent for "
           "(default: vehicle)")  # fmt: skip
    option("--scope", action="append", default=[], help="a further scope to ask consent for, such as "
           "vehicle_location or user_data; repeatable")  # fmt: skip
    option("--vin", action="append", default=[], type=str.upper, help="only this vehicle; repeatable")
    option("--with-specs", action="store_true", help=f"vehicle specs too: ${SPECS_USD:.2f} each, partner token")
    option("--redirect-uri", default=REDIRECT_URI, help="one registered for the application (%(default)s)")
    option("--callback-url", help="URL that the consent ended at, instead of a question")
    option("--yes", action="store_true", help="ask nothing")
    option("--api-url", type=region_url, action="append", default=[], metavar="[REGION=]URL",
           help="another Fleet API, such as a simulator; repeatable")  # fmt: skip
    option("--auth-url", type=web_url, help="another consent page")
    option("--token-url", type=web_url, help="another token endpoint")
    return parser


def check(args: argparse.Namespace, saved: Mapping[str, Any]) -> None:
    """Refuse what cannot be run. Raises GaveUp."""
    if not (args.token or args.client_id or saved.get("client_id")):
        raise GaveUp("give --token, or --client-id and --client-secret (see --help)")
    if args.with_specs and not (args.client_id and args.client_secret):
        raise GaveUp("--with-specs needs --client-id and --client-secret: specs take a partner token")


def settle(args: argparse.Namespace, saved: Mapping[str, Any]) -> None:
    """Fill in what was left out, from the saved consent where that is used."""
    args.client_id = args.client_id or saved.get("client_id", "")
    remembered = "" if args.token else saved.get("region", "")
    args.region = args.region or (remembered if remembered in API else "eu")


def application_of(args: argparse.Namespace, hosts: Mapping[str, str], http: requests.Session) -> Application:
    """The application that the arguments describe."""
    return Application(
        client_id=args.client_id,
        client_secret=args.client_secret or "",
        redirect_uri=args.redirect_uri,
        authorize_url=args.auth_url or AUTHORIZE[args.region],
        token_url=args.token_url or TOKEN[args.region],
        audience=hosts[args.region],
        http=http,
    )


def run(args: argparse.Namespace, http: requests.Session) -> int:
    """The whole run; gives the exit code. Raises GaveUp, OSError."""
    saved = parsed_object(TOKEN_FILE.read_bytes()) if TOKEN_FILE.exists() else {}
    check(args, saved)
    settle(args, saved)
    if args.with_specs:
        confirm_specs(args)
    hosts = API | {region or args.region: url for region, url in args.api_url}
    application = application_of(args, hosts, http)
    tokens = {"user": args.token or Consent(application, args, saved).access_token()}
    fleet = Fleet(http, hosts, args.region, urlsplit(args.redirect_uri).hostname or "", tokens)
    walk_all(fleet, application, args)
    summarise(fleet)
    return 1 if fleet.failures else 0


def walk_all(fleet: Fleet, application: Application, args: argparse.Namespace) -> None:
    """Print the table. The answers so far are kept however it ends. Raises OSError."""
    say(f"{'endpoint':<32}{'status':>6}{'ms':>7}{'bytes':>9}  result")
    try:
        vins = walk(fleet, args.product or "both", args.vin)
        if args.with_specs:
            walk_specs(fleet, application, vins)
    except GaveUp as reason:
        fleet.failures = fleet.failures or 1
        say(str(reason))
    finally:
        write_private(ANSWERS_FILE, fleet.answers)


def summarise(fleet: Fleet) -> None:
    """What it came to."""
    say(f"\n{len(fleet.answers)} calls, about ${fleet.cost_usd:.3f} at Tesla's published prices;")
    say(f"{fleet.failures} not answered as they may be, {fleet.not_sent} not sent.")
    say("Never called: charging/sessions, which is for business fleets only.")
    print(f"Raw answers (personal data): {ANSWERS_FILE}")


def main(arguments_given: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit code."""
    args = arguments().parse_args(arguments_given)
    try:
        with requests.Session() as http:
            http.trust_env = False  # a .netrc entry would replace the bearer token
            return run(args, http)
    except GaveUp as reason:
        print(scrub(str(reason)), file=sys.stderr)
        return reason.code
    except (OSError, KeyboardInterrupt) as reason:
        print(scrub(f"{type(reason).__name__} {reason}"), file=sys.stderr)
        return 1


def test_every_read_endpoint_of_the_real_tesla_answers() -> None:
    """The same walk under pytest, for who has credentials in the environment."""
    import pytest

    consent = TOKEN_FILE.exists() and {"TESLA_CLIENT_ID", "TESLA_CLIENT_SECRET"} <= os.environ.keys()
    if not (consent or os.environ.get("TESLA_TEST_TOKEN")):
        pytest.skip("set TESLA_TEST_TOKEN, or TESLA_CLIENT_ID and TESLA_CLIENT_SECRET after a first run as a script")
    assert main(["--yes"]) == 0


if __name__ == "__main__":
    sys.exit(main())

"""Answers that Tesla gives or may give in more than one form, and calls that are known to be of no use."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from shared.platform.clock import SystemClock
from shared.tesla import errors
from shared.tesla.answers import refusal, retry_after_s
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.client import Access, FleetClient
from shared.tesla.oauth import AuthUrls, Credentials, TeslaAuth
from shared.tesla.regions import Regions
from shared.tesla.transport import WireReply

REGIONS = Regions(
    {"eu": "https://fleet-api.prd.eu.vn.cloud.tesla.com", "na": "https://fleet-api.prd.na.vn.cloud.tesla.com"}
)


class _Answering:
    """A transport that always gives one answer, and knows the URLs that it was asked for."""

    def __init__(self, status: int, body: bytes) -> None:
        self._reply, self.urls = WireReply(status, {}, body), list[str]()

    def send(self, _method: str, url: str, **_options: Any) -> WireReply:
        self.urls.append(url)
        return self._reply


def _auth(status: int, body: Any) -> TeslaAuth:
    transport: Any = _Answering(status, json.dumps(body).encode())
    return TeslaAuth(transport, AuthUrls("", "", ""), REGIONS, lambda: Credentials("id", "secret"))


# 429


def _wait_s(**headers: str) -> float:
    return retry_after_s(WireReply(429, {name.replace("_", "-"): text for name, text in headers.items()}, b""))


@pytest.mark.parametrize("name", ["retry_after", "ratelimit_reset", "ratelimit_minute_reset"])
def test_a_wait_may_be_told_as_the_moment_when_it_ends(name: str) -> None:
    """Seconds since 1970 are no seconds to wait: that would be half a century, kept down to a day."""
    assert 20 < _wait_s(**{name: str(int(time.time()) + 30)}) <= 30


def test_of_several_limits_the_one_that_is_used_up_counts() -> None:
    day = {"ratelimit_day_remaining": "100", "ratelimit_day_reset": "40000"}
    minute = {"ratelimit_minute_remaining": "0", "ratelimit_minute_reset": "9"}
    assert _wait_s(**day, **minute) == 9
    assert _wait_s(**(day | {"ratelimit_day_remaining": "0"}), **minute) == 40_000
    assert _wait_s(**day, ratelimit_minute_reset="9") == 9


# 421


@pytest.mark.parametrize(
    "body",
    [
        '{"error":"user out of region, use base URL: https:\\/\\/fleet-api.prd.na.vn.cloud.tesla.com, see https:"}',
        "user out of region, use base URL: https://fleet-api.prd.na.vn.cloud.tesla.com:443/, see",
    ],
)
def test_a_region_is_known_however_its_url_is_written(body: str) -> None:
    error = refusal(WireReply(421, {}, body.encode()), REGIONS)
    assert isinstance(error, errors.WrongRegion)
    assert error.region == "na"


@pytest.mark.parametrize("url", ["https://fleet-api.prd.na.vn.cloud.tesla.com:444", "https://:443", "https://", ""])
def test_another_port_or_no_host_is_no_region(url: str) -> None:
    assert REGIONS.of_url(url) is None


# Tokens


def test_a_token_answer_may_hold_nulls() -> None:
    """Nothing else would be stored of a refresh that has just spent the token at hand."""
    body = {"access_token": "a.b.c", "expires_in": 28_800, "refresh_token": None, "id_token": None}
    tokens = _auth(200, body).refresh("EU_x")
    assert (tokens.access_token, tokens.refresh_token, tokens.id_token) == ("a.b.c", "", "")


def test_an_empty_token_is_none() -> None:
    with pytest.raises(errors.Unreadable):
        _auth(200, {"access_token": "", "expires_in": 28_800}).refresh("EU_x")


def test_a_server_in_trouble_ends_no_consent() -> None:
    with pytest.raises(errors.ServerError):
        _auth(503, {"error": "login_required"}).refresh("EU_x")


# What is not sent


@pytest.mark.parametrize("value", ["", ".", ".."])
@pytest.mark.parametrize(("name", "part"), [("vehicle_data", "vin"), ("charging_invoice", "content_id")])
def test_a_value_that_is_a_step_of_the_path_is_not_sent(name: str, part: str, value: str) -> None:
    transport: Any = _Answering(200, b"{}")
    client = FleetClient(transport, REGIONS, SystemClock(), {})
    access = Access("token", "eu", frozenset(ENDPOINTS[name].scopes))
    with pytest.raises(errors.NotSent):
        client.call(ENDPOINTS[name], access, path={part: value})
    assert not transport.urls


@pytest.mark.parametrize("name", [name for name, item in ENDPOINTS.items() if item.needs])
def test_a_call_without_what_tesla_insists_on_is_not_sent(name: str) -> None:
    endpoint, transport = ENDPOINTS[name], _Answering(200, b"{}")
    wire: Any = transport
    client = FleetClient(wire, REGIONS, SystemClock(), {})
    access = Access("token", "eu", frozenset(endpoint.scopes), kind=endpoint.token)
    path = {"energy_site_id": "1"} if "{energy_site_id}" in endpoint.path else {}
    with pytest.raises(errors.NotSent, match=endpoint.needs[0]):
        client.call(endpoint, access, path=path)
    assert not transport.urls
    assert client.call(endpoint, access, path=path, query=dict.fromkeys(endpoint.needs, "x")).body == b"{}"


def test_what_tesla_insists_on_is_documented() -> None:
    needs = {name: item.needs for name, item in ENDPOINTS.items() if item.needs}
    assert all(set(needed) <= set(ENDPOINTS[name].query) for name, needed in needs.items())
    assert needs["warranty"] == needs["options"] == ("vin",)

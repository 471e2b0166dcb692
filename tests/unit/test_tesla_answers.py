"""From an answer to its outcome: regions out of text, waits out of headers, errors out of statuses."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tesla import errors
from shared.tesla.answers import check, refusal, retry_after_s
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.oauth import read_claims
from shared.tesla.regions import Regions
from shared.tesla.transport import WireReply

REGIONS = Regions(
    {
        "eu": "https://fleet-api.prd.eu.vn.cloud.tesla.com",
        "na": "https://fleet-api.prd.na.vn.cloud.tesla.com",
        "cn": "https://fleet-api.prd.cn.vn.cloud.tesla.cn",
    }
)
OUT_OF_REGION = "user out of region, use base URL: {}, see https://developer.tesla.com/docs"


def _reply(status: int, body: bytes = b"{}", **headers: str) -> WireReply:
    return WireReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize("tail", ["", "/", ",", "/,"])
def test_the_right_region_is_read_from_a_421(tail: str) -> None:
    text = OUT_OF_REGION.format(REGIONS.base_url("na") + tail)
    error = refusal(_reply(421, text.encode()), REGIONS)
    assert isinstance(error, errors.WrongRegion)
    assert error.region == "na"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://fleet-api.prd.na.vn.cloud.tesla.com.evil.example",
        "https://fleet-api.prd.na.vn.cloud.tesla.com@evil.example",
        "nothing at all",
    ],
)
def test_only_listed_hosts_are_regions(url: str) -> None:
    error = refusal(_reply(421, OUT_OF_REGION.format(url).encode()), REGIONS)
    assert isinstance(error, errors.WrongRegion)
    assert error.region is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"{}", errors.Rejected),
        (401, b"", errors.Unauthorized),
        (402, b"", errors.LimitExceeded),
        (403, b'{"error":"Unauthorized missing scopes"}', errors.Forbidden),
        (403, b'{"error":"account disabled: EXCEEDED_LIMIT"}', errors.LimitExceeded),
        (404, b"<html>", errors.Missing),
        (405, b"", errors.Rejected),
        (408, b"", errors.Asleep),
        (410, b"", errors.Missing),
        (412, b"", errors.RegionUnregistered),
        (418, b"", errors.Rejected),
        (422, b"", errors.Rejected),
        (423, b"", errors.Rejected),
        (429, b"", errors.RateLimited),
        (451, b"", errors.Rejected),
        (499, b"", errors.Rejected),
        (500, b"", errors.ServerError),
        (503, b"", errors.ServerError),
        (540, b"", errors.ServerError),
        (302, b"", errors.Rejected),
    ],
)
def test_every_status_has_one_outcome(status: int, body: bytes, kind: type[errors.Refused]) -> None:
    with pytest.raises(kind) as error:
        check(_reply(status, body), REGIONS)
    assert type(error.value) is kind
    assert body.decode() not in str(error.value) or not body


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b'{"response": [1, 2', b"\xff\xfe", b"{}{}"])
def test_what_is_no_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(errors.Unreadable):
        check(_reply(200, body), REGIONS)


@given(st.binary(max_size=200))
def test_arbitrary_bodies_are_json_or_unreadable(body: bytes) -> None:
    with contextlib.suppress(errors.Unreadable):
        assert check(_reply(200, body), REGIONS) == body


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"not a PDF"])
def test_what_is_no_pdf_is_unreadable(body: bytes) -> None:
    with pytest.raises(errors.Unreadable):
        check(_reply(200, body), REGIONS, pdf=True)
    assert check(_reply(200, b"%PDF-1.7 ..."), REGIONS, pdf=True)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry_after": "17"}, 17),
        ({"retry_after": "0"}, 0),
        ({"retry_after": "-5"}, 0),
        ({"retry_after": "86400000"}, 86_400),
        ({"ratelimit_reset": "12"}, 12),
        ({"ratelimit_minute_reset": "9"}, 9),
        ({"retry_after": "soon"}, 60),
        ({"retry_after": "nan"}, 60),
        ({}, 60),
    ],
)
def test_the_wait_of_a_429(headers: dict[str, str], wait_s: float) -> None:
    assert retry_after_s(_reply(429, b"", **headers)) == wait_s


def test_the_wait_may_be_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=300)
    assert 290 < retry_after_s(_reply(429, retry_after=format_datetime(moment, usegmt=True))) <= 300


@given(st.text(max_size=80))
def test_any_token_has_claims_or_is_unreadable(token: str) -> None:
    with contextlib.suppress(errors.Unreadable):
        read_claims(token)


def test_no_endpoint_puts_the_vin_elsewhere_than_documented() -> None:
    for endpoint in ENDPOINTS.values():
        in_path, in_query = "{vin}" in endpoint.path, "vin" in endpoint.query
        assert not (in_path and in_query), endpoint.name
    assert ENDPOINTS["options"].path == "/api/1/dx/vehicles/options"
    assert ENDPOINTS["specs"].token == "partner"
    assert ENDPOINTS["charging_sessions"].business

"""The gateway: what it routes where, what it hands through, what it answers itself."""

from __future__ import annotations

import stat
from collections.abc import Iterator

import jwt
import pytest
import requests

from tests.stack.routing import RouteTable
from tests.stack.sample import sample_stack
from tests.stack.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with sample_stack(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/orders", "orders"),
        ("/api/v1/orders/o1", "orders"),
        ("/api/v1/ordersx", None),
        ("/api/v1/orders/special", "special"),
        ("/api/v1/orders/special/x", "special"),
        ("/api/v1/orders/specially", "orders"),
        ("/api/v1/tesla/", "oauth"),
        ("/api/v1/tesla/oauth", "oauth"),
        ("/api/v1/tesla", None),
        ("/", None),
    ],
)
def test_the_longest_matching_prefix_wins(path: str, target: str | None) -> None:
    routes = [("/api/v1/orders", "orders"), ("/api/v1/orders/special", "special"), ("/api/v1/tesla/", "oauth")]
    assert RouteTable(routes).find(path) == target


def test_requests_arrive_as_they_were_sent(stack: Stack) -> None:
    url = f"{stack.base_url}/api/v1/echo/a%2Fb%20c?x=1&x=%20&y"
    answer = requests.request("PATCH", url, data=b"\x00body\xff", headers={"X-Own": "1", "Accept": "a/b"}, timeout=10)
    shown = answer.json()
    headers = {name.lower(): value for name, value in shown["headers"]}
    assert (shown["function"], shown["method"]) == ("web", "PATCH")
    assert shown["path"] == "/api/v1/echo/a%2Fb%20c?x=1&x=%20&y"
    assert shown["body"].encode("latin-1") == b"\x00body\xff"
    assert (headers["x-own"], headers["accept"]) == ("1", "a/b")
    assert headers["host"] == stack.base_url.removeprefix("http://")


def test_answers_come_back_as_they_were_given(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/api/v1/echo?status=418", timeout=10)
    assert answer.status_code == 418
    assert answer.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert requests.head(f"{stack.base_url}/api/v1/echo", timeout=10).content == b""


def test_bodies_of_megabytes_pass(stack: Stack) -> None:
    body = b"0123456789abcdef" * 300_000
    answer = requests.post(f"{stack.base_url}/api/v1/echo", data=iter([body[:70_000], body[70_000:]]), timeout=20)
    assert answer.json()["body"].encode("latin-1") == body


def test_the_load_balancers_headers_are_added(stack: Stack) -> None:
    headers = dict(requests.get(f"{stack.base_url}/api/v1/echo", timeout=10).json()["headers"])
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"
    trace, _, span = headers["X-Cloud-Trace-Context"].partition("/")
    assert len(bytes.fromhex(trace)) == 16
    assert span.endswith(";o=1")


def test_a_trace_of_the_caller_is_kept_and_its_address_is_listed_first(stack: Stack) -> None:
    given = {"X-Cloud-Trace-Context": "a" * 32 + "/1", "X-Forwarded-For": "203.0.113.7"}
    headers = dict(requests.get(f"{stack.base_url}/api/v1/echo", headers=given, timeout=10).json()["headers"])
    assert headers["X-Cloud-Trace-Context"] == "a" * 32 + "/1"
    assert headers["X-Forwarded-For"] == "203.0.113.7, 127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/health", "/worker", "/work", "/api/v1/folder", "/api/v1/nothing?x=1"])
def test_other_paths_are_problems(stack: Stack, path: str) -> None:
    answer = requests.post(stack.base_url + path, json={"message": {"data": ""}}, timeout=10)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json().keys() == {"type", "title", "status", "detail", "instance", "trace"}
    assert stack.deliveries == []


def test_a_function_that_dies_or_hangs_is_a_problem_of_the_gateway(stack: Stack) -> None:
    died = requests.post(f"{stack.base_url}/api/v1/folder/x?die=1", timeout=10)
    assert (died.status_code, died.json()["status"]) == (502, 502)
    hung = requests.get(f"{stack.base_url}/api/v1/echo?sleep_s=4", timeout=10)
    assert (hung.status_code, hung.json()["status"]) == (504, 504)


def test_served_tokens_verify_against_the_served_keys(stack: Stack) -> None:
    query = {"email": "operator@example.com", "audience": "https://service.example"}
    token = requests.get(f"{stack.base_url}/_stack/token", params=query, timeout=10).json()["token"]
    keys = jwt.PyJWKSet.from_dict(requests.get(f"{stack.base_url}/_stack/jwks", timeout=10).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=query["audience"])
    assert (claims["iss"], claims["email"]) == ("https://accounts.google.com", "operator@example.com")
    assert claims["email_verified"] is True
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, key, algorithms=["RS256"], audience="https://other.example")


def test_a_token_needs_a_principal(stack: Stack) -> None:
    assert requests.get(f"{stack.base_url}/_stack/token", timeout=10).status_code == 400


def test_functions_are_told_where_everything_is(stack: Stack) -> None:
    environment = stack.environment
    assert environment["PUBLIC_URL"] == stack.base_url
    assert environment["OIDC_JWKS_URL"] == f"{stack.base_url}/_stack/jwks"
    assert environment["SECRET_BNC_CPT_TESLA_CLIENT_ID"] == "sample-client"
    assert environment["SECRET_BNC_CPT_TESLA_PUBLIC_KEY"].startswith("-----BEGIN PUBLIC KEY-----")


def test_keys_are_kept_and_private(stack: Stack) -> None:
    keys = stack.state_dir / "keys"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()}
    assert (modes, stat.S_IMODE(keys.stat().st_mode)) == ({0o600}, 0o700)

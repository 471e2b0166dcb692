"""Who may push messages: the pusher's account with a token for this service, and nobody through the gateway."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import pytest
import requests

from shared.manifest import read_manifest
from tests.e2e.place import WITHIN_S, Place
from tests.stack.config import ROOT
from tests.stack.identity import Identity
from tests.stack.keychain import new_signing_key
from tests.stack.stack import Stack

pytestmark = pytest.mark.stack

_MANIFEST = read_manifest(ROOT / "functions" / "functions.yaml")
TOPICS = [name for name, item in _MANIFEST.functions.items() if item.topic]
_DAY_S = 86_400


def _unsigned(stack: Stack) -> str:
    claims = _good(stack).split(".")[1]
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{header}.{claims}."


def _good(stack: Stack) -> str:
    return stack.token(stack.environment["PUSHER"])


def _minted(**claims: object) -> Callable[[Stack], str]:
    def token(stack: Stack) -> str:
        environment = stack.environment
        return stack.identity.mint(environment["PUSHER"], environment["OIDC_AUDIENCE"], **claims)

    return token


def _signature_removed(stack: Stack) -> str:
    """What Cloud Run leaves of a token counts on Cloud Run only."""
    return f"{_good(stack).rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"


def _forged(stack: Stack) -> str:
    other = Identity(new_signing_key())
    return other.mint(stack.environment["PUSHER"], stack.environment["OIDC_AUDIENCE"])


BAD: dict[str, tuple[int, Callable[[Stack], str]]] = {
    "no token": (401, lambda _stack: ""),
    "no bearer token": (401, lambda _stack: "x"),
    "another audience": (401, lambda stack: stack.token(stack.environment["PUSHER"], "https://other.example")),
    "another issuer": (401, _minted(iss="https://issuer.example")),
    "another account": (403, lambda stack: stack.token("stranger@example.com")),
    "an account that is not verified": (401, _minted(email_verified=False)),
    "expired": (401, _minted(iat=int(time.time()) - _DAY_S, exp=int(time.time()) - _DAY_S // 2)),
    "of tomorrow": (401, _minted(iat=int(time.time()) + _DAY_S, exp=int(time.time()) + _DAY_S + 60)),
    "not signed": (401, _unsigned),
    "signed by another key": (401, _forged),
    "without its signature": (401, _signature_removed),
}


def _push(stack: Stack, function: str, token: str) -> int:
    url = stack.function_process(function).url
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    envelope = {"message": {"data": "e30=", "messageId": "1"}, "subscription": "s"}
    return requests.post(url, json=envelope, headers=headers, timeout=WITHIN_S).status_code


@pytest.mark.parametrize("function", TOPICS)
def test_only_the_pusher_gets_in(place: Place, function: str) -> None:
    statuses = {name: _push(place.stack, function, token(place.stack)) for name, (_, token) in BAD.items()}
    assert statuses == {name: status for name, (status, _) in BAD.items()}
    assert _push(place.stack, function, _good(place.stack)) in {204, 400}  # 400: the message lacks what it is about


@pytest.mark.parametrize("function", TOPICS)
def test_topic_functions_are_not_reachable_through_the_gateway(place: Place, function: str) -> None:
    entry = place.stack.manifest.functions[function].entry
    names = (function, function.replace("_", "-"), entry)
    paths = ["/", *(f"/{name}" for name in names), *(f"/api/v1/{name}" for name in names)]
    headers = {"Authorization": f"Bearer {_good(place.stack)}"}
    envelope = {"message": {"data": "e30=", "messageId": "1"}, "subscription": "s"}
    for path in paths:
        reply = requests.post(place.stack.base_url + path, json=envelope, headers=headers, timeout=WITHIN_S)
        assert reply.status_code == 404, path

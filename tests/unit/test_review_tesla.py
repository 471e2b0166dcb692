"""What a hostile or unusual answer of Tesla may not do to the client: hang it, crash it, mislead it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from shared.tesla import errors
from shared.tesla.answers import refusal
from shared.tesla.client import _pause_s as pause_s
from shared.tesla.oauth import AuthUrls, Credentials, TeslaAuth
from shared.tesla.regions import Regions
from shared.tesla.transport import Transport, WireReply

REGIONS = Regions({"eu": "https://fleet-api.prd.eu.vn.cloud.tesla.com"})
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n"


def _dribble(listener: socket.socket, stop: threading.Event) -> None:
    """Answer one request a byte at a time, each well within any socket timeout."""
    with closing(listener.accept()[0]) as peer:
        peer.recv(65_536)
        peer.sendall(HEAD)
        for _ in range(60):
            if stop.wait(0.1):
                return
            try:
                peer.sendall(b" ")
            except OSError:
                return


@pytest.fixture
def dribbling() -> Iterator[str]:
    """The URL of a server whose answer takes six seconds."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_dribble, args=(listener, stop))
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        stop.set()
        server.join()


def test_an_answer_that_dribbles_in_is_given_up(dribbling: str) -> None:
    with pytest.raises(errors.TimedOut):
        Transport(timeout_s=0.5, body_bytes=1024).send("GET", dribbling)


@pytest.mark.parametrize("url", ["https://[fleet", "https://fleet]-api", "https://[::1", "//["])
def test_a_malformed_url_names_no_region(url: str) -> None:
    assert REGIONS.of_url(url) is None
    error = refusal(WireReply(421, {}, f"user out of region, use base URL: {url}, see".encode()), REGIONS)
    assert isinstance(error, errors.WrongRegion)
    assert error.region is None


def test_a_vehicle_without_mobile_access_is_no_matter_of_the_token() -> None:
    """A refresh would change nothing, and the repeated call would be billed."""
    error = refusal(WireReply(401, {}, b'{"error":"mobile_access_disabled"}'), REGIONS)
    assert isinstance(error, errors.Forbidden)


def test_a_wait_of_no_time_is_still_a_pause() -> None:
    assert pause_s(errors.RateLimited(429, "", 0.0), 1) > 0
    assert pause_s(errors.RateLimited(429, "", 7.0), 1) == 7.0


class _Answering:
    """A transport that always gives one answer."""

    def __init__(self, status: int, body: bytes, **headers: str) -> None:
        self._reply = WireReply(status, headers, body)

    def send(self, *_args: Any, **_options: Any) -> WireReply:
        return self._reply


def _auth(status: int, body: bytes, **headers: str) -> TeslaAuth:
    transport: Any = _Answering(status, body, **headers)
    return TeslaAuth(transport, AuthUrls("", "", ""), REGIONS, lambda: Credentials("id", "secret"))


def test_a_busy_token_endpoint_is_to_be_asked_later() -> None:
    busy = _auth(429, b'{"error":"rate_limit_exceeded"}', **{"retry-after": "17"})
    with pytest.raises(errors.RateLimited) as caught:
        busy.refresh("EU_x")
    assert caught.value.retry_after_s == 17
    with pytest.raises(errors.RateLimited):
        busy.exchange("code", verifier="v", region="eu", redirect_uri="https://x.example")


@pytest.mark.parametrize("life", ['"inf"', '"nan"', "1e300", "-1", "1e12"])
def test_a_token_of_absurd_life_is_unreadable(life: str) -> None:
    body = f'{{"access_token":"a.b.c","expires_in":{life}}}'.encode()
    with pytest.raises(errors.Unreadable):
        _auth(200, body).refresh("EU_x")


@pytest.mark.parametrize("keys", [b"[]", b"null", b'{"keys":[1]}', b'{"keys":7}', b"[" * 100_000])
def test_keys_that_cannot_be_read_are_keys_that_cannot_be_had(keys: bytes) -> None:
    assert _auth(200, keys).verify_identity("a.b.c", nonce="n") is None

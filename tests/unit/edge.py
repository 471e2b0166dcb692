"""What the tests of the HTTP and message edge share: a held clock, a token issuer with its key server, a client."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import flask
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from werkzeug.test import Client, TestResponse

from shared.settings import Settings, read_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

AUDIENCE = "https://service.example"
OPERATOR = "operator@project.example"
CREATOR = "frontend@project.example"
PUSHER = "pusher@project.example"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class HeldClock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.moment, self.elapsed_s = START, 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.elapsed_s

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.elapsed_s += seconds


def settings(**changes: str) -> Settings:
    """Settings of an embedded service, with changes by variable name."""
    environ = {
        "BACKEND": "embedded",
        "PUBLIC_URL": "https://service.example",
        "CORS_ORIGINS": "https://app.example",
        "OPERATORS": OPERATOR,
        "CREATORS": CREATOR,
        "PUSHER": PUSHER,
        "OIDC_AUDIENCE": AUDIENCE,
    }
    return read_settings({**environ, **changes})


@cache
def private_key(_number: int = 1) -> rsa.RSAPrivateKey:
    """One of several keys; making one takes about a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def public_jwk(kid: str, number: int = 1) -> dict[str, Any]:
    """The public half of a key as a JWKS entry."""
    jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(private_key(number).public_key()))
    return {**jwk, "kid": kid, "use": "sig", "alg": "RS256"}


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims of the operator at START; a change to None removes the claim."""
    now = int(START.timestamp())
    good = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": OPERATOR,
        "email_verified": True,
        "sub": "1",
        "iat": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(*, kid: str = "k1", number: int = 1, **changes: Any) -> str:
    """An Authorization header with a signed token."""
    signed = jwt.encode(claims(**changes), private_key(number), algorithm="RS256", headers={"kid": kid})
    return f"Bearer {signed}"


class KeyServer:
    """Serves a JWKS on this machine. `body` and `status` are what it answers, `asked` counts."""

    def __init__(self, url: str) -> None:
        self.url, self.status, self.asked = url, 200, 0
        self.body = b""
        self.publish(public_jwk("k1"))

    def publish(self, *entries: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": entries}).encode()


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """A running key server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.asked += 1
            self.send_response(keys.status)
            self.send_header("Content-Length", str(len(keys.body)))
            self.end_headers()
            self.wfile.write(keys.body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        keys = KeyServer(f"http://127.0.0.1:{server.server_port}/certs")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield keys
        server.shutdown()
        thread.join()


def client(app: Callable[[flask.Request], flask.Response]) -> Client:
    """A client that calls the app as a server would."""
    return Client(wsgi(app))


def wsgi(app: Callable[[flask.Request], flask.Response]) -> WSGIApplication:
    """The app as a WSGI application."""

    def serve(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return app(flask.Request(environ))(environ, start)

    return serve


def problem(response: TestResponse) -> tuple[int, str]:
    """Status and problem slug of an answer, which must be a complete problem document."""
    body = response.get_json(force=True)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "instance", "trace"}
    assert body["status"] == response.status_code
    assert body["type"].startswith("https://service.example/problems/")
    return response.status_code, body["type"].rpartition("/")[2]


def envelope(data: bytes = b"", **message: Any) -> dict[str, Any]:
    """A raw push envelope published at START; `attempt` is its deliveryAttempt."""
    attempt = message.pop("attempt", None)
    fields = {
        "data": base64.b64encode(data).decode(),
        "attributes": {},
        "messageId": "m1",
        "publishTime": START.isoformat().replace("+00:00", "Z"),
    }
    body = {"message": {**fields, **message}, "subscription": "projects/p/subscriptions/s"}
    return body if attempt is None else {**body, "deliveryAttempt": attempt}

"""The whole service in one process: real stores, the simulator over real HTTP, deliveries under the test's control.

It exists for workflow tests that need to choose which message is delivered when, how often, and where a worker dies.
Entry points in processes of their own and real deliveries are the stack's business (`tests/stack`).
"""

from __future__ import annotations

import base64
import json
import logging
import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import pytest

from shared import bootstrap, log
from shared.manifest import Manifest, read_manifest
from shared.platform.embedded.events import SqliteEvents
from shared.platform.ports import Delivery
from shared.platform.sealing import new_key
from tests.simulator import Simulator

ROOT = Path(__file__).resolve().parents[1]
CLAIM_MARK = 'id="claim">'


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer of the service."""

    status: int
    body: Any
    headers: dict[str, str]
    text: str


class ShiftedClock:
    """The system's clock, moved forward at will; waits are skipped."""

    def __init__(self) -> None:
        from shared.platform.clock import SystemClock

        self._clock, self.shift = SystemClock(), timedelta()

    def now(self) -> datetime:
        """The shifted moment."""
        return self._clock.now() + self.shift

    def monotonic(self) -> float:
        """Seconds that the shift moves too."""
        return self._clock.monotonic() + self.shift.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let the time pass without waiting."""
        self.shift += timedelta(seconds=seconds)


class Lab:
    """The service over a folder and a simulator."""

    def __init__(self, simulator: Simulator, clock: ShiftedClock, manifest: Manifest) -> None:
        self.simulator, self.clock, self.manifest = simulator, clock, manifest
        self._app = flask.Flask("lab")
        queue = bootstrap.events()
        assert isinstance(queue, SqliteEvents)
        self.queue = queue
        for name, (_function, topic) in manifest.topics().items():
            self.queue.declare(name, attempts=topic.attempts)
        for name in manifest.outward_topics:
            self.queue.declare(name, attempts=5)
        self.crash: Callable[[str, Delivery], None] | None = None
        self.errors: list[Exception] = []

    def call(
        self, method: str, path: str, body: Any = None, *, grant: str = "", headers: dict[str, str] | None = None
    ) -> Reply:
        """Call the function whose path the manifest routes this to."""
        function = next(
            name for name, item in self.manifest.functions.items() if any(path.startswith(p) for p in item.paths)
        )
        sent = dict(headers or {})
        if grant:
            sent["Authorization"] = f"Bearer {grant}"
        parts = urlsplit(path)
        with self._app.test_request_context(
            parts.path, method=method, json=body, headers=sent, query_string=parts.query
        ):
            response = bootstrap.http_app(function, ROOT / "functions" / function)(_request())
        text = response.get_data(as_text=True)
        parsed = json.loads(text) if text and "json" in response.content_type else None
        return Reply(response.status_code, parsed, dict(response.headers), text)

    def order(self, package: str = "complete", **options: Any) -> tuple[str, str]:
        """A new order: id and grant."""
        reply = self.call("POST", "/api/v1/orders", {"package": package, **options})
        assert reply.status == 201, reply.text
        return reply.body["order_id"], reply.body["grant"]

    def callback(self, grant: str, *, account: int = 0, untick: tuple[str, ...] = (), **options: Any) -> str:
        """An owner consents; gives the callback's path and query, not called yet."""
        started = self.call("POST", "/api/v1/tesla/oauth/initiate", options, grant=grant)
        assert started.status == 200, started.text
        url = urlsplit(self.simulator.authorize(started.body["authUrl"], account, untick=untick))
        return f"{url.path}?{url.query}"

    def claim(self, callback: str) -> str:
        """Follow the callback; gives the claim from our own page."""
        page = self.call("GET", callback)
        assert page.status == 200, page.text
        return page.text.split(CLAIM_MARK)[1].split("<")[0]

    def connect(self, grant: str, **options: Any) -> Reply:
        """Consent and completion in one go."""
        claim = self.claim(self.callback(grant, **options))
        return self.call("POST", "/api/v1/tesla/oauth/complete", {"claim": claim}, grant=grant)

    def start(
        self, package: str = "complete", vehicles: tuple[str, ...] = ("v1", "v2"), **options: Any
    ) -> tuple[str, str]:
        """An order up to its selection."""
        order_id, grant = self.order(package)
        assert self.connect(grant, **options).status == 200
        assert self.call("GET", f"/api/v1/orders/{order_id}/vehicles", grant=grant).status == 200
        chosen = {"vehicles": list(vehicles)}
        assert self.call("POST", f"/api/v1/orders/{order_id}/selection", chosen, grant=grant).status == 202
        return order_id, grant

    def view(self, order_id: str, grant: str) -> Any:
        """The order as its owner sees it."""
        reply = self.call("GET", f"/api/v1/orders/{order_id}", grant=grant)
        assert reply.status == 200, reply.text
        return reply.body

    def tick(self) -> None:
        """What Cloud Scheduler does every minute."""
        bootstrap.due().publish_due()

    def deliveries(self) -> list[Delivery]:
        """Everything that can be delivered now."""
        topics = self.manifest.topics()
        return [d for topic in topics for d in self.queue.pull(topic, limit=100, lease_s=0.001)]

    def deliver(self, delivery: Delivery) -> int:
        """Deliver one message to its function; gives the status."""
        function, topic = self.manifest.topics()[delivery.event.topic]
        envelope = {
            "message": {
                "data": base64.b64encode(delivery.event.data).decode(),
                "attributes": dict(delivery.event.attributes),
                "messageId": delivery.message_id,
                "publishTime": delivery.published.isoformat(),
            },
            "deliveryAttempt": delivery.attempt,
        }
        assets = ROOT / "functions" / function
        with self._app.test_request_context("/", method="POST", json=envelope):
            app = bootstrap.push_app(function, assets if topic.name == "build-report" else None)
            return app(_request()).status_code

    def pump(self, *, times: int = 1, shuffle: random.Random | None = None, rounds: int = 60) -> None:
        """Deliver until nothing is left, each message `times`, in any order if asked."""
        for _ in range(rounds):
            batch = [delivery for delivery in self.deliveries() for _ in range(times)]
            if not batch:
                return
            if shuffle:
                shuffle.shuffle(batch)
            for delivery in batch:
                if self.deliver(delivery) < 300:
                    self.queue.ack(delivery)
        raise AssertionError("messages never end")


def _request() -> flask.Request:
    """The request of the current context itself, not the proxy that stands for it."""
    request: flask.Request = flask.globals.request_ctx.request
    return request


@contextmanager
def running_lab(simulator: Simulator, folder: Path, **overrides: Any) -> Iterator[Lab]:
    """A lab over the folder; the process's settings are its own until the block ends."""
    clock = ShiftedClock()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**lab_environment(simulator, folder), **overrides}.items():
            patch.setenv(name, str(value))
        patch.setattr(bootstrap, "clock", clock)
        patch.setattr("shared.edge.guard.Guard.identify", lambda *_args, **_options: "pusher@lab.example")
        forget()
        try:
            yield Lab(simulator, clock, read_manifest(ROOT / "functions" / "functions.yaml"))
        finally:
            forget()


def forget() -> None:
    """Drop everything that bootstrap built, and its logging."""
    for member in vars(bootstrap).values():
        clear = getattr(member, "cache_clear", None)
        if clear is not None:
            clear()
    root = logging.getLogger()
    for handler in [item for item in root.handlers if isinstance(item, log.StdoutHandler)]:
        root.removeHandler(handler)
        root.setLevel(logging.WARNING)


def lab_environment(simulator: Simulator, folder: Path) -> dict[str, str]:
    """The environment of the service over the folder and the simulator; its secrets are new ones."""
    urls = simulator.urls
    return {
        "BACKEND": "embedded",
        "STATE_DIR": str(folder),
        "PUBLIC_URL": "http://127.0.0.1:9",
        "ORDERS_REQUIRE": "none",
        "PUSHER": "pusher@lab.example",
        "OIDC_AUDIENCE": "lab",
        "TESLA_AUTHORIZE_URL": f"{urls.auth}/oauth2/v3/authorize",
        "TESLA_TOKEN_URL": f"{urls.auth}/oauth2/v3/token",
        "TESLA_JWKS_URL": f"{urls.auth}/oauth2/v3/discovery/thirdparty/keys",
        "TESLA_REVOKE_URL": f"{urls.auth}/user/revoke/consent",
        "TESLA_API_EU": urls.eu,
        "TESLA_API_NA": urls.na,
        "TESLA_API_CN": urls.cn,
        "SECRET_BNC_CPT_TESLA_CLIENT_ID": simulator.config.client_id,
        "SECRET_BNC_CPT_TESLA_CLIENT_SECRET": simulator.config.client_secret,
        "SECRET_BNC_CPT_TESLA_PUBLIC_KEY": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
        "SECRET_BNC_CPT_TOKEN_KEY": new_key(),
        "SECRET_LOCAL_URL_KEY": secrets.token_hex(32),
    }


def query_of(url: str) -> dict[str, str]:
    """The query of a URL, first values."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

"""The message edge: envelopes in each shape, callers, outcomes, age and attempts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.edge.guard import Guard
from shared.edge.oidc import OidcVerifier
from shared.edge.push import LARGEST_BODY_BYTES, PushApp, PushHandler, Retry
from shared.platform.delivery import ATTEMPTS_EXHAUSTED, TOO_OLD
from shared.platform.errors import Unavailable
from tests.unit.edge import (
    OPERATOR,
    PUSHER,
    START,
    HeldClock,
    KeyServer,
    client,
    envelope,
    key_server,
    problem,
    settings,
    token,
)

GOOD = b'{"order_id":"o1","vehicle_id":"v1"}'
ATTEMPTS = 5
MAX_AGE_S = 600


class Work(msgspec.Struct, frozen=True):
    """A message."""

    order_id: str
    vehicle_id: str = ""


class Tick(msgspec.Struct, frozen=True):
    """The message of a schedule: empty."""

    shard: int = 0


class Locked(Exception):
    """An expected error of the domain."""


@dataclass
class Worker:
    """The handler: notes what ran, and does what a test tells it to."""

    ran: list[object] = field(default_factory=list)
    expired: list[tuple[object, str]] = field(default_factory=list)
    act: Callable[[object], None] = lambda _: None
    act_expired: Callable[[object], None] = lambda _: None

    def run(self, message: object) -> None:
        self.ran.append(message)
        self.act(message)

    def expire(self, message: object, reason: str) -> None:
        self.expired.append((message, reason))
        self.act_expired(message)


class Topic:
    """A topic function with its worker."""

    def __init__(self, keys: KeyServer, message: type[Any] = Work, environ: dict[str, str] | None = None) -> None:
        self.worker, self.clock = Worker(), HeldClock()
        held = settings(OIDC_JWKS_URL=keys.url, MESSAGE_ATTEMPTS=str(ATTEMPTS), MESSAGE_MAX_AGE_S=str(MAX_AGE_S))
        verifier = OidcVerifier(held, self.clock, environ or {})
        self.handler: PushHandler[Any] = PushHandler(message, self.worker.run, self.worker.expire, (Locked,))
        app = PushApp(lambda: self.handler, Guard(settings=held, clock=self.clock, verifier=verifier))
        self.http = client(app)

    def push(self, body: object = None, *, who: str | None = None, **headers: str) -> Any:
        """POST a body (by default a good message) as the pusher."""
        sent = {"Authorization": who if who is not None else token(email=PUSHER), **headers}
        return self.http.post("/", json=envelope(GOOD) if body is None else body, headers=sent)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture
def topic(keys: KeyServer) -> Topic:
    return Topic(keys)


def raising(error: Exception) -> Callable[[object], None]:
    def act(_: object) -> None:
        raise error

    return act


# --- shapes ------------------------------------------------------------------


def test_the_raw_envelope(topic: Topic) -> None:
    response = topic.push()
    assert (response.status_code, response.data) == (204, b"")
    assert topic.worker.ran == [Work("o1", "v1")]


def test_the_emulators_double_spelling(topic: Topic) -> None:
    assert topic.push(envelope(GOOD, message_id="m1", publish_time="2026-03-01T12:00:00Z")).status_code == 204
    assert topic.worker.ran == [Work("o1", "v1")]


def test_eventarcs_binary_shape(topic: Topic) -> None:
    headers = {"ce-id": "1", "ce-specversion": "1.0", "ce-type": "google.cloud.pubsub.topic.v1.messagePublished"}
    assert topic.push(envelope(GOOD), **headers).status_code == 204
    assert topic.worker.ran == [Work("o1", "v1")]


def test_a_structured_cloud_event(topic: Topic) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": envelope(GOOD, attempt=ATTEMPTS)}
    topic.worker.act = raising(KeyError())
    headers = {"Authorization": token(email=PUSHER)}
    response = topic.http.post(
        "/", data=json.dumps(event), content_type="application/cloudevents+json", headers=headers
    )
    assert response.status_code == 500
    assert topic.worker.expired == [(Work("o1", "v1"), ATTEMPTS_EXHAUSTED)]


def test_any_path_takes_messages(topic: Topic) -> None:
    headers = {"Authorization": token(email=PUSHER)}
    assert topic.http.post("/projects/p/topics/t", json=envelope(GOOD), headers=headers).status_code == 204


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": ""}, {"attributes": None}])
def test_a_schedules_message_is_empty(keys: KeyServer, data: dict[str, Any]) -> None:
    topic = Topic(keys, Tick)
    assert topic.push({"message": data}).status_code == 204
    assert topic.worker.ran == [Tick()]


@pytest.mark.parametrize("message", [{"attributes": {"ping": "true"}}, {"data": base64.b64encode(b"ping").decode()}])
def test_a_ping_is_answered_and_runs_nothing(topic: Topic, message: dict[str, Any]) -> None:
    assert topic.push({"message": message}).status_code == 204
    assert (topic.worker.ran, topic.worker.expired) == ([], [])


def test_fields_of_a_newer_release_are_ignored(topic: Topic) -> None:
    assert topic.push(envelope(b'{"order_id":"o1","new":1}', orderingKey="k")).status_code == 204
    assert topic.worker.ran == [Work("o1")]


def test_health_and_methods(topic: Topic) -> None:
    assert topic.http.get("/health").get_json() == {"status": "ok"}
    assert problem(topic.http.get("/")) == (405, "method-not-allowed")
    assert problem(topic.http.options("/")) == (405, "method-not-allowed")


# --- callers -----------------------------------------------------------------


def test_only_the_pushers_account_delivers(topic: Topic) -> None:
    assert problem(topic.push(who="")) == (401, "unauthorized")
    assert problem(topic.push(who=token(email=OPERATOR))) == (403, "forbidden")
    assert problem(topic.push(who=token(email=PUSHER, aud="x"))) == (401, "unauthorized")
    assert problem(topic.push({"message": {"attributes": {"ping": "true"}}}, who="")) == (401, "unauthorized")
    assert topic.worker.ran == []


def test_without_a_pusher_nobody_delivers(keys: KeyServer) -> None:
    clock, held = HeldClock(), settings(OIDC_JWKS_URL=keys.url, PUSHER=" ")
    guard = Guard(settings=held, clock=clock, verifier=OidcVerifier(held, clock, {}))
    http = client(PushApp(lambda: PushHandler(Work, print, print), guard))
    headers = {"Authorization": token(email="")}
    assert problem(http.post("/", json=envelope(GOOD), headers=headers)) == (403, "forbidden")


def test_cloud_run_removes_the_signature(keys: KeyServer) -> None:
    removed = token(email=PUSHER).rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"
    assert Topic(keys, environ={"K_SERVICE": "fetch-order"}).push(who=removed).status_code == 204
    assert problem(Topic(keys).push(who=removed)) == (401, "unauthorized")


# --- poison ------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"message":1}', b'{"message":{"data":1}}', b'{"message":{"data":"%%%"}}',
     b'{"message":{"data":"\xc3\xa9"}}', b'{"message":{"publishTime":"yesterday"}}', b"\xff", b"[" * 100_000,
     b'{"data":{}}', b'{"message":{"attributes":{"a":1}}}'],
)  # fmt: skip
def test_no_envelope(topic: Topic, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"Authorization": token(email=PUSHER)}
    response = topic.http.post("/", data=body, content_type="application/json", headers=headers)
    assert problem(response) == (400, "unreadable-message")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert topic.worker.ran == []


@pytest.mark.parametrize("data", [b"{}", b"[]", b"text", b'{"order_id":7}', b"\xff\xfe", b"[" * 5000])
def test_no_message_of_this_topic(topic: Topic, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert problem(topic.push(envelope(data, attempt=ATTEMPTS))) == (400, "unreadable-message")
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
    assert (topic.worker.ran, topic.worker.expired) == ([], [])


def test_the_largest_body(topic: Topic) -> None:
    frame = len(json.dumps(envelope(b"", attributes={"x": ""}), separators=(",", ":")))
    room = LARGEST_BODY_BYTES - frame
    statuses = []
    for extra in (0, 1):
        body = json.dumps(envelope(b"", attributes={"x": "y" * (room + extra)}), separators=(",", ":"))
        headers = {"Authorization": token(email=PUSHER)}
        response = topic.http.post("/", data=body, content_type="application/json", headers=headers)
        statuses.append(problem(response)[0])
    assert statuses == [400, 413]


# --- outcomes ----------------------------------------------------------------


@pytest.mark.parametrize("error", [Retry("busy"), Unavailable("deadline"), Locked("by another")])
def test_what_is_expected_comes_again_quietly(
    topic: Topic, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    topic.worker.act = raising(error)
    response = topic.push(envelope(GOOD, attempt=1))
    assert problem(response) == (503, "retry-later")
    assert int(response.headers["Retry-After"]) > 0
    assert {(record.levelname, record.exc_info) for record in caplog.records} == {("INFO", None)}
    assert topic.worker.expired == []


def test_what_is_unexpected_is_logged_with_its_stack(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    topic.worker.act = raising(RuntimeError("the inner cause"))
    response = topic.push(envelope(b'{"order_id":"PAYLOAD"}', attempt=1))
    assert problem(response) == (500, "internal")
    (record,) = caplog.records
    assert (record.levelname, record.exc_info is not None) == ("ERROR", True)
    assert "the inner cause" in caplog.text
    assert "PAYLOAD" not in caplog.text
    assert "inner cause" not in response.text


@pytest.mark.parametrize(("attempt", "last"), [(None, False), (1, False), (4, False), (5, True), (6, True)])
def test_the_last_attempt_records_the_failure(topic: Topic, attempt: int | None, last: bool) -> None:
    topic.worker.act = raising(RuntimeError("x"))
    assert topic.push(envelope(GOOD, attempt=attempt)).status_code == 500
    assert topic.worker.expired == ([(Work("o1", "v1"), ATTEMPTS_EXHAUSTED)] if last else [])


def test_work_that_somebody_else_holds_is_not_recorded_as_failed(topic: Topic) -> None:
    topic.worker.act = raising(Retry())
    assert topic.push(envelope(GOOD, attempt=ATTEMPTS)).status_code == 503
    assert topic.worker.expired == []


def test_a_last_attempt_that_succeeds_records_nothing(topic: Topic) -> None:
    assert topic.push(envelope(GOOD, attempt=ATTEMPTS)).status_code == 204
    assert topic.worker.expired == []


def test_a_failure_that_cannot_be_recorded_is_still_a_failure(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    topic.worker.act, topic.worker.act_expired = raising(KeyError()), raising(Unavailable("gone"))
    assert problem(topic.push(envelope(GOOD, attempt=ATTEMPTS))) == (500, "internal")
    assert "failure not recorded" in [record.getMessage() for record in caplog.records]


def test_a_handler_that_cannot_be_built(keys: KeyServer, caplog: pytest.LogCaptureFixture) -> None:
    def build() -> PushHandler[Work]:
        raise KeyError("SETTING")

    clock, held = HeldClock(), settings(OIDC_JWKS_URL=keys.url)
    guard = Guard(settings=held, clock=clock, verifier=OidcVerifier(held, clock, {}))
    http = client(PushApp(build, guard))
    headers = {"Authorization": token(email=PUSHER)}
    assert problem(http.post("/", json=envelope(GOOD), headers=headers)) == (500, "internal")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    ping = {"message": {"attributes": {"ping": "true"}}}
    assert http.post("/", json=ping, headers=headers).status_code == 204


# --- age ---------------------------------------------------------------------


@pytest.mark.parametrize(("age_s", "runs"), [(-60, True), (0, True), (MAX_AGE_S, True), (MAX_AGE_S + 1, False)])
def test_an_old_message_is_recorded_and_not_executed(topic: Topic, age_s: int, runs: bool) -> None:
    published = (START - timedelta(seconds=age_s)).isoformat()
    assert topic.push(envelope(GOOD, publishTime=published)).status_code == 204
    assert topic.worker.ran == ([Work("o1", "v1")] if runs else [])
    assert topic.worker.expired == ([] if runs else [(Work("o1", "v1"), TOO_OLD)])


@pytest.mark.parametrize(
    "published", ["2026-03-01T11:40:00", "2026-03-01T11:40:00.123456789Z", "2026-03-01T12:40:00+01:00"]
)
def test_times_in_every_spelling(topic: Topic, published: str) -> None:
    assert topic.push(envelope(GOOD, publishTime=published)).status_code == 204
    assert topic.worker.expired == [(Work("o1", "v1"), TOO_OLD)]


def test_a_message_without_a_time_is_not_old(topic: Topic) -> None:
    assert topic.push(envelope(GOOD, publishTime=None)).status_code == 204
    assert topic.worker.ran == [Work("o1", "v1")]


@pytest.mark.parametrize(("error", "status"), [(Unavailable("gone"), 503), (RuntimeError("x"), 500)])
def test_an_expiry_that_cannot_be_recorded_comes_again(topic: Topic, error: Exception, status: int) -> None:
    topic.worker.act_expired = raising(error)
    topic.clock.advance(MAX_AGE_S + 1)
    assert topic.push(envelope(GOOD, attempt=1)).status_code == status


# --- records -----------------------------------------------------------------


def test_the_publishers_trace_is_joined(topic: Topic) -> None:
    from shared import log

    seen: list[str] = []
    topic.worker.act = lambda _: seen.append(log.traceparent())
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert topic.push(envelope(GOOD, attributes={"traceparent": parent})).status_code == 204
    cloud = "1af7651916cd43dd8448eb211c80319c/12;o=1"
    topic.push(envelope(GOOD, attributes={"traceparent": "junk"}), **{"X-Cloud-Trace-Context": cloud})
    assert seen == [parent, "00-1af7651916cd43dd8448eb211c80319c-000000000000000c-01"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["message", "data", "attributes", "publishTime", "deliveryAttempt", "order_id", "ping"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()), json_values)
def test_nothing_pushed_makes_it_fail(topic: Topic, body: bytes, inner: Any) -> None:
    headers = {"Authorization": token(email=PUSHER)}
    assert topic.http.post("/", data=body, content_type="application/json", headers=headers).status_code < 500
    assert topic.push(envelope(json.dumps(inner).encode())).status_code < 500

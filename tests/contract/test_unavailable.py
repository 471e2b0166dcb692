"""What leaves an adapter when its store fails: the ports' errors only."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from google.api_core import exceptions as api
from google.auth.exceptions import TransportError
from requests.exceptions import ConnectTimeout

from shared.platform.clock import SystemClock
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.embedded.events import SqliteEvents
from shared.platform.errors import AlreadyExists, NotFound, PlatformError, Unavailable, VersionChanged
from shared.platform.gcp import clients
from shared.platform.gcp.blobs import GcsBlobs
from shared.platform.gcp.calls import platform_errors
from shared.platform.gcp.documents import FirestoreDocuments
from shared.platform.gcp.events import PubSubEvents, PubSubQueue
from shared.platform.gcp.secrets import SecretManagerSecrets
from shared.platform.ports import Event

_WAIT_S = 0.3


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """Emulator addresses where somebody listens and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as deaf:
        host = f"127.0.0.1:{deaf.getsockname()[1]}"
        services = ("FIRESTORE", "PUBSUB", "SECRET_MANAGER")
        yield {f"{service}_EMULATOR_HOST": host for service in services} | {
            "STORAGE_EMULATOR_HOST": f"http://{host}",
            "GOOGLE_CLOUD_PROJECT": "p",
        }


def _firestore_create(environ: dict[str, str]) -> object:
    client = clients.firestore_client(environ)
    return FirestoreDocuments(client, project="p", timeout_s=_WAIT_S).create("a", "b", {})


def _firestore_get(environ: dict[str, str]) -> object:
    return FirestoreDocuments(clients.firestore_client(environ), project="p", timeout_s=_WAIT_S).get("a", "b")


def _firestore_query(environ: dict[str, str]) -> object:
    return FirestoreDocuments(clients.firestore_client(environ), project="p", timeout_s=_WAIT_S).query("a")


def _publish(environ: dict[str, str]) -> object:
    return PubSubEvents(clients.publisher_client(environ), "p", timeout_s=_WAIT_S).publish(Event("abc", b"x"))


def _secret(environ: dict[str, str]) -> object:
    return SecretManagerSecrets(clients.secret_manager_client(environ), "p", timeout_s=_WAIT_S).get("key")


def _storage_put(environ: dict[str, str]) -> object:
    bucket = clients.storage_client(environ).bucket("b")
    return GcsBlobs(bucket, timeout_s=_WAIT_S).put("a", b"1", content_type="x/y", if_generation=0)


@pytest.mark.parametrize(
    "call", [_firestore_create, _firestore_get, _firestore_query, _publish, _secret, _storage_put]
)
def test_a_service_that_does_not_answer_is_unavailable(
    environ: dict[str, str], call: Callable[[dict[str, str]], object]
) -> None:
    with pytest.raises(Unavailable):
        call(environ)


def test_a_pull_that_gets_no_answer_gives_nothing(environ: dict[str, str]) -> None:
    queue = PubSubQueue(clients.subscriber_client(environ), "p", wait_s=_WAIT_S)
    assert queue.pull("abc", limit=1, lease_s=10) == []


def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SqliteDocuments(tmp_path).get("a", "b")
    with pytest.raises(Unavailable):
        SqliteEvents(tmp_path, SystemClock()).publish(Event("abc", b"x"))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (api.AlreadyExists, AlreadyExists),
        (api.NotFound, NotFound),
        (api.FailedPrecondition, VersionChanged),
        (api.PreconditionFailed, VersionChanged),
        (api.DeadlineExceeded, Unavailable),
        (api.ServiceUnavailable, Unavailable),
        (api.InternalServerError, Unavailable),
        (api.ResourceExhausted, Unavailable),
        (api.Aborted, Unavailable),
        (partial(api.RetryError, cause=ValueError()), Unavailable),
        (TransportError, Unavailable),
        (ConnectTimeout, Unavailable),
        (api.PermissionDenied, PlatformError),
        (api.InvalidArgument, PlatformError),
    ],
)
def test_googles_errors_have_one_meaning_each(
    make: Callable[[str], Exception], expected: type[PlatformError]
) -> None:
    raised = make("what happened")
    with pytest.raises(PlatformError) as caught, platform_errors():
        raise raised
    assert type(caught.value) is expected
    assert caught.value.__cause__ is raised


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(KeyError), platform_errors():
        raise KeyError("x")

"""What leaves an adapter when its store fails: the ports' errors only."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from google.api_core import exceptions as api
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
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


def _storage(environ: dict[str, str]) -> GcsBlobs:
    return GcsBlobs(clients.storage_client(environ).bucket("b"), timeout_s=_WAIT_S)


def _storage_get(environ: dict[str, str]) -> object:
    return _storage(environ).get("a")


def _storage_stat(environ: dict[str, str]) -> object:
    return _storage(environ).stat("a")


def _storage_list(environ: dict[str, str]) -> object:
    return _storage(environ).list("a")


def _storage_delete(environ: dict[str, str]) -> object:
    _storage(environ).delete("a")
    return None


def _storage_overwrite(environ: dict[str, str]) -> object:
    return _storage(environ).put("a", b"1", content_type="x/y")


def _storage_stream(environ: dict[str, str]) -> object:
    return list(_storage(environ).stream("a"))


def _http_error(status: int, message: str) -> Exception:
    error: Exception = partial(api.from_http_status, status)(message)
    return error


class _Damaged(BaseHTTPRequestHandler):
    """An object whose bytes are not those that their hash was made of."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Goog-Hash", "crc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA==")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""


def test_an_object_that_arrives_damaged_is_no_answer() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Damaged) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        client = clients.storage_client({"STORAGE_EMULATOR_HOST": endpoint, "GOOGLE_CLOUD_PROJECT": "p"})
        with client, pytest.raises(Unavailable, match="checksum"):
            GcsBlobs(client.bucket("b"), timeout_s=5).get("a")
        server.shutdown()


@pytest.mark.timeout(30)  # a client left to itself tries for two minutes, longer than some functions may live
@pytest.mark.parametrize(
    "call",
    [
        _firestore_create,
        _firestore_get,
        _firestore_query,
        _publish,
        _secret,
        _storage_put,
        _storage_get,
        _storage_stat,
        _storage_list,
        _storage_delete,
        _storage_overwrite,
        _storage_stream,
    ],
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
        (RefreshError, Unavailable),
        (partial(_http_error, 408), Unavailable),
        (partial(_http_error, 418), PlatformError),
        (DefaultCredentialsError, PlatformError),
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

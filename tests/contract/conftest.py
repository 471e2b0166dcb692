"""The adapters under test. Each test has its own file, folder, project or bucket."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.embedded.events import SqliteEvents
from shared.platform.embedded.secrets import EnvironmentSecrets
from shared.platform.embedded.signed_urls import PATH, UrlSigner
from shared.platform.gcp import clients
from shared.platform.gcp.blobs import GcsBlobs
from shared.platform.gcp.documents import FirestoreDocuments
from shared.platform.gcp.events import PubSubEvents, PubSubQueue
from shared.platform.gcp.secrets import SecretManagerSecrets
from shared.platform.gcp.url_signing import with_credentials
from shared.platform.ports import DocumentStore
from tests.contract import harness, signed_v4
from tests.contract.clock import HeldClock
from tests.stack.emulators import Emulators

SIGNING_KEY = b"a signing key of the tests"


@pytest.fixture(params=["embedded", pytest.param("gcp", marks=pytest.mark.emulators)])
def adapter(request: pytest.FixtureRequest) -> str:
    """Which adapter set the test runs over."""
    return str(request.param)


@pytest.fixture
def documents(adapter: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DocumentStore]:
    if adapter == "embedded":
        embedded = SqliteDocuments(tmp_path / "documents.sqlite")
        yield embedded
        embedded.close()
    else:
        yield FirestoreDocuments(request.getfixturevalue("firestore"), project=_new_id())


@pytest.fixture
def blobs(adapter: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[harness.Blobs]:
    if adapter == "embedded":
        clock = HeldClock()
        folder = FolderBlobs(tmp_path, base_url="http://127.0.0.1:1", signing_key=SIGNING_KEY, clock=clock)
        yield harness.Blobs(folder, partial(_served_by_gateway, clock), clock)
        folder.close()
    else:
        key = signed_v4.throwaway_key()
        bucket = request.getfixturevalue("storage").create_bucket(_new_id())
        store = GcsBlobs(bucket, sign=with_credentials(signed_v4.credentials(key)))
        clock = HeldClock(SystemClock().now())
        served = partial(signed_v4.served, key=key.public_key(), clock=clock)
        yield harness.Blobs(store, served, clock)


@pytest.fixture
def events(adapter: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[harness.Events]:
    if adapter == "embedded":
        clock = HeldClock()
        sqlite = SqliteEvents(tmp_path / "events.sqlite", clock)
        declare = lambda topic, attempts: sqlite.declare(topic, attempts=attempts)  # noqa: E731  one expression
        yield harness.Events(sqlite, sqlite, declare, clock)
        sqlite.close()
    else:
        publisher, subscriber = request.getfixturevalue("pubsub")
        project = _new_id()
        make = harness.pubsub_declarer(publisher, subscriber, project)
        bus, queue = PubSubEvents(publisher, project), PubSubQueue(subscriber, project)
        yield harness.Events(bus, queue, make, SystemClock())


@pytest.fixture
def secrets(adapter: str, request: pytest.FixtureRequest) -> harness.Secrets:
    if adapter == "embedded":
        environ: dict[str, str] = {}
        return harness.Secrets(EnvironmentSecrets(environ), *harness.environment_editor(environ))
    client, project = request.getfixturevalue("secret_manager"), _new_id()
    return harness.Secrets(SecretManagerSecrets(client, project), *harness.secret_manager_editor(client, project))


@pytest.fixture(scope="session")
def firestore(emulators: Emulators) -> Iterator[Any]:
    client = clients.firestore_client(emulators.environment)
    yield client
    client.transport.close()


@pytest.fixture(scope="session")
def storage(emulators: Emulators) -> Iterator[Any]:
    client = clients.storage_client(emulators.environment)
    yield client
    client.close()


@pytest.fixture(scope="session")
def pubsub(emulators: Emulators) -> Iterator[tuple[Any, Any]]:
    publisher = clients.publisher_client(emulators.environment)
    subscriber = clients.subscriber_client(emulators.environment)
    yield publisher, subscriber
    publisher.transport.close()
    subscriber.transport.close()


@pytest.fixture(scope="session")
def secret_manager(emulators: Emulators) -> Iterator[Any]:
    client = clients.secret_manager_client(emulators.environment)
    yield client
    client.transport.close()


def _new_id() -> str:
    return f"test-{uuid.uuid4().hex[:16]}"


def _served_by_gateway(clock: HeldClock, url: str) -> bool:
    """What the local gateway does with a URL."""
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix(PATH))
    return UrlSigner("http://elsewhere", SIGNING_KEY, clock).verify(name, dict(parse_qsl(parts.query)))

"""The stack on Google's emulators: the same delivery from Pub/Sub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from shared.platform.gcp import clients
from tests.stack.config import DeliveryConfig
from tests.stack.emulators import missing
from tests.stack.sample import TOPIC, received, sample_stack, send
from tests.stack.stack import Stack

pytestmark = [pytest.mark.emulators, pytest.mark.skipif(bool(missing()), reason=" ".join(missing()))]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    quick = DeliveryConfig(backoff_min_s=0.1, backoff_max_s=1.0)
    with sample_stack(tmp_path_factory.mktemp("emulators"), backend="emulators", delivery=quick) as running:
        yield running


def test_messages_are_pushed_again_until_taken(stack: Stack) -> None:
    message_id = send(stack, until=3)
    stack.wait_idle()
    taken = [(each.attempt, each.status) for each in stack.deliveries if each.message_id == message_id]
    assert taken == [(1, 503), (2, 503), (3, 204)]
    assert received(stack)[-1]["push"]["message"]["attributes"] == {"origin": "test"}


def test_after_its_attempts_a_message_is_a_dead_letter(stack: Stack) -> None:
    message_id = send(stack, until=99)
    stack.wait_idle(60)
    attempts = [each.attempt for each in stack.deliveries if each.message_id == message_id]
    assert attempts == [1, 2, 3, 4, 5]
    (dead,) = stack.dead_letters(TOPIC)
    assert dead.event.attributes["origin"] == "test"


def test_bucket_and_secrets_are_there(stack: Stack) -> None:
    environment = stack.environment
    bucket = clients.storage_client(environment).bucket(environment["BUCKET"])
    bucket.blob("a").upload_from_string(b"x")
    assert bucket.blob("a").download_as_bytes() == b"x"
    secret = f"projects/{environment['GOOGLE_CLOUD_PROJECT']}/secrets/bnc-cpt-tesla-client-id/versions/latest"
    answer = clients.secret_manager_client(environment).access_secret_version(request={"name": secret})
    assert answer.payload.data == b"sample-client"


def test_the_gateway_serves_no_blobs_of_its_own(stack: Stack) -> None:
    assert requests.get(f"{stack.base_url}/api/v1/blobs/a?signature=x", timeout=10).status_code == 404

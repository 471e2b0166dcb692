"""The replay of dead letters as docs/operate.md has it, run to the letter against the Pub/Sub emulator."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid

import pytest

from shared.platform.gcp import clients
from shared.platform.gcp.events import PubSubQueue
from shared.platform.ports import Event
from tests.contract.harness import pubsub_declarer
from tests.stack.emulators import Emulators
from tests.terraform.schema import ROOT

pytestmark = pytest.mark.emulators

TOPIC = "fetch-vehicle"
MESSAGES = {
    b'{"order":"o1","vehicle_id":"v1"}': {"order": "o1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"},
    b'{"order":"o2","vehicle_id":"v 2"}': {},
}
"""Data -> attributes."""


def _commands() -> str:
    page = (ROOT / "docs" / "operate.md").read_text()
    found = re.search(r"^```\n(topic=.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_dead_letters_are_published_to_their_topic_again(emulators: Emulators) -> None:
    assert shutil.which("gcloud"), "the emulators are gcloud's"
    project = f"p-{uuid.uuid4().hex[:8]}"
    publisher = clients.publisher_client(emulators.environment)
    subscriber = clients.subscriber_client(emulators.environment)
    declare = pubsub_declarer(publisher, subscriber, project)
    declare(TOPIC, 5)
    dead = [{"data": data, "attributes": attributes} for data, attributes in MESSAGES.items()]
    publisher.publish(request={"topic": f"projects/{project}/topics/{TOPIC}-dead", "messages": dead})
    environment = {
        **os.environ,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": f"http://{emulators.environment['PUBSUB_EMULATOR_HOST']}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": project,
    }
    subprocess.run(["sh", "-c", _commands()], env=environment, capture_output=True, timeout=120, check=True)
    queue = PubSubQueue(subscriber, project, wait_s=0.5)
    again = [delivery.event for delivery in queue.pull(TOPIC, limit=10, lease_s=60)]
    assert sorted(again, key=lambda event: event.data) == [Event(TOPIC, *message) for message in MESSAGES.items()]
    assert queue.pull(f"{TOPIC}-dead", limit=10, lease_s=60) == []

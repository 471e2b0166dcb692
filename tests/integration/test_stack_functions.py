"""The product's own functions on the stack: reachable as the manifest says, on both backends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from shared.bootstrap import LOCAL_URL_KEY
from tests.stack.config import DeliveryConfig, StackConfig
from tests.stack.embedded import URL_KEY_SECRET
from tests.stack.emulators import missing
from tests.stack.sample import NO_TESLA
from tests.stack.stack import Stack

pytestmark = pytest.mark.stack

BACKENDS = [
    "embedded",
    pytest.param(
        "emulators",
        marks=[pytest.mark.emulators, pytest.mark.skipif(bool(missing()), reason=" ".join(missing()))],
    ),
]


@pytest.fixture(scope="module", params=BACKENDS)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("functions")
    with Stack(StackConfig(state_dir=folder, backend=request.param, tesla=NO_TESLA, tick_s=0)) as running:
        yield running


def test_the_public_key_is_served(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/.well-known/appspecific/com.tesla.3p.public-key.pem", timeout=10)
    assert answer.status_code == 200
    assert answer.text.startswith("-----BEGIN PUBLIC KEY-----")


def test_a_tick_is_done(stack: Stack) -> None:
    sent = set(stack.tick())
    stack.wait_idle()
    done = [(each.message_id, each.status) for each in stack.deliveries if each.message_id in sent]
    assert len(sent) == 2
    assert sorted(done) == sorted((message_id, 204) for message_id in sent)


def test_topic_functions_take_messages_of_the_pusher_only(stack: Stack) -> None:
    url = stack.function_process("housekeeping").url
    envelope = {"message": {"data": "e30=", "messageId": "1"}, "subscription": "s"}
    stranger = {"Authorization": f"Bearer {stack.token('stranger@example.com')}"}
    pusher = {"Authorization": f"Bearer {stack.token(stack.environment['PUSHER'])}"}
    statuses = [requests.post(url, json=envelope, headers=h, timeout=10).status_code for h in ({}, stranger, pusher)]
    assert statuses == [401, 403, 204]


def test_an_order_is_kept_over_a_restart(stack: Stack) -> None:
    order = requests.post(f"{stack.base_url}/api/v1/orders", json={"package": "basic"}, timeout=10).json()
    stack.kill("orders")
    url = f"{stack.base_url}/api/v1/orders/{order['order_id']}"
    answer = requests.get(url, headers={"Authorization": f"Bearer {order['grant']}"}, timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (200, "created")


def test_the_stack_and_the_product_name_the_url_key_alike() -> None:
    assert URL_KEY_SECRET == LOCAL_URL_KEY


def test_a_crash_can_be_placed_in_a_port_of_the_product(tmp_path: Path) -> None:
    crash = {"CRASH_AT": "housekeeping:documents.query:1:before"}
    eager = DeliveryConfig(backoff_min_s=0.01)
    with Stack(StackConfig(state_dir=tmp_path, tesla=NO_TESLA, tick_s=0, settings=crash, delivery=eager)) as stack:
        stack.tick()
        stack.wait_idle()
        assert stack.deaths == [("housekeeping", -9)]
        assert [each.status for each in stack.deliveries if each.topic == "housekeeping"] == [0, 204]

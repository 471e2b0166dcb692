"""Message delivery: envelope, token, retries, dead letters, test modes, survival."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import jwt
import pytest

from tests.stack.config import DeliveryConfig
from tests.stack.delivery import NotIdle
from tests.stack.pump import backoff_s
from tests.stack.sample import TOPIC, received, sample_stack, send, until
from tests.stack.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with sample_stack(tmp_path_factory.mktemp("delivery")) as running:
        yield running


def _pushes(stack: Stack, message_id: str) -> list[dict[str, object]]:
    return [each["push"] for each in received(stack) if each["push"]["message"]["messageId"] == message_id]


def _statuses(stack: Stack, message_id: str) -> list[tuple[int, int]]:
    return [(each.attempt, each.status) for each in stack.deliveries if each.message_id == message_id]


def test_the_envelope_is_pubsubs(stack: Stack) -> None:
    message_id = send(stack, note="hello")
    stack.wait_idle()
    (push,) = _pushes(stack, message_id)
    message = push["message"]
    assert isinstance(message, dict)
    assert json.loads(base64.b64decode(message["data"])) == {"note": "hello"}
    assert message["attributes"] == {"origin": "test"}
    assert message["messageId"] == message["message_id"] == message_id
    assert message["publishTime"] == message["publish_time"]
    assert message["publishTime"].endswith("Z")
    assert (push["subscription"], push["deliveryAttempt"]) == (f"projects/local/subscriptions/{TOPIC}", 1)


def test_the_pusher_proves_who_it_is(stack: Stack) -> None:
    send(stack)
    stack.wait_idle()
    scheme, _, token = received(stack)[-1]["authorization"].partition(" ")
    key = jwt.PyJWKSet.from_dict(stack.identity.key_set()).keys[0]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=stack.environment["OIDC_AUDIENCE"])
    assert (scheme, claims["email"]) == ("Bearer", stack.environment["PUSHER"])


def test_a_refused_message_comes_again_with_growing_pauses(stack: Stack) -> None:
    message_id = send(stack, until=4)
    stack.wait_idle()
    assert _statuses(stack, message_id) == [(1, 503), (2, 503), (3, 503), (4, 204)]
    assert [push["deliveryAttempt"] for push in _pushes(stack, message_id)] == [1, 2, 3, 4]
    starts = [each.started for each in stack.deliveries if each.message_id == message_id]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(starts)]
    least = [backoff_s(stack.config.delivery, attempt) for attempt in (1, 2, 3)]
    assert all(pause >= wanted for pause, wanted in zip(pauses, least, strict=True))


def test_pauses_grow_between_their_bounds() -> None:
    config = DeliveryConfig(backoff_min_s=0.2, backoff_max_s=10.0)
    pauses = [backoff_s(config, attempt) for attempt in range(1, 9)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert backoff_s(config, 100_000) == 10.0


def test_a_message_that_kills_its_function_is_delivered_to_the_next_process(stack: Stack) -> None:
    message_id = send(stack, die=True)
    stack.wait_idle()
    assert _statuses(stack, message_id) == [(1, 0), (2, 204)]
    assert ("worker", -9) in stack.deaths


def test_nothing_is_delivered_while_paused(stack: Stack) -> None:
    stack.pause()
    message_id = send(stack)
    with pytest.raises(NotIdle, match=TOPIC):
        stack.wait_idle(0.3)
    assert _statuses(stack, message_id) == []
    stack.resume()
    stack.wait_idle()
    assert _statuses(stack, message_id) == [(1, 204)]


def test_many_messages_arrive_once_each(stack: Stack) -> None:
    sent = [send(stack, number=number) for number in range(200)]
    stack.wait_idle()
    counts = Counter(each.message_id for each in stack.deliveries)
    assert [counts[message_id] for message_id in sent] == [1] * len(sent)


def test_no_more_requests_run_at_a_time_than_the_manifest_allows(stack: Stack) -> None:
    sent = {send(stack, sleep_s=0.05) for _ in range(12)}
    stack.wait_idle()
    runs = [each for each in stack.deliveries if each.message_id in sent]
    ends = [each.started.timestamp() + each.duration_s for each in runs]
    moments = [each.started.timestamp() for each in runs]
    at_once = [sum(s <= moment < e for s, e in zip(moments, ends, strict=True)) for moment in moments]
    assert max(at_once) <= stack.manifest.functions["worker"].concurrency


def test_after_its_attempts_a_message_is_a_dead_letter(tmp_path: Path) -> None:
    quick = DeliveryConfig(backoff_min_s=0.01, backoff_max_s=0.02, attempts=3)
    with sample_stack(tmp_path, delivery=quick) as stack:
        message_id = send(stack, until=99, note="never")
        stack.wait_idle()
        assert _statuses(stack, message_id) == [(1, 503), (2, 503), (3, 503)]
        (dead,) = stack.dead_letters(TOPIC)
        assert json.loads(dead.event.data)["note"] == "never"
        assert dead.event.attributes["origin"] == "test"
        assert stack.dead_letters(TOPIC) == []


def test_copies_and_their_order_are_a_mode(tmp_path: Path) -> None:
    with sample_stack(tmp_path, delivery=DeliveryConfig(duplicate=3, shuffle_s=0.3)) as stack:
        sent = [send(stack, number=number) for number in range(20)]
        stack.wait_idle()
        seen = [push["push"]["message"]["messageId"] for push in received(stack)]
    assert Counter(seen) == dict.fromkeys(sent, 3)
    assert seen != sorted(seen, key=int)


def test_messages_and_keys_survive_a_stop(tmp_path: Path) -> None:
    with sample_stack(tmp_path) as stack:
        stack.pause()
        message_id = send(stack)
        keys = stack.identity.key_set()
    with sample_stack(tmp_path) as stack:
        stack.wait_idle()
        assert stack.identity.key_set() == keys
        # A pull that was under way at the pause counts as an attempt.
        assert [status for _attempt, status in _statuses(stack, message_id)] == [204]


def test_a_message_under_way_at_the_stop_is_given_back(tmp_path: Path) -> None:
    with sample_stack(tmp_path, stop_s=0.1) as stack:
        message_id = send(stack, sleep_s=3)
        until(lambda: _pushes(stack, message_id))
    with sample_stack(tmp_path) as stack:
        stack.wait_idle()
        assert _statuses(stack, message_id) == [(2, 204)]

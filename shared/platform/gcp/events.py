"""EventBus and EventQueue on Pub/Sub.

Terraform (or the local stack) makes the topics: ``<topic>`` with a pull or push subscription of the same id, which
dead-letters to ``<topic>-dead`` with a subscription of that id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shared.platform.gcp.calls import platform_errors, retry_reads
from shared.platform.limits import check_event, check_topic
from shared.platform.ports import Delivery, Event

MAX_LEASE_S: Final = 600
"""Pub/Sub's longest acknowledgement deadline."""

_DEAD_LETTER_PREFIX: Final = "CloudPubSubDeadLetterSource"
_DEAD_LETTER_NAMES: Final = {
    f"{_DEAD_LETTER_PREFIX}Subscription": "dead_letter_topic",
    f"{_DEAD_LETTER_PREFIX}DeliveryCount": "dead_letter_attempts",
}


class PubSubEvents:
    """Publishes to the topics of one project."""

    def __init__(self, publisher: Any, project: str, *, timeout_s: float = 15.0) -> None:
        """Use a ``google.pubsub_v1.PublisherClient``; a publish waits at most `timeout_s` for its answer.

        The batching client of ``google.cloud.pubsub_v1`` sends from threads of its own, which a function between
        two requests does not run.
        """
        self._publisher = publisher
        self._project = project
        self._timeout_s = timeout_s

    def publish(self, event: Event) -> str:
        """Send the message and wait for the service's answer; gives its id. Raises NotFound, Unavailable."""
        check_event(event)
        message = {"data": event.data, "attributes": dict(event.attributes)}
        request = {"topic": f"projects/{self._project}/topics/{event.topic}", "messages": [message]}
        retry = retry_reads(self._timeout_s)
        with platform_errors():
            answer = self._publisher.publish(request=request, retry=retry, timeout=self._timeout_s)
        return str(answer.message_ids[0])


class PubSubQueue:
    """Pulls from the subscriptions of one project that have their topic's id."""

    def __init__(self, subscriber: Any, project: str, *, wait_s: float = 2.0, timeout_s: float = 15.0) -> None:
        """Use a ``google.pubsub_v1.SubscriberClient``.

        Args:
            subscriber: The client.
            project: Id of the project.
            wait_s: How long an empty subscription may keep a pull waiting.
            timeout_s: Longest wait of the other calls.
        """
        self._subscriber = subscriber
        self._project = project
        self._wait_s = wait_s
        self._timeout_s = timeout_s

    def pull(self, topic: str, *, limit: int, lease_s: float) -> list[Delivery]:
        """Up to `limit` deliveries; their leases are set to `lease_s` in whole seconds, 10 minutes at most.

        Raises:
            NotFound: There is no such subscription.
            Unavailable: Pub/Sub did not answer.
        """
        from google.api_core.exceptions import DeadlineExceeded

        check_topic(topic)
        request = {"subscription": self._subscription(topic), "max_messages": limit}
        with platform_errors():
            try:
                answer = self._subscriber.pull(request=request, retry=None, timeout=self._wait_s)
            except DeadlineExceeded:
                return []
        deliveries = [_delivery(topic, received) for received in answer.received_messages]
        self._set_lease(topic, [each.receipt for each in deliveries], lease_s)
        return deliveries

    def ack(self, delivery: Delivery) -> None:
        """The message is done."""
        request = {"subscription": self._subscription(delivery.event.topic), "ack_ids": [delivery.receipt]}
        retry = retry_reads(self._timeout_s)
        with platform_errors():
            self._subscriber.acknowledge(request=request, retry=retry, timeout=self._timeout_s)

    def nack(self, delivery: Delivery, *, delay_s: float) -> None:
        """Give the message back: its lease ends after `delay_s` in whole seconds, 10 minutes at most."""
        self._set_lease(delivery.event.topic, [delivery.receipt], delay_s)

    def _subscription(self, topic: str) -> str:
        return f"projects/{self._project}/subscriptions/{topic}"

    def _set_lease(self, topic: str, receipts: list[str], seconds: float) -> None:
        if not receipts:
            return
        request = {
            "subscription": self._subscription(topic),
            "ack_ids": receipts,
            "ack_deadline_seconds": min(math.ceil(seconds), MAX_LEASE_S),
        }
        retry = retry_reads(self._timeout_s)
        with platform_errors():
            self._subscriber.modify_ack_deadline(request=request, retry=retry, timeout=self._timeout_s)


def _delivery(topic: str, received: Any) -> Delivery:
    message = received.message
    published = datetime.fromtimestamp(message.publish_time.timestamp(), UTC)
    event = Event(topic, message.data, _attributes(message.attributes))
    # A subscription without a dead-letter policy does not count.
    return Delivery(event, message.message_id, published, received.delivery_attempt or 1, received.ack_id)


def _attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """The message's attributes, Pub/Sub's dead-letter marks under the ports' names."""
    kept = {name: value for name, value in attributes.items() if not name.startswith(_DEAD_LETTER_PREFIX)}
    for theirs, ours in _DEAD_LETTER_NAMES.items():
        if theirs in attributes:
            kept[ours] = attributes[theirs].rpartition("/")[2]
    return kept

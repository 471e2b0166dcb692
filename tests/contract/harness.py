"""What the suite needs of an adapter beside its port: time, topics, secrets' versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.cloud.secretmanager_v1 import types

from shared.platform.ports import BlobStore, Clock, Delivery, EventBus, EventQueue, SecretStore


@dataclass(frozen=True, slots=True)
class Blobs:
    """A store and a check of its signed URLs: (url) -> whether it would be served now."""

    store: BlobStore
    served: Callable[[str], bool]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Events:
    """A bus, its queue and how to declare a topic: (topic, attempts)."""

    bus: EventBus
    queue: EventQueue
    declare: Callable[[str, int], None]
    clock: Clock

    def await_deliveries(
        self, topic: str, count: int = 1, *, lease_s: float = 30, within_s: float = 60
    ) -> list[Delivery]:
        """Pull until there are `count` deliveries, or what came within `within_s`."""
        deadline = self.clock.monotonic() + within_s
        found: list[Delivery] = []
        while len(found) < count and self.clock.monotonic() < deadline:
            found += self.queue.pull(topic, limit=count - len(found), lease_s=lease_s)
            if len(found) < count:
                self.clock.sleep(0.1)
        return found


@dataclass(frozen=True, slots=True)
class Secrets:
    """A store, how to add a version: (name, value) -> number, and how to disable one: (name, number)."""

    store: SecretStore
    add: Callable[[str, str], int]
    disable: Callable[[str, int], None]


def environment_editor(environ: dict[str, str]) -> tuple[Callable[[str, str], int], Callable[[str, int], None]]:
    """Add and disable versions in `environ`."""

    def variable(name: str, number: int) -> str:
        base = "SECRET_" + name.upper().replace("-", "_")
        return base if number == 1 else f"{base}__{number}"

    def add(name: str, value: str) -> int:
        number = next(n for n in range(1, 100) if variable(name, n) not in environ)
        environ[variable(name, number)] = value
        return number

    def disable(name: str, number: int) -> None:
        environ[variable(name, number)] = ""

    return add, disable


def secret_manager_editor(client: Any, project: str) -> tuple[Callable[[str, str], int], Callable[[str, int], None]]:
    """Add and disable versions in Secret Manager."""
    parent = f"projects/{project}"
    known: set[str] = set()

    def add(name: str, value: str) -> int:
        if name not in known:
            automatic = types.Secret(replication={"automatic": {}})
            client.create_secret(request={"parent": parent, "secret_id": name, "secret": automatic})
            known.add(name)
        payload = {"parent": f"{parent}/secrets/{name}", "payload": {"data": value.encode()}}
        return int(client.add_secret_version(request=payload).name.rpartition("/")[2])

    def disable(name: str, number: int) -> None:
        client.disable_secret_version(request={"name": f"{parent}/secrets/{name}/versions/{number}"})

    return add, disable


def pubsub_declarer(publisher: Any, subscriber: Any, project: str) -> Callable[[str, int], None]:
    """Make a topic with its subscription and dead letters as Terraform does."""

    def make(topic: str, **options: Any) -> None:
        name = f"projects/{project}/topics/{topic}"
        publisher.create_topic(request={"name": name})
        subscription = f"projects/{project}/subscriptions/{topic}"
        subscriber.create_subscription(request={"name": subscription, "topic": name, **options})

    def declare(topic: str, attempts: int) -> None:
        make(f"{topic}-dead")
        dead = {
            "dead_letter_topic": f"projects/{project}/topics/{topic}-dead",
            "max_delivery_attempts": attempts,
        }
        make(topic, ack_deadline_seconds=10, dead_letter_policy=dead)

    return declare

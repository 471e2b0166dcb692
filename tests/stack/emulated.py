"""The emulators' side of the stack: a project, its topics and subscriptions, bucket and secrets."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from shared.manifest import Manifest
from shared.platform.gcp import clients
from shared.platform.gcp.events import PubSubEvents, PubSubQueue
from tests.stack.config import StackConfig
from tests.stack.keychain import Keychain, new_signing_key
from tests.stack.messaging import Messaging

_PULL_WAIT_S = 1.0
_QUIET_S = 0.2
_ACK_DEADLINE_S = 10

KeepSecrets = Callable[[Mapping[str, bytes]], dict[str, str]]


@contextmanager
def open_emulated(
    config: StackConfig, manifest: Manifest, keys: Keychain
) -> Iterator[tuple[Messaging, dict[str, str], KeepSecrets]]:
    """Emulators with everything that Terraform makes in production.

    Gives messaging, the variables of the functions, and the keeper of secrets. The project's id is kept with the
    state, so that emulators that go on running are found as they were left.

    Raises:
        EmulatorError: The emulators cannot be started.
    """
    project = keys.keep("project-id", _new_project_id).decode()
    with ExitStack() as opening:
        environ = dict(config.emulators or _own_emulators(opening, config.state_dir, project))
        environ["GOOGLE_CLOUD_PROJECT"] = project
        settings = {
            **environ,
            "BACKEND": "gcp",
            "BUCKET": f"{project}-data",
            "STATE_DIR": str(config.state_dir.resolve()),
            "GOOGLE_APPLICATION_CREDENTIALS": str(_signing_account(keys, project)),
        }
        _make_bucket(environ, settings["BUCKET"])
        messaging = _open_messaging(environ, project)
        opening.callback(messaging.close)
        _make_topics(clients.publisher_client(environ), clients.subscriber_client(environ), project, manifest, config)
        yield messaging, settings, lambda values: _keep_secrets(environ, project, values)


def _new_project_id() -> bytes:
    return f"stack-{secrets.token_hex(4)}".encode()


def _own_emulators(opening: ExitStack, state_dir: Path, project: str) -> dict[str, str]:
    from tests.stack.emulators import Emulators

    return opening.enter_context(Emulators(state_dir / "emulators", project=project)).environment


def _open_messaging(environ: Mapping[str, str], project: str) -> Messaging:
    publisher, subscriber = clients.publisher_client(environ), clients.subscriber_client(environ)

    def close() -> None:
        publisher.transport.close()
        subscriber.transport.close()

    return Messaging(
        bus=PubSubEvents(publisher, project),
        queue=PubSubQueue(subscriber, project, wait_s=_PULL_WAIT_S),
        changed=None,
        quiet_s=_QUIET_S,
        close=close,
    )


def _make_topics(publisher: Any, subscriber: Any, project: str, manifest: Manifest, config: StackConfig) -> None:
    """Topics with pull subscriptions of the same id, dead-lettering to ``<topic>-dead``."""
    for name, (_, topic) in manifest.topics().items():
        dead = _make_topic(publisher, subscriber, project, f"{name}-dead", {})
        policy = {"dead_letter_topic": dead, "max_delivery_attempts": config.attempts(topic)}
        _make_topic(publisher, subscriber, project, name, {"dead_letter_policy": policy})
    for name in manifest.outward_topics:
        _make_topic(publisher, subscriber, project, name, {})


def _make_topic(publisher: Any, subscriber: Any, project: str, name: str, options: Mapping[str, Any]) -> str:
    """The topic's full name; both may exist already."""
    from google.api_core.exceptions import AlreadyExists

    topic = f"projects/{project}/topics/{name}"
    subscription = {
        "name": f"projects/{project}/subscriptions/{name}",
        "topic": topic,
        "ack_deadline_seconds": _ACK_DEADLINE_S,
        **options,
    }
    try:
        publisher.create_topic(request={"name": topic})
        subscriber.create_subscription(request=subscription)
    except AlreadyExists:
        return topic
    return topic


def _make_bucket(environ: Mapping[str, str], name: str) -> None:
    from google.api_core.exceptions import Conflict

    try:
        clients.storage_client(environ).create_bucket(name)
    except Conflict:
        return


def _keep_secrets(environ: Mapping[str, str], project: str, values: Mapping[str, bytes]) -> dict[str, str]:
    """Store each secret that does not exist yet; the functions need no variables for them."""
    from google.api_core.exceptions import AlreadyExists

    client = clients.secret_manager_client(environ)
    for name, value in values.items():
        parent = f"projects/{project}"
        request = {"parent": parent, "secret_id": name, "secret": {"replication": {"automatic": {}}}}
        try:
            client.create_secret(request=request)
        except AlreadyExists:
            continue
        client.add_secret_version(request={"parent": f"{parent}/secrets/{name}", "payload": {"data": value}})
    client.transport.close()
    return {}


def _signing_account(keys: Keychain, project: str) -> Path:
    """A key file of an account that exists nowhere: signs URLs for a server that does not check them."""
    private_key = keys.keep("url-signer.pem", new_signing_key).decode()
    account = {
        "type": "service_account",
        "project_id": project,
        "client_email": f"url-signer@{project}.iam.gserviceaccount.com",
        "private_key": private_key,
        "token_uri": "http://127.0.0.1:9/unused",
    }
    return keys.keep_file("url-signer.json", lambda: json.dumps(account).encode())

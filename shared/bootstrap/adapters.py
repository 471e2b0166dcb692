"""Adapters of the chosen backend, and what is built on them alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from shared import bootstrap
from shared.bootstrap.lifetime import built_once
from shared.platform.ports import BlobStore, DocumentStore, EventBus, SecretStore

if TYPE_CHECKING:
    from shared.platform.due import DueList
    from shared.platform.once import Once
    from shared.platform.sealing import Sealer

LOCAL_URL_KEY = "local-url-key"
"""Secret that signs download URLs (embedded)."""

_RUN_S = 60
"""Housekeeping publishes what is due once a minute."""


@built_once
def documents() -> DocumentStore:
    """The document store of the backend."""
    if bootstrap.settings().backend == "embedded":
        from shared.platform.embedded.documents import SqliteDocuments

        return SqliteDocuments(Path(bootstrap.settings().state_dir) / "documents.db")
    from shared.platform.gcp.clients import firestore_client
    from shared.platform.gcp.documents import FirestoreDocuments

    chosen = bootstrap.settings()
    client = firestore_client(os.environ)
    return FirestoreDocuments(client, project=chosen.google_cloud_project, database=chosen.firestore_database)


@built_once
def blobs() -> BlobStore:
    """The blob store of the backend."""
    chosen = bootstrap.settings()
    if chosen.backend == "embedded":
        from shared.platform.embedded.blobs import FolderBlobs

        folder, key = Path(chosen.state_dir) / "blobs", bootstrap.secrets().get(LOCAL_URL_KEY).value
        return FolderBlobs(folder, base_url=chosen.public_url.rstrip("/"), signing_key=key, clock=bootstrap.clock)
    from shared.platform.gcp.blobs import GcsBlobs
    from shared.platform.gcp.clients import storage_client

    return GcsBlobs(storage_client(os.environ).bucket(chosen.bucket))


@built_once
def events() -> EventBus:
    """The event bus of the backend."""
    if bootstrap.settings().backend == "embedded":
        from shared.platform.embedded.events import SqliteEvents

        return SqliteEvents(Path(bootstrap.settings().state_dir) / "events.db", bootstrap.clock)
    from shared.platform.gcp.clients import publisher_client
    from shared.platform.gcp.events import PubSubEvents

    return PubSubEvents(publisher_client(os.environ), bootstrap.settings().google_cloud_project)


@built_once
def secrets() -> SecretStore:
    """The secret store of the backend."""
    if bootstrap.settings().backend == "embedded":
        from shared.platform.embedded.secrets import EnvironmentSecrets

        return EnvironmentSecrets(os.environ)
    from shared.platform.gcp.clients import secret_manager_client
    from shared.platform.gcp.secrets import SecretManagerSecrets

    return SecretManagerSecrets(secret_manager_client(os.environ), bootstrap.settings().google_cloud_project)


@built_once
def sealer() -> Sealer:
    """Encryption at rest."""
    from shared.platform.sealing import Sealer

    return Sealer(bootstrap.secrets(), bootstrap.settings().token_key_secret, bootstrap.clock)


@built_once
def due() -> DueList:
    """The durable to-do list."""
    from shared.accounts.messages import PLANNED_PER_S, TOPIC
    from shared.platform.due import DueList

    chosen = bootstrap.settings()
    per_run = {TOPIC: PLANNED_PER_S * _RUN_S}
    return DueList(
        bootstrap.documents(),
        bootstrap.events(),
        bootstrap.clock,
        again_s=chosen.due_again_s,
        grace_s=chosen.outbox_grace_s,
        per_run=per_run,
    )


@built_once
def idempotency_claims() -> Once:
    """Claims of Idempotency-Keys."""
    from shared.edge.idempotency import COLLECTION, KEEP_S
    from shared.platform.once import Once

    return Once(bootstrap.documents(), bootstrap.clock, collection=COLLECTION, keep_s=KEEP_S)

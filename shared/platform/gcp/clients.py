"""Google's clients from the environment, each imported and made when it is asked for.

``FIRESTORE_EMULATOR_HOST``, ``PUBSUB_EMULATOR_HOST`` and ``SECRET_MANAGER_EMULATOR_HOST`` (host:port) and
``STORAGE_EMULATOR_HOST`` (URL) turn a client to an emulator, without credentials. A client is safe to share between
threads and costly to make: keep it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def firestore_client(environ: Mapping[str, str]) -> Any:
    """A ``FirestoreClient`` of Firestore's own protocol, for `FirestoreDocuments`."""
    from google.cloud.firestore_v1.services.firestore import FirestoreClient
    from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

    host = environ.get("FIRESTORE_EMULATOR_HOST")
    return _client(FirestoreClient, FirestoreGrpcTransport, host)


def publisher_client(environ: Mapping[str, str]) -> Any:
    """A ``google.pubsub_v1.PublisherClient``, for `PubSubEvents`."""
    from google.pubsub_v1.services.publisher import PublisherClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

    return _client(PublisherClient, PublisherGrpcTransport, environ.get("PUBSUB_EMULATOR_HOST"))


def subscriber_client(environ: Mapping[str, str]) -> Any:
    """A ``google.pubsub_v1.SubscriberClient``, for `PubSubQueue`."""
    from google.pubsub_v1.services.subscriber import SubscriberClient
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

    return _client(SubscriberClient, SubscriberGrpcTransport, environ.get("PUBSUB_EMULATOR_HOST"))


def secret_manager_client(environ: Mapping[str, str]) -> Any:
    """A ``SecretManagerServiceClient``, for `SecretManagerSecrets`."""
    from google.cloud.secretmanager_v1.services.secret_manager_service import SecretManagerServiceClient
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceGrpcTransport,
    )

    host = environ.get("SECRET_MANAGER_EMULATOR_HOST")
    return _client(SecretManagerServiceClient, SecretManagerServiceGrpcTransport, host)


def storage_client(environ: Mapping[str, str]) -> Any:
    """A ``google.cloud.storage.Client``, whose ``bucket(name)`` is for `GcsBlobs`."""
    from google.cloud.storage import Client

    project = environ.get("GOOGLE_CLOUD_PROJECT")
    endpoint = environ.get("STORAGE_EMULATOR_HOST")
    if not endpoint:
        return Client(project=project)
    return Client(project=project, client_options={"api_endpoint": endpoint}, use_auth_w_custom_endpoint=False)


def _client(client: Any, transport: Any, emulator_host: str | None) -> Any:
    """A client of the service, or of the emulator over a plain channel."""
    if not emulator_host:
        return client()
    import grpc  # type: ignore[import-untyped]  # the package ships no types

    # The default of 4 MiB would stop a page of large documents.
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    return client(transport=transport(channel=grpc.insecure_channel(emulator_host, options=unlimited)))

"""Writing secrets, which no function may do: Secret Manager, or a file of the embedded backend's state folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared import bootstrap
from shared.platform.errors import NotFound


def write_secret(name: str, value: bytes, environ: Mapping[str, str]) -> str:
    """Store a new version; gives where it lies, in words. Raises what Google's client raises."""
    if bootstrap.settings().backend == "embedded":
        return f"{_write_file(name, value)}; it is read from the variable {variable_of(name)}"
    from google.api_core.exceptions import AlreadyExists

    from shared.platform.gcp.clients import secret_manager_client

    client, parent = secret_manager_client(environ), f"projects/{bootstrap.settings().google_cloud_project}"
    try:
        secret: dict[str, Any] = {"replication": {"automatic": {}}}
        client.create_secret(request={"parent": parent, "secret_id": name, "secret": secret})
    except AlreadyExists:
        pass  # a further version of it is stored below
    client.add_secret_version(request={"parent": f"{parent}/secrets/{name}", "payload": {"data": value}})
    return f"Secret Manager of {bootstrap.settings().google_cloud_project}"


def is_stored(name: str) -> bool:
    """Whether there is such a secret, be it (embedded) one that was written and not yet passed on to the service."""
    try:
        bootstrap.secrets().get(name)
    except NotFound:
        return bootstrap.settings().backend == "embedded" and _file_of(name).exists()
    return True


def variable_of(name: str) -> str:
    """The environment variable that the embedded backend reads a secret from."""
    return "SECRET_" + name.upper().replace("-", "_")


def _file_of(name: str) -> Path:
    return Path(bootstrap.settings().state_dir) / "secrets" / name


def _write_file(name: str, value: bytes) -> str:
    path = _file_of(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value)
    return str(path)

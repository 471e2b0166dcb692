"""Secret Manager over gRPC, in memory: Google publishes no emulator of it.

Serves what the real clients call on secrets and their versions, with the service's status codes. Run one with
``python -m tests.stack.secret_manager PORT``; it listens on 127.0.0.1.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, Final

import google_crc32c
import grpc  # type: ignore[import-untyped]  # the package ships no types
from google.cloud.secretmanager_v1 import types
from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # the package ships no types

_SERVICE: Final = "google.cloud.secretmanager.v1.SecretManagerService"
_STATE: Final = types.SecretVersion.State


class Refusal(Exception):
    """An answer other than OK."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


@dataclass(slots=True)
class Version:
    """One version: what the API tells of it, and its value."""

    info: types.SecretVersion
    data: bytes


@dataclass(slots=True)
class Vault:
    """Every secret of every project, by full name; the methods are the service's."""

    secrets: dict[str, types.Secret] = field(default_factory=dict)
    versions: dict[str, list[Version]] = field(default_factory=dict)

    def create_secret(self, request: types.CreateSecretRequest) -> types.Secret:
        """Make a secret without versions."""
        name = f"{request.parent}/secrets/{request.secret_id}"
        if name in self.secrets:
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{name}] already exists.")
        secret = types.Secret(request.secret)
        secret.name = name
        self.secrets[name] = secret
        self.versions[name] = []
        return secret

    def get_secret(self, request: types.GetSecretRequest) -> types.Secret:
        """What is known of a secret."""
        self._versions_of(request.name)
        return self.secrets[request.name]

    def list_secrets(self, request: types.ListSecretsRequest) -> types.ListSecretsResponse:
        """The secrets of a project, in one page."""
        prefix = f"{request.parent}/secrets/"
        return types.ListSecretsResponse(
            secrets=[secret for name, secret in self.secrets.items() if name.startswith(prefix)]
        )

    def delete_secret(self, request: types.DeleteSecretRequest) -> Any:
        """Forget a secret and its versions."""
        self._versions_of(request.name)
        del self.secrets[request.name], self.versions[request.name]
        return empty_pb2.Empty()

    def add_secret_version(self, request: types.AddSecretVersionRequest) -> types.SecretVersion:
        """Append an enabled version."""
        versions = self._versions_of(request.parent)
        data = request.payload.data
        if request.payload.data_crc32c and request.payload.data_crc32c != google_crc32c.value(data):
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "The checksum does not match the payload.")
        name = f"{request.parent}/versions/{len(versions) + 1}"
        info = types.SecretVersion(name=name, state=_STATE.ENABLED)
        versions.append(Version(info, data))
        return info

    def access_secret_version(self, request: types.AccessSecretVersionRequest) -> types.AccessSecretVersionResponse:
        """The value of an enabled version."""
        version = self._find(request.name)
        if version.info.state != _STATE.ENABLED:
            details = f"Secret Version [{version.info.name}] is in {version.info.state.name} state."
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, details)
        payload = types.SecretPayload(data=version.data, data_crc32c=google_crc32c.value(version.data))
        return types.AccessSecretVersionResponse(name=version.info.name, payload=payload)

    def get_secret_version(self, request: types.GetSecretVersionRequest) -> types.SecretVersion:
        """What is known of a version."""
        return self._find(request.name).info

    def list_secret_versions(self, request: types.ListSecretVersionsRequest) -> types.ListSecretVersionsResponse:
        """The versions, newest first, in one page; of filters only ``state:NAME`` is known."""
        versions = [version.info for version in reversed(self._versions_of(request.parent))]
        wanted = request.filter.partition("state:")[2]
        if wanted:
            versions = [info for info in versions if info.state.name == wanted]
        return types.ListSecretVersionsResponse(versions=versions)

    def enable_secret_version(self, request: types.EnableSecretVersionRequest) -> types.SecretVersion:
        """Make a disabled version accessible again."""
        return self._set_state(request.name, _STATE.ENABLED)

    def disable_secret_version(self, request: types.DisableSecretVersionRequest) -> types.SecretVersion:
        """Make a version inaccessible for now."""
        return self._set_state(request.name, _STATE.DISABLED)

    def destroy_secret_version(self, request: types.DestroySecretVersionRequest) -> types.SecretVersion:
        """Erase a version's value for good."""
        self._find(request.name).data = b""
        return self._set_state(request.name, _STATE.DESTROYED)

    def _versions_of(self, secret: str) -> list[Version]:
        if secret not in self.versions:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Secret [{secret}] not found or has no versions.")
        return self.versions[secret]

    def _find(self, name: str) -> Version:
        secret, _, number = name.rpartition("/versions/")
        versions = self._versions_of(secret)
        if number == "latest":
            number = _latest(versions)
        if not number.isdigit() or not 0 < int(number) <= len(versions):
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Secret Version [{name}] not found.")
        return versions[int(number) - 1]

    def _set_state(self, name: str, state: Any) -> types.SecretVersion:
        info = self._find(name).info
        if info.state == _STATE.DESTROYED and state != _STATE.DESTROYED:
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, f"Secret Version [{name}] is destroyed.")
        info.state = state
        return info


def _latest(versions: list[Version]) -> str:
    """The number that "latest" stands for: the newest version that is not destroyed, enabled or not."""
    kept = (number for number, each in enumerate(versions, start=1) if each.info.state != _STATE.DESTROYED)
    return str(max(kept, default=0))


def _handlers(vault: Vault) -> dict[str, Any]:
    methods: dict[type[Any], Callable[[Any], Any]] = {
        types.CreateSecretRequest: vault.create_secret,
        types.GetSecretRequest: vault.get_secret,
        types.ListSecretsRequest: vault.list_secrets,
        types.DeleteSecretRequest: vault.delete_secret,
        types.AddSecretVersionRequest: vault.add_secret_version,
        types.AccessSecretVersionRequest: vault.access_secret_version,
        types.GetSecretVersionRequest: vault.get_secret_version,
        types.ListSecretVersionsRequest: vault.list_secret_versions,
        types.EnableSecretVersionRequest: vault.enable_secret_version,
        types.DisableSecretVersionRequest: vault.disable_secret_version,
        types.DestroySecretVersionRequest: vault.destroy_secret_version,
    }
    lock = threading.Lock()
    return {
        request.__name__.removesuffix("Request"): _handler(request, method, lock)
        for request, method in methods.items()
    }


def _handler(request_type: type[Any], method: Callable[[Any], Any], lock: threading.Lock) -> Any:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with lock:
                return method(request)
        except Refusal as refusal:
            return context.abort(refusal.code, refusal.details)

    return grpc.unary_unary_rpc_method_handler(answer, request_type.deserialize, _serialize)


def _serialize(message: Any) -> bytes:
    if isinstance(message, empty_pb2.Empty):
        return bytes(message.SerializeToString())
    return bytes(type(message).serialize(message))


def start(port: int = 0) -> tuple[grpc.Server, int]:
    """Start a server on 127.0.0.1; gives it and its port (a free one for 0)."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    handler = grpc.method_handlers_generic_handler(_SERVICE, _handlers(Vault()))
    server.add_generic_rpc_handlers((handler,))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


if __name__ == "__main__":
    start(int(sys.argv[1]))[0].wait_for_termination()

"""SecretStore on Secret Manager."""

from __future__ import annotations

from typing import Any

from shared.platform.errors import NotFound
from shared.platform.gcp.calls import platform_errors, retry_reads
from shared.platform.limits import check_secret_name
from shared.platform.ports import SecretVersion


class SecretManagerSecrets:
    """Secrets of one project, read anew at every call."""

    def __init__(self, client: Any, project: str, *, timeout_s: float = 10.0) -> None:
        """Use a ``google.cloud.secretmanager.SecretManagerServiceClient``; a call waits at most `timeout_s`."""
        self._client = client
        self._project = project
        self._timeout_s = timeout_s

    def get(self, name: str, version: int | None = None) -> SecretVersion:
        """The pinned version, or the newest enabled one. Raises NotFound (also for a disabled version)."""
        check_secret_name(name)
        if version is not None:
            return self._access(name, str(version))
        try:
            return self._access(name, "latest")
        except NotFound:
            # "latest" is the newest version even when it is disabled.
            return self.enabled(name)[0]

    def enabled(self, name: str) -> list[SecretVersion]:
        """Every enabled version, newest first. Raises NotFound when there is none."""
        check_secret_name(name)
        found = [each for each in map(self._accessible(name), self._numbers(name)) if each]
        if not found:
            raise NotFound(f"no enabled version of secret {name}")
        return found

    def _numbers(self, name: str) -> list[int]:
        """The enabled versions' numbers, the highest first."""
        request = {"parent": f"projects/{self._project}/secrets/{name}", "filter": "state:ENABLED"}
        retry = retry_reads(self._timeout_s)
        with platform_errors():
            listed = self._client.list_secret_versions(request=request, retry=retry, timeout=self._timeout_s)
            return sorted((int(each.name.rpartition("/")[2]) for each in listed), reverse=True)

    def _accessible(self, name: str) -> Any:
        """A reader that gives None for a version disabled since it was listed."""

        def read(number: int) -> SecretVersion | None:
            try:
                return self._access(name, str(number))
            except NotFound:
                return None

        return read

    def _access(self, name: str, version: str) -> SecretVersion:
        request = {"name": f"projects/{self._project}/secrets/{name}/versions/{version}"}
        retry = retry_reads(self._timeout_s)
        with platform_errors(precondition=NotFound):
            answer = self._client.access_secret_version(request=request, retry=retry, timeout=self._timeout_s)
        return SecretVersion(name, int(answer.name.rpartition("/")[2]), answer.payload.data)

"""BlobStore on Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

from shared.platform.errors import AlreadyExists, NotFound, Unavailable, VersionChanged
from shared.platform.gcp.calls import platform_errors
from shared.platform.gcp.url_signing import SigningArguments, through_iam
from shared.platform.limits import attachment, check_lifetime, check_object_name
from shared.platform.ports import BlobInfo


class GcsBlobs:
    """Objects of one bucket."""

    def __init__(self, bucket: Any, *, sign: SigningArguments | None = None, timeout_s: float = 20.0) -> None:
        """Use a ``google.cloud.storage.Bucket``.

        Args:
            bucket: The bucket; nothing is asked of the service here.
            sign: Who signs URLs; by default the running service account through IAM.
            timeout_s: Longest wait for a sign of life of one call, and time in which it is tried again. Left alone,
                the client tries for two minutes, longer than some functions may run.
        """
        self._bucket = bucket
        self._sign = sign or through_iam(timeout_s=timeout_s)
        self._timeout_s = timeout_s

    def put(self, name: str, data: bytes, *, content_type: str, if_generation: int | None = None) -> BlobInfo:
        """Store an object, whatever is there or only over generation n (0: none).

        Raises:
            AlreadyExists: `if_generation` is 0 and the object exists.
            VersionChanged: The object is not at `if_generation`.
            Unavailable: No answer; a conditional write is not repeated, it could fail on its own effect.
        """
        blob = self._blob(name)
        options: dict[str, Any] = {"content_type": content_type, **self._patience()}
        if if_generation is not None:
            options |= {"if_generation_match": if_generation, "retry": None}
        with platform_errors(precondition=AlreadyExists if if_generation == 0 else VersionChanged):
            blob.upload_from_string(data, **options)
        return _info(blob)

    def get(self, name: str) -> bytes:
        """The whole object. Raises NotFound, and Unavailable also for bytes that do not match their checksum."""
        from google.cloud.storage.exceptions import DataCorruption

        with platform_errors():
            try:
                return bytes(self._blob(name).download_as_bytes(**self._patience()))
            except DataCorruption as error:
                raise Unavailable("checksum mismatch") from error

    def stream(self, name: str, *, chunk_bytes: int = 262_144) -> Iterator[bytes]:
        """The object in pieces, all of one generation.

        Raises:
            NotFound: There is no such object, at the first piece.
            VersionChanged: The object was replaced or deleted while it was read.
        """
        blob = self._present(name)
        if blob is None:
            raise NotFound(f"object {name}")
        reader = self._bucket.blob(name, generation=blob.generation)
        for start in range(0, blob.size, chunk_bytes):
            last = min(start + chunk_bytes, blob.size) - 1
            with platform_errors(missing=VersionChanged):
                piece = reader.download_as_bytes(start=start, end=last, **self._patience())
            yield bytes(piece)

    def stat(self, name: str) -> BlobInfo | None:
        """What is known of the object, or None."""
        blob = self._present(name)
        return None if blob is None else _info(blob)

    def list(self, prefix: str) -> list[BlobInfo]:
        """All objects whose name starts with `prefix`, by name."""
        with platform_errors():
            listed = self._bucket.list_blobs(prefix=prefix, **self._patience())
            return sorted(map(_info, listed), key=lambda info: info.name)

    def delete(self, name: str) -> None:
        """Delete the object; a missing one is no error."""
        blob = self._blob(name)
        try:
            with platform_errors():
                blob.delete(**self._patience())
        except NotFound:
            return

    def signed_url(self, name: str, *, expires_in_s: int, download_name: str | None = None) -> str:
        """A V4 signed URL that anyone may GET until it expires (at most 7 days)."""
        check_lifetime(expires_in_s)
        options: dict[str, Any] = {"version": "v4", "method": "GET", "expiration": timedelta(seconds=expires_in_s)}
        if download_name is not None:
            options["response_disposition"] = attachment(download_name)
        with platform_errors():
            return str(self._blob(name).generate_signed_url(**options, **self._sign()))

    def _patience(self) -> dict[str, Any]:
        from google.cloud.storage.retry import DEFAULT_RETRY

        return {"timeout": self._timeout_s, "retry": DEFAULT_RETRY.with_timeout(self._timeout_s)}

    def _blob(self, name: str) -> Any:
        check_object_name(name)
        return self._bucket.blob(name)

    def _present(self, name: str) -> Any:
        check_object_name(name)
        with platform_errors():
            return self._bucket.get_blob(name, **self._patience())


def _info(blob: Any) -> BlobInfo:
    updated = blob.updated.astimezone(UTC)
    return BlobInfo(blob.name, int(blob.size), blob.content_type, int(blob.generation), updated)

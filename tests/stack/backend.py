"""The two backends behind one face."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.manifest import Manifest
from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.signed_urls import UrlSigner
from tests.stack.blobs import BlobDownloads
from tests.stack.config import StackConfig
from tests.stack.embedded import BLOBS_FOLDER, embedded_messaging
from tests.stack.environment import secret_variables, url_key
from tests.stack.keychain import Keychain
from tests.stack.messaging import Messaging


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What the stack needs of a backend.

    Attributes:
        messaging: Topics are declared, queues open.
        settings: Variables that lead the functions to it.
        keep_secrets: Stores secrets (id -> value) and gives the variables that the functions need to read them.
        downloads: Serves signed URLs, where the gateway has to.
    """

    messaging: Messaging
    settings: Mapping[str, str]
    keep_secrets: Callable[[Mapping[str, bytes]], dict[str, str]]
    downloads: BlobDownloads | None


@contextmanager
def open_backend(config: StackConfig, manifest: Manifest, keys: Keychain, base_url: str) -> Iterator[Backend]:
    """The configured backend, running, with every topic of the manifest."""
    if config.backend == "embedded":
        with _embedded(config, manifest, keys, base_url) as backend:
            yield backend
    else:
        from tests.stack.emulated import open_emulated

        with open_emulated(config, manifest, keys) as (messaging, settings, keep_secrets):
            yield Backend(messaging=messaging, settings=settings, keep_secrets=keep_secrets, downloads=None)


@contextmanager
def _embedded(config: StackConfig, manifest: Manifest, keys: Keychain, base_url: str) -> Iterator[Backend]:
    state_dir = config.state_dir.resolve()
    with closing(embedded_messaging(config, manifest)) as messaging:
        yield Backend(
            messaging=messaging,
            settings={"BACKEND": "embedded", "STATE_DIR": str(state_dir)},
            keep_secrets=secret_variables,
            downloads=_downloads(state_dir, base_url, url_key(keys)),
        )


def _downloads(state_dir: Path, base_url: str, signing_key: bytes) -> BlobDownloads:
    clock = SystemClock()
    blobs = FolderBlobs(state_dir / BLOBS_FOLDER, base_url=base_url, signing_key=signing_key, clock=clock)
    return BlobDownloads(blobs, UrlSigner(base_url, signing_key, clock))

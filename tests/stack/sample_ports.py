"""Adapters for the throwaway functions, handed out as `shared.bootstrap` does."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.embedded.events import SqliteEvents
from tests.stack.embedded import BLOBS_FOLDER, EVENTS_FILE


@cache
def documents() -> SqliteDocuments:
    """The document store below STATE_DIR."""
    return SqliteDocuments(_state_dir() / "documents.db")


@cache
def blobs() -> FolderBlobs:
    """The blob store below STATE_DIR."""
    key = os.environ["SECRET_LOCAL_URL_KEY"].encode()
    return FolderBlobs(
        _state_dir() / BLOBS_FOLDER, base_url=os.environ["PUBLIC_URL"], signing_key=key, clock=SystemClock()
    )


@cache
def events() -> SqliteEvents:
    """The message queue below STATE_DIR."""
    return SqliteEvents(_state_dir() / EVENTS_FILE, SystemClock())


def _state_dir() -> Path:
    return Path(os.environ["STATE_DIR"])

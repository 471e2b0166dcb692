"""The public keys of a token issuer, fetched when needed and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from shared.platform.ports import Clock
from shared.typed import from_json

_KEEP_S = 3600.0
_PAUSE_S = 60.0
_PAUSE_AFTER_FAILURE_S = 5.0
_TIMEOUT_S = (3.05, 5.0)
_LARGEST_BYTES = 262_144


class KeysUnavailable(Exception):
    """The issuer's keys could not be read, so nothing can be said about a signature."""


class KeySet:
    """RSA keys by id, from a JWKS URL. An unknown id makes it look again, at most once a minute."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock
        self._keys: Mapping[str, Any] = {}
        self._stale_at = self._next_try = clock.monotonic()
        self._failed = False
        self._lock = threading.Lock()

    def find(self, kid: str) -> Any | None:
        """The key of that id, or None if the issuer has none. Raises KeysUnavailable."""
        with self._lock:
            now = self._clock.monotonic()
            wanted = kid not in self._keys or now >= self._stale_at
            if wanted and now >= self._next_try:
                self._refresh(now)
            key = self._keys.get(kid)
            if key is None and self._failed:
                raise KeysUnavailable("the key set of the token issuer cannot be read")
            return key

    def _refresh(self, now: float) -> None:
        """Fetch the keys; on failure the ones at hand stay."""
        try:
            self._keys = _parse(_fetch(self._url))
        except KeysUnavailable:
            self._failed, self._next_try = True, now + _PAUSE_AFTER_FAILURE_S
        else:
            self._failed, self._next_try, self._stale_at = False, now + _PAUSE_S, now + _KEEP_S


def _fetch(url: str) -> bytes:
    """The body at the URL, bounded in size. Raises KeysUnavailable."""
    import requests

    try:
        with requests.get(url, timeout=_TIMEOUT_S, stream=True, allow_redirects=False) as answer:
            if answer.status_code != requests.codes.ok:
                raise KeysUnavailable(f"the key set answered {answer.status_code}")
            return _bounded(answer.iter_content(16_384))
    except requests.RequestException as error:
        raise KeysUnavailable(type(error).__name__) from error


def _bounded(chunks: Iterable[bytes]) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > _LARGEST_BYTES:
            raise KeysUnavailable("the key set is too large")
    return body


def _parse(body: bytes) -> dict[str, Any]:
    """The RSA signing keys of a JWKS document by id; others are passed over. Raises KeysUnavailable."""
    from jwt import PyJWK, PyJWTError

    try:
        entries = from_json(body, dict[str, Any])["keys"]
        rsa = [entry for entry in entries if entry.get("kty") == "RSA" and entry.get("use", "sig") == "sig"]
        return {entry["kid"]: PyJWK(entry, algorithm="RS256") for entry in rsa}
    except (KeyError, TypeError, AttributeError, ValueError, PyJWTError) as error:
        raise KeysUnavailable("the key set is not one") from error

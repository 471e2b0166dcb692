"""Encryption at rest: AES-256-GCM, bound to its owner, with keys that rotate.

A sealed value is ``S1 | key version (4 bytes) | nonce (12) | ciphertext``. The text it is bound to (an account, an
order) is authenticated, not stored: a sealed value copied to another owner does not open. New values are sealed with
the newest enabled version of the key secret, old ones open with theirs as long as that version stays enabled. A
process that lives long looks for a newer version once an hour.
"""

from __future__ import annotations

import base64
import binascii
import secrets as random
import threading

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared import log
from shared.platform.clock import SystemClock
from shared.platform.errors import NotFound, PlatformError
from shared.platform.ports import Clock, SecretStore, SecretVersion

FRESH_S = 3600.0
"""The newest key is looked for again after that: a rotated key is out of use within it."""

_MAGIC = b"S1"
_NONCE = 12
_HEADER = len(_MAGIC) + 4
_KEY_BYTES = 32
_PAUSE_S = 60.0


class SealBroken(PlatformError):
    """The value was not sealed by us, for this owner, with a key that is still enabled."""


class Sealer:
    """Seals and opens small values with the keys of one secret (each version: 32 bytes, base64)."""

    def __init__(self, secrets: SecretStore, name: str, clock: Clock | None = None) -> None:
        self._secrets, self._name, self._clock = secrets, name, clock or SystemClock()
        self._stale_at = 0.0
        self._ring: tuple[int, dict[int, AESGCM]] = (0, {})
        self._lock = threading.Lock()

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypt; only `open` with the same `bound_to` gives it back. Raises NotFound, Unavailable."""
        newest, keys = self._fresh()
        nonce = random.token_bytes(_NONCE)
        header = _MAGIC + newest.to_bytes(4, "big")
        return header + nonce + keys[newest].encrypt(nonce, plain, header + bound_to.encode())

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Decrypt. Raises SealBroken, Unavailable."""
        header, rest = sealed[:_HEADER], sealed[_HEADER:]
        if header[: len(_MAGIC)] != _MAGIC or len(rest) <= _NONCE:
            raise SealBroken("not a sealed value")
        key = self._key(int.from_bytes(header[len(_MAGIC) :], "big"))
        try:
            return key.decrypt(rest[:_NONCE], rest[_NONCE:], header + bound_to.encode())
        except InvalidTag:
            raise SealBroken("sealed for another owner, or changed") from None

    def _fresh(self) -> tuple[int, dict[int, AESGCM]]:
        """The newest version and all keys, not older than an hour while their store answers."""
        if not self._ring[0]:
            self._load()
        elif self._clock.monotonic() >= self._stale_at:
            self._look_again()
        return self._ring

    def _look_again(self) -> None:
        """The keys at hand are good: that their store does not answer is no reason to seal nothing."""
        self._stale_at = self._clock.monotonic() + _PAUSE_S
        try:
            self._load()
        except PlatformError as error:
            log.warning("keys not read again", error=type(error).__name__)

    def _key(self, version: int) -> AESGCM:
        if version not in self._ring[1]:
            self._load()
        key = self._ring[1].get(version)
        if key is None:
            raise SealBroken(f"version {version} of secret {self._name} is not enabled")
        return key

    def _load(self) -> None:
        with self._lock:
            found = {item.version: _cipher(item) for item in self._secrets.enabled(self._name)}
            # In one step: a thread that seals meanwhile must not find the new keys without its own newest one.
            self._ring = (max(found), found)
            self._stale_at = self._clock.monotonic() + FRESH_S


def _cipher(secret: SecretVersion) -> AESGCM:
    try:
        key = base64.b64decode(secret.value.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise NotFound(f"secret {secret.name} version {secret.version} is not 32 bytes in base64")
    return AESGCM(key)


def new_key() -> str:
    """A fresh key, in the form a key secret holds."""
    return base64.b64encode(random.token_bytes(_KEY_BYTES)).decode()

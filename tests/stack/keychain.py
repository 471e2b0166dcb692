"""Secrets of one local stack: made at its first start, kept in its state folder, readable by their owner only."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_PRIVATE_DIR = 0o700
_PRIVATE_FILE = 0o600


class Keychain:
    """Named byte strings in files of mode 0600."""

    def __init__(self, folder: Path) -> None:
        """Use the folder, which is made when it is missing."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_PRIVATE_DIR)

    def keep(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The value of that name; made and stored when there is none."""
        return self.keep_file(name, make).read_bytes()

    def keep_file(self, name: str, make: Callable[[], bytes]) -> Path:
        """The file that holds the value of that name."""
        path = self._folder / name
        if not path.exists():
            _write_private(path, make())
        return path


def _write_private(path: Path, value: bytes) -> None:
    """A file that is complete or absent, never half written."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value)
    draft.replace(path)


def new_signing_key() -> bytes:
    """An RSA key (PEM), for OIDC tokens."""
    return _private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def new_partner_key() -> bytes:
    """A prime256v1 key (PEM): the curve Tesla asks of an application's key pair (Fleet API, virtual keys)."""
    return _private_pem(ec.generate_private_key(ec.SECP256R1()))


def public_half(private_pem: bytes) -> bytes:
    """The public key (PEM) of a private one."""
    key = serialization.load_pem_private_key(private_pem, password=None)
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def new_sealing_key() -> bytes:
    """32 random bytes, base64: what tokens are sealed with."""
    return base64.b64encode(secrets.token_bytes(32))


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

"""Make the EC key pair (prime256v1) that Tesla asks for and store both halves as secrets; nothing is printed.

The private half goes into a secret that no function can read. An existing key is kept unless --replace is given:
vehicles paired with it would have to be paired again.
"""

from __future__ import annotations

import argparse
import os

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared import bootstrap
from shared.cli.output import Finding
from shared.cli.secrets import is_stored, write_secret


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--replace", action="store_true", help="store a new pair although there is one")


def run(options: argparse.Namespace) -> list[Finding]:
    """Make and store the pair."""
    settings = bootstrap.settings()
    public, private = settings.tesla_public_key_secret, settings.tesla_private_key_secret
    if not options.replace and is_stored(public):
        return [Finding(public, "skipped", "a key is stored already and is kept", "use --replace for a new one")]
    key = ec.generate_private_key(ec.SECP256R1())
    halves = {
        private: key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        public: key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    }
    return [Finding(name, "ok", f"stored in {write_secret(name, pem, os.environ)}") for name, pem in halves.items()]

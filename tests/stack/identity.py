"""The stack's own OIDC issuer: what Google signs in production, signed with a key of this state folder."""

from __future__ import annotations

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from shared.platform.clock import SystemClock
from shared.platform.ports import Clock

ISSUER = "https://accounts.google.com"
_LIFE_S = 3600
_RENEW_S = 300


class Identity:
    """Mints ID tokens and serves the key set that verifies them."""

    def __init__(self, private_pem: bytes, clock: Clock | None = None) -> None:
        """Sign with an RSA key, by that clock (the machine's)."""
        key = serialization.load_pem_private_key(private_pem, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the signing key must be RSA")
        self._key = key
        self._key_id = _fingerprint(key)
        self._clock = clock or SystemClock()
        self._minted: dict[tuple[str, str], tuple[float, str]] = {}

    def key_set(self) -> dict[str, Any]:
        """The public keys (RFC 7517)."""
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [public | {"kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def token(self, email: str, audience: str) -> str:
        """An ID token of that principal, good for at least five minutes."""
        until, token = self._minted.get((email, audience), (0.0, ""))
        if until - self._now_s() < _RENEW_S:
            token = self.mint(email, audience)
            self._minted[email, audience] = (self._now_s() + _LIFE_S, token)
        return token

    def mint(self, email: str, audience: str, **claims: Any) -> str:
        """A new ID token; `claims` replace or add to those Google sets."""
        now = int(self._now_s())
        body = {
            "iss": ISSUER,
            "sub": email,
            "aud": audience,
            "email": email,
            "email_verified": True,
            "iat": now,
            "exp": now + _LIFE_S,
        }
        return jwt.encode(body | claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def _now_s(self) -> float:
        return self._clock.now().timestamp()


def _fingerprint(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public)
    return digest.finalize().hex()[:16]

"""The signing key of the simulated auth host: JWTs and the public key set."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from .answers import Json


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    """One 2048 bit key per process: making one takes about a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@cache
def public_jwk() -> Json:
    """The public half as a JWK with `kid`, `use` and `alg`."""
    jwk: Json = json.loads(RSAAlgorithm.to_jwk(_signing_key().public_key()))
    kid = hashlib.sha256(jwk["n"].encode()).hexdigest()[:20]
    return {"kty": "RSA", "n": jwk["n"], "e": jwk["e"], "kid": kid, "use": "sig", "alg": "RS256"}


def sign(claims: dict[str, Any]) -> str:
    """An RS256 JWT of the claims."""
    return jwt.encode(claims, _signing_key(), algorithm="RS256", headers={"kid": public_jwk()["kid"]})


@cache
def partner_key_pem() -> str:
    """A P-256 public key in PEM, standing for the one a partner hosts when nothing is fetched."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    encoded = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded.decode()


def uncompressed_point(pem: str) -> str:
    """The hex of a P-256 public key's uncompressed point, the form Tesla shows a registered key in.

    Raises:
        ValueError: not a PEM public key, or not on P-256.
    """
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("not a P-256 public key")
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return point.hex()

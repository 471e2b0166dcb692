"""The environment variables of every function: the stack's own choice, then what its user overrides."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from shared.settings import Settings
from tests.stack import keychain
from tests.stack.config import ROOT
from tests.stack.embedded import URL_KEY_SECRET
from tests.stack.keychain import Keychain

PUSHER = "pusher@local-stack.iam.gserviceaccount.com"
OPERATOR = "operator@example.com"
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")


def process_environment() -> dict[str, str]:
    """What any Python child needs; nothing else of ours leaks into the functions."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def identity_settings(public_url: str) -> dict[str, str]:
    """Who may call, with the gateway as issuer."""
    return {
        "PUBLIC_URL": public_url,
        "PUSHER": PUSHER,
        "OPERATORS": OPERATOR,
        "ORDERS_REQUIRE": "none",
        "OIDC_AUDIENCE": public_url,
        "OIDC_JWKS_URL": f"{public_url}/_stack/jwks",
    }


def pace_settings() -> dict[str, str]:
    """A laptop's patience: what a killed worker held is free again before its message is a dead letter."""
    return {"WORK_LEASE_S": "10", "OUTBOX_GRACE_S": "5", "DUE_AGAIN_S": "30"}


def application_secrets(keys: Keychain, tesla: Mapping[str, Any], settings: Settings) -> dict[str, bytes]:
    """Secret id -> value: the simulator's application, and keys made once per state folder."""
    partner_key = keys.keep("partner-key.pem", keychain.new_partner_key)
    return {
        settings.tesla_client_id_secret: str(tesla["client_id"]).encode(),
        settings.tesla_client_secret_secret: str(tesla["client_secret"]).encode(),
        settings.tesla_public_key_secret: keychain.public_half(partner_key),
        settings.token_key_secret: keys.keep("token-key", keychain.new_sealing_key),
        URL_KEY_SECRET: url_key(keys),
    }


def url_key(keys: Keychain) -> bytes:
    """What signs the URLs of the embedded blob store."""
    return keys.keep("local-url-key", keychain.new_sealing_key)


def secret_variables(values: Mapping[str, bytes]) -> dict[str, str]:
    """The secrets as `shared.platform.embedded.secrets` reads them."""
    return {"SECRET_" + name.upper().replace("-", "_"): value.decode() for name, value in values.items()}

"""A signature of the running service account, made by IAM: no key leaves Google.

The storage client can ask IAM by itself, but goes on for two minutes, and lets nobody shorten that.
"""

from __future__ import annotations

import base64
from typing import Any

from google.api_core.exceptions import from_http_response
from google.auth.credentials import Signing
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage.retry import DEFAULT_RETRY

IAM = "https://iamcredentials.googleapis.com"
_OK = 200


class IamSigner(Signing):
    """Credentials whose signatures come from ``signBlob``. Threads may share one."""

    def __init__(self, credentials: Any, email: str, *, timeout_s: float) -> None:
        """Sign as the account `email` with the rights of `credentials`, which are refreshed as needed.

        `timeout_s` is the longest wait for one answer, and the time in which a failed call is tried again.
        """
        self._session: Any = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # google-auth has no types
        self._url = f"{IAM}/v1/projects/-/serviceAccounts/{email}:signBlob"
        self._email, self._timeout_s = email, timeout_s

    def sign_bytes(self, message: bytes) -> bytes:
        """The signature of the message. Raises what `platform_errors` knows."""
        retry = DEFAULT_RETRY.with_timeout(self._timeout_s)
        signed: bytes = retry(self._ask)(message)
        return signed

    @property
    def signer_email(self) -> str:
        """The account that signs."""
        return self._email

    @property
    def signer(self) -> IamSigner:
        """There is nothing behind it that could sign alone."""
        return self

    def _ask(self, message: bytes) -> bytes:
        body = {"payload": base64.b64encode(message).decode()}
        limits = {"timeout": self._timeout_s, "max_allowed_time": self._timeout_s}
        response = self._session.post(self._url, json=body, **limits)
        if response.status_code != _OK:
            raise from_http_response(response)  # type: ignore[no-untyped-call]  # api-core has no types
        return base64.b64decode(response.json()["signedBlob"])

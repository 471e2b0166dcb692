"""Who signs URLs of Cloud Storage: the ambient credentials, through IAM or with a key of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SigningArguments = Callable[[], dict[str, Any]]
"""Gives the arguments of ``Blob.generate_signed_url`` that name the signer, fresh for each URL."""


def through_iam(service_account_email: str | None = None) -> SigningArguments:
    """Sign as the running service account through IAM ``signBlob``; no key leaves Google.

    The account needs ``iam.serviceAccounts.signBlob`` on itself. Ambient credentials that hold a private key of their
    own (``GOOGLE_APPLICATION_CREDENTIALS`` naming a key file) sign with it.

    Args:
        service_account_email: The account; by default the one of the ambient credentials.
    """
    credentials: Any = None

    def arguments() -> dict[str, Any]:
        nonlocal credentials
        from google.auth.transport.requests import Request
        from google.oauth2.service_account import Credentials

        credentials = credentials or _ambient_credentials()
        if isinstance(credentials, Credentials):
            return {"credentials": credentials}
        if not credentials.valid:
            credentials.refresh(Request())
        email = service_account_email or credentials.service_account_email
        return {"service_account_email": email, "access_token": credentials.token}

    return arguments


def with_credentials(credentials: Any) -> SigningArguments:
    """Sign with ``google.oauth2.service_account.Credentials`` that hold their private key (tests)."""

    def arguments() -> dict[str, Any]:
        return {"credentials": credentials}

    return arguments


def _ambient_credentials() -> Any:
    import google.auth

    return google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])[0]

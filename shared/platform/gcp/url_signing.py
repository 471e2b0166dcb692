"""Who signs URLs of Cloud Storage: the ambient credentials, through IAM or with a key of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SigningArguments = Callable[[], dict[str, Any]]
"""Gives the arguments of ``Blob.generate_signed_url`` that name the signer, fresh for each URL."""


def through_iam(service_account_email: str | None = None, *, timeout_s: float = 20.0) -> SigningArguments:
    """Sign as the running service account through IAM ``signBlob``; no key leaves Google.

    The account needs ``iam.serviceAccounts.signBlob`` on itself. Ambient credentials that hold a private key of their
    own (``GOOGLE_APPLICATION_CREDENTIALS`` naming a key file) sign with it.

    Args:
        service_account_email: The account; by default the one of the ambient credentials.
        timeout_s: Longest wait for one answer of IAM, and time in which it is asked again.
    """
    signer: Any = None

    def arguments() -> dict[str, Any]:
        nonlocal signer
        signer = signer or _signer(service_account_email, timeout_s)
        return {"credentials": signer}

    return arguments


def _signer(email: str | None, timeout_s: float) -> Any:
    """Credentials that can sign: the ambient ones, or IAM in their name."""
    from google.auth.transport.requests import Request
    from google.oauth2.service_account import Credentials

    from shared.platform.gcp.iam_signer import IamSigner

    credentials = _ambient_credentials()
    if isinstance(credentials, Credentials):
        return credentials
    if not credentials.valid:
        credentials.refresh(Request())  # those of the metadata server learn their account's name with it
    return IamSigner(credentials, email or credentials.service_account_email, timeout_s=timeout_s)


def with_credentials(credentials: Any) -> SigningArguments:
    """Sign with ``google.oauth2.service_account.Credentials`` that hold their private key (tests)."""

    def arguments() -> dict[str, Any]:
        return {"credentials": credentials}

    return arguments


def _ambient_credentials() -> Any:
    import google.auth

    return google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])[0]

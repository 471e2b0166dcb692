"""The message of the refresh topic."""

from __future__ import annotations

import msgspec


class TokenUpkeep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Refresh one account's tokens, or erase one consent that nobody claimed.

    `refused`: the digest of the account's access token, which Tesla did not take.
    """

    account: str = ""
    refused: str = ""
    pending_consent: str = ""


def refresh_message(account: str) -> bytes:
    """The message that refreshes an account."""
    return msgspec.json.encode(TokenUpkeep(account=account))

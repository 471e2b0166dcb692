"""The refresh topic: its name, its message, and how fast it may be worked off."""

from __future__ import annotations

import msgspec

TOPIC = "refresh-tokens"
PLANNED_PER_S = 15
"""Planned refreshes a second. Tesla takes about 20 token calls a second of an application (Tesla, best practices);
the rest is left to consents and to calls that find their token expired. Planned ones run in one function of one
instance (see the manifest), so this is the application's rate; they come with a fifth of a token's life to spare.
"""


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

"""Which account an enrolment is connected to. An order keeps its own account; an enrolment's is kept here."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.accounts.grants import Grant
from shared.platform.documents import Collection
from shared.platform.ports import DocumentStore, Where


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment's account, as long as its grant lives."""

    account: str
    expires_at: datetime


class Connections:
    """Accounts of enrolments. Collection: `connections`, by enrolment id."""

    def __init__(self, store: DocumentStore) -> None:
        self._records = Collection(store, "connections", Connection)

    def connect(self, grant: Grant, account: str) -> None:
        """Connect the grant's enrolment to the account, instead of the one before."""
        self._records.put(grant.subject, Connection(account=account, expires_at=grant.expires_at))

    def account(self, subject: str) -> str:
        """The account of the enrolment, empty while it is not connected."""
        stored = self._records.get(subject)
        return stored.value.account if stored else ""

    def shared(self, subject: str, account: str) -> bool:
        """Whether another enrolment is connected to the account too."""
        found = self._records.find([Where("account", "==", account)])
        return any(stored.key != subject for stored in found)

    def forget(self, subject: str) -> None:
        """The enrolment is connected no more."""
        self._records.delete(subject)

"""Grants: bearer tokens that open one order or one enrolment. They are handed out once and stored as hashes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Literal

import msgspec

from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore, Where

_PREFIX = "cpt_"

Kind = Literal["order", "enrolment"]


class Grant(msgspec.Struct, frozen=True):
    """What a bearer may touch: `subject` is the id of the order or enrolment, `key` names the grant itself."""

    key: str
    kind: Kind
    subject: str
    expires_at: datetime


class GrantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as stored, under the sha256 of its token."""

    kind: Kind
    subject: str
    expires_at: datetime


class Grants:
    """Issues and finds grants."""

    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._records, self._clock = Collection(store, "grants", GrantRecord), clock

    def issue(self, kind: Kind, subject: str, expires_at: datetime) -> tuple[str, Grant]:
        """A new grant and its token, which is not kept anywhere."""
        token = _PREFIX + secrets.token_urlsafe(32)
        key = digest(token)
        self._records.create(key, GrantRecord(kind=kind, subject=subject, expires_at=expires_at))
        return token, Grant(key, kind, subject, expires_at)

    def find(self, key: str) -> Grant | None:
        """The grant by the sha256 of its token, or None for an unknown or expired one."""
        stored = self._records.get(key)
        if stored is None or stored.value.expires_at <= self._clock.now():
            return None
        return Grant(key, stored.value.kind, stored.value.subject, stored.value.expires_at)

    def replace(self, kind: Kind, subject: str, expires_at: datetime) -> str:
        """A new grant in the place of every earlier one of the subject, which were lost; gives its token."""
        token, grant = self.issue(kind, subject, expires_at)
        for stored in list(self._records.find([Where("subject", "==", subject)])):
            if stored.key != grant.key:
                self._records.delete(stored.key)
        return token

    def forget(self, subject: str) -> None:
        """Delete every grant of the subject."""
        for stored in list(self._records.find([Where("subject", "==", subject)])):
            self._records.delete(stored.key)


def digest(text: str) -> str:
    """The sha256 by which secrets of ours are looked up."""
    return hashlib.sha256(text.encode()).hexdigest()

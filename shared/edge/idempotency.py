"""Idempotency-Key: the first answer to a creating call is kept, sealed, and given again to its repetitions.

Only successful answers are kept. A call that fails leaves the key free, so that its repetition runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from shared import log
from shared.edge.problems import IDEMPOTENCY_IN_FLIGHT, IDEMPOTENCY_MISMATCH, INVALID_IDEMPOTENCY_KEY, Problem
from shared.platform.errors import PlatformError
from shared.platform.once import Busy, Claim, Done, Once
from shared.typed import from_json

if TYPE_CHECKING:  # cryptography takes 20 ms to import; a function without sealed answers does without
    from shared.platform.sealing import Sealer

COLLECTION = "idempotency"
KEEP_S = 86_400
HEADER = "Idempotency-Key"

_LEASE_S = 120
_RETRY_AFTER_S = 2
_LONGEST_KEY = 255
_SHORTEST_ANONYMOUS_KEY = 16
_FIRST_FAILURE = 400


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A complete HTTP answer. `subject` is the object it created, by which erasure finds it."""

    status: int
    headers: dict[str, str]
    body: bytes
    subject: str = ""


class Idempotency:
    """Runs a call once per key. `once` claims in `COLLECTION` and keeps records for `KEEP_S`."""

    def __init__(self, once: Once, sealer: Sealer) -> None:
        self._once, self._sealer = once, sealer

    def run(self, key: str, fingerprint: str, produce: Callable[[], HttpAnswer]) -> tuple[HttpAnswer, bool]:
        """The answer of `produce`, or the one kept under `key`; the flag says which (True: kept).

        Raises Problem when the key belongs to another body or its first call is still running, what `produce` raises,
        and Unavailable before anything was done.
        """
        held = self._once.claim(key, lease_s=_LEASE_S, note=fingerprint)
        if not isinstance(held, Claim):
            return self._kept(held, key, fingerprint), True
        answer = self._produce(held, produce)
        if answer.status < _FIRST_FAILURE:
            self._keep(held, key, answer)
        else:
            self._give_back(held)
        return answer, False

    def _kept(self, held: Busy | Done, key: str, fingerprint: str) -> HttpAnswer:
        if held.note != fingerprint:
            raise Problem(IDEMPOTENCY_MISMATCH, "use a new Idempotency-Key for a new request")
        if isinstance(held, Busy):
            headers = {"Retry-After": str(_RETRY_AFTER_S)}
            raise Problem(IDEMPOTENCY_IN_FLIGHT, "repeat the call shortly to get its answer", headers=headers)
        return from_json(self._sealer.open(held.result, bound_to=key), HttpAnswer)

    def _produce(self, claim: Claim, produce: Callable[[], HttpAnswer]) -> HttpAnswer:
        try:
            return produce()
        except BaseException:
            self._give_back(claim)
            raise

    def _keep(self, claim: Claim, key: str, answer: HttpAnswer) -> None:
        """Store the answer. What was done cannot be undone, so a failure here does not fail the call."""
        try:
            sealed = self._sealer.seal(msgspec.json.encode(answer), bound_to=key)
            self._once.complete(claim, sealed, subject=answer.subject)
        except PlatformError as error:
            log.warning("idempotent answer not kept", error=type(error).__name__)

    def _give_back(self, claim: Claim) -> None:
        """Free the key; if the store fails, its lease ends by itself."""
        try:
            self._once.release(claim)
        except PlatformError as error:
            log.warning("idempotency key not given back", error=type(error).__name__)


def check_key(key: str, *, anonymous: bool) -> None:
    """Raises Problem for a key that is empty, too long, or guessable where nothing else tells callers apart."""
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise Problem(INVALID_IDEMPOTENCY_KEY, f"{HEADER} has 1 to {_LONGEST_KEY} characters")
    if anonymous and len(key) < _SHORTEST_ANONYMOUS_KEY:
        detail = (
            f"without an identity, {HEADER} needs at least {_SHORTEST_ANONYMOUS_KEY} characters; use a random UUID"
        )
        raise Problem(INVALID_IDEMPOTENCY_KEY, detail)


def digest(*parts: str | bytes) -> str:
    """Hex SHA-256 over the parts, so that no two different lists of parts give the same text."""
    whole = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()

"""What Tesla's answers say of the application's billing limit, for the breaker that holds all calls back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain

from shared.tesla.answers import refusal
from shared.tesla.breaker import Breaker
from shared.tesla.errors import HeldBack, LimitExceeded, NoAnswer
from shared.tesla.many import Ask, Told
from shared.tesla.regions import Regions
from shared.tesla.transport import WireReply

_MAY_SAY_SO = frozenset((HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN))
_TELLS_NOTHING = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS))
_SERVER_ERRORS = 500


@dataclass
class Billing:
    """One run's view of the limit. `status`: of the answer that named it, 0 while none did.

    `told`: some answer says that Tesla does what is asked. `held_for_s`: how long all calls are held back, None
    while they are not.
    """

    status: int = 0
    told: bool = False
    held_for_s: float | None = None

    def hear(self, answer: Told, regions: Regions) -> None:
        """Note one answer."""
        if answer.failure:
            return
        if answer.status in _MAY_SAY_SO and _names_the_limit(answer, regions):
            self.status = answer.status
        elif answer.status < _SERVER_ERRORS and answer.status not in _TELLS_NOTHING:
            self.told = True

    @property
    def held_back(self) -> bool:
        """Whether nothing more may be asked in this run."""
        return self.status > 0 or self.held_for_s is not None

    def look(self, breaker: Breaker) -> None:
        """Note whether calls are held back already; makes none."""
        try:
            breaker.check()
        except HeldBack as error:
            self.held_for_s = error.retry_after_s

    def check(self) -> None:
        """What the breaker has to know of the calls that it watched. Raises LimitExceeded, NoAnswer."""
        if self.status:
            raise LimitExceeded(self.status)
        if not self.told:
            raise NoAnswer("no answer says anything of the limit")


def first_of(asks: Iterable[Ask]) -> Iterator[Ask] | None:
    """The same requests, or None where there is none: only who asks something sees whether the limit still holds."""
    rest = iter(asks)
    for first in rest:
        return chain((first,), rest)
    return None


def _names_the_limit(answer: Told, regions: Regions) -> bool:
    return isinstance(refusal(WireReply(answer.status, {}, answer.body), regions), LimitExceeded)

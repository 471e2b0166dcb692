"""Tokens of accounts: planned refreshes, and consents that nobody claimed."""

from __future__ import annotations

from shared.accounts.consent import Consent
from shared.accounts.keeper import TokenKeeper
from shared.accounts.messages import PLANNED_PER_S, TokenUpkeep
from shared.edge.push import PushHandler
from shared.handlers.scheduled import given_up
from shared.platform.errors import WorkBusy
from shared.platform.pace import Pace
from shared.platform.ports import Clock
from shared.tesla.errors import TeslaError


def refresh_tokens(keeper: TokenKeeper, consent: Consent, clock: Clock) -> PushHandler[TokenUpkeep]:
    """One account's refresh, or the end of a consent that nobody claimed. Refreshes are paced in this process."""
    pace = Pace(clock, PLANNED_PER_S)

    def run(message: TokenUpkeep) -> None:
        if message.pending_consent:
            consent.drop(message.pending_consent)
        elif message.account:
            keeper.upkeep(message.account, pace.wait, refused=message.refused)

    return PushHandler(TokenUpkeep, run, given_up, retry_on=(WorkBusy, TeslaError))

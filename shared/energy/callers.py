"""Access tokens for a whole shard: what the shard keeps, brought up to date from the accounts, never refreshed here.

A tick looks only those accounts up whose kept token is missing, about to expire or refused. A refresh is asked of the
function that does refreshes; until it is through, the account's sites go without.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta

import msgspec

from shared import log
from shared.accounts.grants import digest
from shared.accounts.keeper import Disconnected, TokenKeeper
from shared.accounts.messages import TOPIC, TokenUpkeep
from shared.energy.shards import Shards, ShardToken, Tokens
from shared.platform.ports import Clock, Event, EventBus
from shared.platform.sealing import SealBroken
from shared.tesla.errors import AudienceMissing, LoginRequired

_LOOKUPS = 16
_MARGIN = timedelta(seconds=60)
_SOON = timedelta(seconds=240)
"""Less than a tick: a refresh that was asked for is looked at again at the next one."""
NO_TOKEN = "no_token"


class Callers:
    """Gathers the tokens that a shard calls with."""

    def __init__(self, shards: Shards, keeper: TokenKeeper, bus: EventBus, clock: Clock) -> None:
        self._shards, self._keeper, self._bus, self._clock = shards, keeper, bus, clock

    def gather(self, shard: str, accounts: Iterable[str], *, keep: Container[str] | None = None) -> Tokens:
        """Tokens of the accounts; `stopped` says why one cannot be used.

        `keep`: all accounts that the shard still calls for; the tokens of others, which a poll may have written while
        their sites were leaving, are erased.
        """
        kept = self._shards.tokens(shard)
        gone = [name for name in kept if keep is not None and name not in keep]
        if gone:
            self._shards.change_tokens(shard, dict.fromkeys(gone))
        return self._renew(shard, kept, [name for name in dict.fromkeys(accounts) if self._is_stale(kept.get(name))])

    def instead(self, shard: str, tokens: Tokens, refused: Iterable[str]) -> Tokens:
        """The tokens again, after Tesla refused those of some accounts: newer ones where there are any."""
        return self._renew(shard, tokens, list(dict.fromkeys(refused)), refused=True)

    def moved(self, shard: str, tokens: Tokens, homes: Mapping[str, str]) -> Tokens:
        """The tokens again, after Tesla named other regions for some accounts, which is remembered."""
        for account, region in homes.items():
            self._keeper.remember_region(account, region)
        return self._renew(shard, tokens, list(homes))

    def _renew(self, shard: str, kept: Tokens, accounts: list[str], *, refused: bool = False) -> Tokens:
        if not accounts:
            return kept
        with ThreadPoolExecutor(_LOOKUPS) as pool:
            runs = {
                name: pool.submit(copy_context().run, self._look_up, name, kept.get(name) if refused else None)
                for name in accounts
            }
            found = {name: run.result() for name, run in runs.items()}
        changed: Mapping[str, ShardToken | None] = {
            name: token for name, token in found.items() if token != kept.get(name)
        }
        if changed:
            self._shards.change_tokens(shard, changed)
        return {**kept, **found}

    def _look_up(self, account: str, refused: ShardToken | None) -> ShardToken:
        """The account's stored token, or a mark that says why there is none to be used."""
        now = self._clock.now()
        try:
            access, expires_at = self._keeper.held(account)
        except (Disconnected, LoginRequired, AudienceMissing) as error:
            return ShardToken("", "", now, error.reason, now)
        except SealBroken:
            log.error("tokens cannot be opened", account=account)
            return ShardToken("", "", now, NO_TOKEN, now + _SOON)
        not_taken = refused is not None and access.token == refused.access
        if not_taken or not access.reaches(access.region):
            self._ask_refresh(account, refused=digest(access.token))
        elif expires_at - _MARGIN <= now:
            self._ask_refresh(account)
        else:
            return ShardToken(access.token, access.region, expires_at)
        return ShardToken("", access.region, now, NO_TOKEN, now + _SOON)

    def _ask_refresh(self, account: str, *, refused: str = "") -> None:
        log.info("token refresh asked for", account=account, refused=bool(refused))
        self._bus.publish(Event(TOPIC, msgspec.json.encode(TokenUpkeep(account=account, refused=refused))))

    def _is_stale(self, token: ShardToken | None) -> bool:
        now = self._clock.now()
        if token is None:
            return True
        if token.stopped:
            # Only a refresh is waited for; whether an account was connected again has to be looked up.
            return token.stopped != NO_TOKEN or token.look_again_at is None or token.look_again_at <= now
        return token.expires_at - _MARGIN <= now

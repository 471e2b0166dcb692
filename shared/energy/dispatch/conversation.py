"""The sites of a shard in conversation with Tesla: every site's next steps side by side, through one engine.

A run has rounds. In a round every site is asked what it can be asked without writing anything down first: looks, and
commands whose intent is stored. Then the intents of the commands that came up are stored in one write, and the next
round sends them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.energy.contracts import ContractMemory
from shared.energy.dispatch.audit import Row
from shared.energy.dispatch.billing import Billing
from shared.energy.dispatch.journal import Operators, rows_of
from shared.energy.dispatch.lifecycle import advance, step, told, writes
from shared.energy.dispatch.records import SiteRecord
from shared.energy.dispatch.shelf import Shelf
from shared.energy.dispatch.speech import UNAUTHORISED, endpoint_of, reply_of, request, wrong_form
from shared.energy.dispatch.steps import Conditions, End, Look, Reply, Wait, Write
from shared.energy.shards import ShardToken
from shared.platform.errors import NotFound
from shared.platform.ports import Clock
from shared.tesla.breaker import Breaker
from shared.tesla.catalogue import Contract, EnergyAction
from shared.tesla.errors import PlanLimitReached
from shared.tesla.many import Ask, Told
from shared.tesla.regions import Regions
from shared.tesla.setting_writes import SettingWrites

NO_TOKEN = "no_token"
_SHORT_S = 10.0
"""Longer waits are the due list's."""
_NO_TOKEN_PAUSE_S = 60.0
_FREE_FROM = 500
Intent = tuple[str, EnergyAction, bool]


@dataclass(frozen=True, slots=True)
class Line:
    """How Tesla is reached. `price_micro`: of one answer, in millionths of a dollar."""

    regions: Regions
    contracts: ContractMemory
    writes: SettingWrites
    clock: Clock
    breaker: Breaker
    price_micro: int = 0


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """What a site was asked, in which form, and whether it is the second form that is tried."""

    step: Look | Write
    contract: Contract
    second: bool = False


@dataclass
class Conversation:
    """Holds the records of a shard while Tesla is asked.

    `conditions`: what holds now; asked again and again, so that a cancel is heard while commands are going out.
    `patient`: a round also waits for sites that have to be asked again shortly. `stored`: the intents that are
    written down. `trail`: audit rows since the last writing. `operators`: who has set something by hand meanwhile.
    """

    line: Line
    shelf: Shelf
    conditions: Callable[[], Conditions]
    tokens: Mapping[str, ShardToken]
    records: dict[str, SiteRecord]
    trail: list[Row] = field(default_factory=list)
    stored: set[Intent] = field(default_factory=set)
    refused_accounts: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    price_micro: Counter[str] = field(default_factory=Counter)
    billing: Billing = field(default_factory=Billing)
    patient: bool = True
    operators: Operators = field(default_factory=dict)
    _under_way: dict[str, _UnderWay] = field(default_factory=dict)

    def settle(self) -> None:
        """What time and decisions alone change, for all sites."""
        for site in self.records:
            self._advance(site)

    def intents(self) -> set[Intent]:
        """Commands that could be sent now but for their intent."""
        now, conditions = self.line.clock.now(), self.conditions()
        wanted: set[Intent] = set()
        for site, record in self.records.items():
            if isinstance(step(record, conditions, now), Write):
                wanted.update((site, command.action, command.undo) for command in writes(record))
        return wanted - self.stored

    def asks(self) -> Iterator[Ask]:
        """The first request of every site that has one."""
        for site in list(self.records):
            ask = self._next(site)
            if ask is not None:
                yield ask

    def hear(self, ask: Ask, answer: Told) -> Ask | None:
        """One request ended; gives the site's next one, if it may go out in this round."""
        asked = self._under_way.pop(ask.key)
        self._count(asked, answer)
        self.billing.hear(answer, self.line.regions)
        if self._speaks_otherwise(asked, answer):
            return self._ask(ask.key, asked.step, asked.contract.other, second=True)
        if isinstance(asked.step, Write) and not answer.failure and answer.status < _FREE_FROM:
            self._remember(asked, answer, ask.key)
        now = self.line.clock.now()
        reply = reply_of(asked.step, answer, self.line.regions, self.shelf, now)
        if reply.reason == UNAUTHORISED:
            self.refused_accounts.add(self.records[ask.key].account)
        self._told(ask.key, asked.step, reply, now)
        return None if answer.failure == "not_sent" else self._next(ask.key)

    def waits(self) -> list[datetime]:
        """When sites can be asked again, of those that wait for a time."""
        now, conditions = self.line.clock.now(), self.conditions()
        found = []
        for record in self.records.values():
            todo = step(record, conditions, now)
            until = todo.until if isinstance(todo, Wait) else now
            if until is not None:
                found.append(until)
        return found

    def _next(self, site: str) -> Ask | None:
        """The site's next request, later if it has to wait for a short while; None: not in this round."""
        self._advance(site)
        if self.billing.held_back:
            return None
        now = self.line.clock.now()
        todo = step(self.records[site], self.conditions(), now)
        pause_s = 0.0
        if isinstance(todo, Wait):
            waited_for = self.records[site].not_before
            if todo.until is None or todo.until != waited_for or not self.patient:
                return None
            pause_s = (todo.until - now).total_seconds()
            todo = Look()  # whatever is waited for, a look comes first
        if pause_s > _SHORT_S or not self._may_go(site, todo):
            return None
        return self._ask(site, todo, self.line.contracts.of(self._region(site)), pause_s=pause_s)

    def _may_go(self, site: str, todo: Look | Write) -> bool:
        """Whether the step needs nothing first: a stored intent, and room within the plan's limits."""
        if isinstance(todo, Look):
            return True
        if (site, todo.action, todo.undo) not in self.stored:
            return False
        try:
            self.line.writes.take(site, tariff=todo.action is EnergyAction.TARIFF, restore=todo.undo)
        except PlanLimitReached as error:
            reply = Reply(End.NOT_NOW, error.reason, retry_after_s=error.retry_after_s)
            self._told(site, todo, reply, self.line.clock.now())
            return False
        return True

    def _ask(
        self, site: str, todo: Look | Write, contract: Contract, *, pause_s: float = 0.0, second: bool = False
    ) -> Ask | None:
        token = self.tokens.get(self.records[site].account)
        if token is None or token.stopped:
            reason = token.stopped if token else NO_TOKEN
            self._told(site, todo, Reply(End.NOT_NOW, reason, retry_after_s=_NO_TOKEN_PAUSE_S), self.line.clock.now())
            return None
        endpoint = endpoint_of(todo, contract)
        base_url = self.line.regions.base_url(token.region)
        try:
            ask = request(todo, endpoint, site, base_url, token.access, self.shelf)
        except NotFound:
            self._told(site, todo, Reply(End.REFUSED, "tariff_lost"), self.line.clock.now())
            return None
        self._under_way[site] = _UnderWay(todo, contract, second)
        if pause_s <= 0:
            return ask
        return Ask(ask.key, ask.method, ask.url, ask.token, ask.body, time.monotonic() + pause_s)

    def _speaks_otherwise(self, asked: _UnderWay, answer: Told) -> bool:
        """Whether the same command is to be sent in the other contract's form, once."""
        if asked.second or not self.line.contracts.may_change or not wrong_form(asked.step, answer):
            return False
        names = {endpoint_of(asked.step, contract).name for contract in Contract}
        return len(names) > 1

    def _remember(self, asked: _UnderWay, answer: Told, site: str) -> None:
        if not wrong_form(asked.step, answer) and isinstance(asked.step, Write):
            self.line.contracts.remember(self._region(site), asked.contract)

    def _region(self, site: str) -> str:
        record = self.records[site]
        token = self.tokens.get(record.account)
        return token.region if token and token.region else record.region

    def _advance(self, site: str) -> None:
        before, now = self.records[site], self.line.clock.now()
        after = advance(before, self.conditions(), now)
        if after is not before:
            self._keep(before, after, now)

    def _told(self, site: str, todo: Look | Write, reply: Reply, now: datetime) -> None:
        before = self.records[site]
        self._keep(before, told(before, todo, reply, self.conditions(), now), now)

    def _keep(self, before: SiteRecord, after: SiteRecord, now: datetime) -> None:
        self.records[before.energy_site_id] = after
        self.trail += rows_of(before, after, now, self.operators)

    def _count(self, asked: _UnderWay, answer: Told) -> None:
        if answer.failure == "not_sent":
            return
        name = endpoint_of(asked.step, asked.contract).name
        self.calls[name] += 1
        self.outcomes[answer.failure or str(answer.status)] += 1
        if 0 < answer.status < _FREE_FROM:
            self.price_micro[name] += self.line.price_micro

"""One round of asking the sites of a shard: requests out, answers in, until every site has an outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from shared.energy.model import Equipment, RosterSite
from shared.energy.polling import outcome_of, pause_s, status_of
from shared.energy.readings import active_programmes, equipment
from shared.energy.samples import Outcome, Reading
from shared.energy.shards import ShardToken, Tokens
from shared.platform.ports import Clock
from shared.tesla import errors
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.decode import Undecodable, decode
from shared.tesla.many import Ask, Told
from shared.tesla.models.site_info import SiteInfo
from shared.tesla.regions import Installation, Regions
from shared.typed import from_json

STATUS, INFO, PROGRAMS = "s", "i", "p"
_ENDPOINT = {STATUS: "live_status", INFO: "site_info", PROGRAMS: "programs"}
_TEXT_BYTES = 2_000
_REGISTRATION_S = 900.0
"""Between two looks whether the application has been registered in a region meanwhile."""
_TELL_NOTHING = frozenset(
    (
        Outcome.TIMED_OUT,
        Outcome.CONNECTION_LOST,
        Outcome.UNREADABLE,
        Outcome.RATE_LIMITED,
        Outcome.SERVER_ERROR,
        Outcome.UNAUTHORIZED,
    )
)
_STOPPED = dict.fromkeys(("login_required", "audience_missing", "disconnected"), Outcome.LOGIN_REQUIRED)


class RoundRules(msgspec.Struct, frozen=True):
    """`tries` of one request; `price_micro` in millionths of a dollar of an answer below 500; `installation`: us."""

    tries: int
    price_micro: int
    regions: Regions
    installation: Installation = Installation()


@dataclass
class Round:
    """Hears of every request. `status`, `infos` and `programmes` hold what was learnt, by site.

    `moved`: regions by the accounts that Tesla says live there. `unregistered`: regions that do not know the
    application. `waits`: seconds by site for which it is not to be asked. `prices`: millionths of a dollar by
    endpoint.
    """

    rules: RoundRules
    clock: Clock
    sites: Mapping[str, RosterSite]
    tokens: Tokens
    status: dict[str, tuple[Outcome, Reading | None]] = field(default_factory=dict)
    infos: dict[str, Equipment] = field(default_factory=dict)
    programmes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    prices: Counter[str] = field(default_factory=Counter)
    moved: dict[str, str] = field(default_factory=dict)
    unregistered: set[str] = field(default_factory=set)
    waits: dict[str, float] = field(default_factory=dict)
    held_back: bool = False
    _tries: Counter[str] = field(default_factory=Counter)
    _bases: dict[str, str] = field(default_factory=dict)

    def asks(self, status: Iterable[RosterSite], info: Iterable[RosterSite] = ()) -> Iterator[Ask]:
        """The requests of the round; a site without a usable token has its outcome at once."""
        for site in status:
            if self.held_back:
                self.status[site.energy_site_id] = (Outcome.LIMIT_EXCEEDED, None)
                continue
            token = self.tokens.get(site.account)
            if token is None or token.stopped:
                stopped = token.stopped if token else ""
                self.status[site.energy_site_id] = (_STOPPED.get(stopped, Outcome.NO_TOKEN), None)
            else:
                yield self._ask(STATUS, site.energy_site_id, token)
        for site in info:
            token = self.tokens.get(site.account)
            if token is not None and not token.stopped and not self.held_back:
                yield self._ask(INFO, site.energy_site_id, token)

    def hear(self, ask: Ask, told: Told) -> Ask | None:
        """One request ended: note it, and give the one to make next, if any."""
        kind, site_id = ask.key[0], ask.key[1:]
        outcome = outcome_of(told, self.rules.regions)
        self._count(kind, outcome, told)
        self._note(self.sites[site_id].account, outcome, told)
        pause = pause_s(outcome, told, self._tries[ask.key] + 1)
        if pause is not None and self._tries[ask.key] + 1 < self.rules.tries:
            self._tries[ask.key] += 1
            return Ask(ask.key, ask.method, ask.url, ask.token, None, time.monotonic() + pause)
        if kind == STATUS:
            now = self.clock.now()
            self.status[site_id] = status_of(told.body, now) if outcome is Outcome.OK else (outcome, None)
            if outcome is Outcome.RATE_LIMITED:
                self.waits[site_id] = told.retry_after_s or 0.0
            elif outcome is Outcome.REGION_UNREGISTERED:
                self.waits[site_id] = _REGISTRATION_S
            return None
        return self._learnt(kind, site_id, told) if outcome is Outcome.OK else None

    def check(self) -> None:
        """For the breaker: what the round says of the application's billing limit.

        Raises LimitExceeded when Tesla said that it is reached, NoAnswer when no answer tells.
        """
        if self.held_back:
            raise errors.LimitExceeded(HTTPStatus.PAYMENT_REQUIRED)
        if not self.outcomes.keys() - _TELL_NOTHING:
            raise errors.NoAnswer("no answer says anything of the limit")

    def refused(self) -> list[str]:
        """Accounts whose token Tesla did not take."""
        return list(dict.fromkeys(site.account for site in self.ended(Outcome.UNAUTHORIZED)))

    def ended(self, *outcomes: Outcome) -> list[RosterSite]:
        """The sites whose status request ended so."""
        return [self.sites[site_id] for site_id, (outcome, _) in self.status.items() if outcome in outcomes]

    def _note(self, account: str, outcome: Outcome, told: Told) -> None:
        """What an answer says of more than its site."""
        region = self.tokens[account].region
        if outcome is Outcome.LIMIT_EXCEEDED:
            self.held_back = True
        elif outcome is Outcome.REGION_UNREGISTERED:
            self.unregistered.add(region)
        elif outcome is Outcome.WRONG_REGION:
            home = self.rules.regions.in_text(told.body[:_TEXT_BYTES].decode("utf-8", "replace"))
            if home is not None and home != region:
                self.moved[account] = home

    def _ask(self, kind: str, site_id: str, token: ShardToken) -> Ask:
        base = self._bases.get(f"{kind}{token.region}")
        if base is None:
            path = ENDPOINTS[_ENDPOINT[kind]].path
            base = self._bases[f"{kind}{token.region}"] = self.rules.regions.base_url(token.region) + path
        return Ask(kind + site_id, "GET", base.replace("{energy_site_id}", site_id), token.access)

    def _learnt(self, kind: str, site_id: str, told: Told) -> Ask | None:
        """Equipment, then the programmes, which only few applications may read."""
        if kind == PROGRAMS:
            found = active_programmes_of(told.body)
            if found is not None:
                self.programmes[site_id] = found
            return None
        try:
            self.infos[site_id] = equipment(decode(told.body, SiteInfo).value, self.clock.now())
        except Undecodable:
            return None
        known = self.status.get(site_id, (None, None))[1]
        if known is not None and known.programmes is not None:
            return None  # live_status tells already
        return self._ask(PROGRAMS, site_id, self.tokens[self.sites[site_id].account])

    def _count(self, kind: str, outcome: Outcome, told: Told) -> None:
        if told.failure == "not_sent":
            return
        self.calls[_ENDPOINT[kind]] += 1
        self.outcomes[outcome.value] += 1
        if 0 < told.status < HTTPStatus.INTERNAL_SERVER_ERROR and self.rules.price_micro:
            self.prices[_ENDPOINT[kind]] += self.rules.price_micro


def active_programmes_of(body: bytes) -> tuple[str, ...] | None:
    """The active programmes of a ``programs`` answer; None if it says nothing of them."""
    try:
        tree = from_json(body, dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return active_programmes(tree.get("response", tree))


def is_old(site: RosterSite, now: datetime, days: float = 1.0) -> bool:
    """Whether the site's equipment should be read again."""
    return site.equipment is None or (now - site.equipment.read_at).total_seconds() > days * 86_400

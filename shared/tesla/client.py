"""The Fleet API client: one call, its retries that are worth making at once, and what it cost.

It knows nothing of accounts: a caller gives it an `Access` (token, region, scopes). Calls known to be refused are
not sent. A 421 is followed once, to the region it names. Short waits stay in the process; long ones are the
caller's to plan.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from shared import log
from shared.platform.ports import Clock
from shared.tesla import errors
from shared.tesla.answers import check
from shared.tesla.breaker import Breaker
from shared.tesla.catalogue import Endpoint, Price
from shared.tesla.ledger import Meter
from shared.tesla.metering import current_meter
from shared.tesla.regions import Installation, Regions
from shared.tesla.request_limits import RequestLimits, vins_of
from shared.tesla.transport import Transport, WireReply

LONGEST_WAIT_S = 10.0
_TRIES = 3
_FIRST_PAUSE_S = 0.3
_REFUSED_FROM, _FREE_FROM = 300, 500
_NO_PATH_PART = ("", ".", "..")
"""Values that no quoting keeps from being taken for steps of the path."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a call is made with: a bearer token, the region to call and the scopes it carries.

    `business`: the token is of an account that owns a business fleet. `audiences`: the regions that the token is for,
    none where it does not say. `confirmed`: Tesla itself said that the owner lives in `region`. `account`: the
    account that the call is made for, by its id in the ledger.
    """

    token: str = field(repr=False)
    region: str
    scopes: frozenset[str] = frozenset()
    kind: str = "user"
    business: bool = False
    audiences: frozenset[str] = frozenset()
    confirmed: bool = True
    account: str = ""

    def reaches(self, region: str) -> bool:
        """Whether the region would accept the token."""
        return not self.audiences or region in self.audiences


@dataclass(slots=True)
class Tally:
    """Calls answered by Tesla and their price so far; a caller passes one in and reads it whatever happens."""

    calls: int = 0
    price_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: the body as it came, when, and the region that gave it (after a 421 not the one asked)."""

    body: bytes = field(repr=False)
    fetched_at: datetime
    region: str


class _Request(msgspec.Struct, frozen=True, gc=False):
    """A call to one region that may be sent several times. `vins`: the vehicles that it is about, for the limits;
    `account`: whom it is made for, for the ledger.
    """

    endpoint: Endpoint
    region: str
    vins: tuple[str, ...]
    account: str
    wire: Callable[[], WireReply]


class FleetClient:
    """Calls endpoints of the catalogue.

    `prices` in US dollars by category; `breaker` watches every call, `limits` admit each one that is sent.
    """

    def __init__(
        self,
        transport: Transport,
        regions: Regions,
        clock: Clock,
        prices: Mapping[Price, float],
        installation: Installation | None = None,
        breaker: Breaker | None = None,
        limits: RequestLimits | None = None,
    ) -> None:
        self._transport, self._regions, self._clock, self._prices = transport, regions, clock, prices
        self._installation, self._limits = installation or Installation(), limits
        self._watch: Callable[[], AbstractContextManager[None]] = breaker.watch if breaker else nullcontext

    def call(
        self,
        endpoint: Endpoint,
        access: Access,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        tally: Tally | None = None,
    ) -> Answer:
        """Make the call. Raises TeslaError (see `shared.tesla.errors` for which one says what)."""
        require(endpoint, access)
        route = _route(endpoint, path or {}, query or {})
        tally = Tally() if tally is None else tally
        vins = vins_of(path, query, json) if self._limits else ()

        def send(region: str) -> Answer:
            url = self._regions.base_url(region) + route
            wire = partial(self._transport.send, endpoint.method, url, query=query, token=access.token, json=json)
            with self._watch():
                return self._patiently(_Request(endpoint, region, vins, access.account, wire), tally)

        try:
            return send(access.region)
        except errors.WrongRegion as error:
            if error.region is None or error.region == access.region or not access.reaches(error.region):
                raise
            # Once: two regions that name each other would go on for ever, and each answer is billed.
            return send(error.region)

    def _patiently(self, request: _Request, tally: Tally) -> Answer:
        """Send, and again after a short pause where that is harmless: reads that failed, and short 429s."""
        for attempt in range(1, _TRIES):
            try:
                return self._once(request, tally)
            except (errors.ServerError, errors.ConnectionLost, errors.RateLimited) as error:
                pause_s = _pause_s(error, attempt)
                if pause_s > LONGEST_WAIT_S or not _harmless(request.endpoint, error):
                    raise
            self._clock.sleep(pause_s)
        return self._once(request, tally)

    def _once(self, request: _Request, tally: Tally) -> Answer:
        endpoint, region = request.endpoint, request.region
        meter, asked = current_meter(), self._prices.get(endpoint.price, 0.0)
        if meter is not None:
            meter.before(asked)
        if self._limits is not None:
            self._admit(self._limits, request, meter, asked)
        started, outcome, status = self._clock.monotonic(), "ok", 0
        try:
            reply = request.wire()
            status = reply.status
            body = check(reply, self._regions, pdf=endpoint.pdf)
        except errors.TeslaError as error:
            outcome = error.reason
            if isinstance(error, errors.RegionUnregistered):
                command = self._installation.registration_command(region)
                log.error("application not registered", region=region, command=command)
            raise
        finally:
            price = self._price_usd(endpoint, status)
            tally.calls += 1
            tally.price_usd += price
            if meter is not None:
                meter.after(endpoint.name, outcome, asked, price, account=request.account)
            log.info(
                "tesla call",
                endpoint=endpoint.name,
                region=region,
                outcome=outcome,
                status=status,
                price_usd=price,
                ms=round((self._clock.monotonic() - started) * 1000),
            )
        return Answer(body, self._clock.now(), region)

    def _admit(self, limits: RequestLimits, request: _Request, meter: Meter | None, asked_usd: float) -> None:
        """Within the plan's limits, or not sent. Raises PlanLimitReached."""
        try:
            limits.admit(request.endpoint, request.vins)
        except errors.PlanLimitReached as error:
            if meter is not None:
                meter.unused(asked_usd)
            log.info("tesla call deferred", endpoint=request.endpoint.name, limit=error.limit)
            raise

    def _price_usd(self, endpoint: Endpoint, status: int) -> float:
        """What Tesla bills: every answer below 500; specs only when they were given."""
        billed = 0 < status < (_REFUSED_FROM if endpoint.price is Price.SPECS else _FREE_FROM)
        return self._prices.get(endpoint.price, 0.0) if billed else 0.0


def require(endpoint: Endpoint, access: Access) -> None:
    """Refuse what Tesla is known to refuse. Raises NotSent, ScopeMissing."""
    if endpoint.token != access.kind:
        raise errors.NotSent(f"{endpoint.name} takes a {endpoint.token} token, not a {access.kind} token")
    if endpoint.business and not access.business:
        raise errors.NotSent(f"{endpoint.name} is for accounts that own a business fleet")
    if endpoint.scopes and not access.scopes.intersection(endpoint.scopes):
        raise errors.ScopeMissing(endpoint.scopes[0])


def _route(endpoint: Endpoint, path: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The path with its parameters.

    Raises ValueError for one of the query that is not documented, NotSent where one is missing that Tesla insists on,
    or where a value of the path would make it the path of something else.
    """
    unknown = set(query) - set(endpoint.query)
    if unknown:
        raise ValueError(f"{endpoint.name} has no parameter {sorted(unknown)}")
    lacking = [name for name in endpoint.needs if not query.get(name)]
    lacking += [name for name, value in path.items() if value in _NO_PATH_PART]
    if lacking:
        raise errors.NotSent(f"{endpoint.name} needs {', '.join(lacking)}")
    return endpoint.path.format(**{name: quote(value, safe="") for name, value in path.items()})


def _harmless(endpoint: Endpoint, error: errors.TeslaError) -> bool:
    """Whether sending again cannot do anything twice: reads, and calls that were refused unexecuted."""
    return endpoint.method == "GET" or isinstance(error, errors.RateLimited)


def _pause_s(error: errors.TeslaError, attempt: int) -> float:
    pause_s: float = _FIRST_PAUSE_S * attempt * random.uniform(0.5, 1.5)  # noqa: S311  jitter, not a secret
    return max(error.retry_after_s, pause_s) if isinstance(error, errors.RateLimited) else pause_s

"""Everything one simulator holds while it runs, and what a request can see of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import msgspec

from .answers import Answer, Json, refuse
from .clock import Clock
from .config import SimulatorConfig
from .faults import FaultBook
from .ledger import Ledger
from .limits import Limiter
from .tokens import Principal, TokenStore
from .vehicle import Vehicle
from .world import Account, World


@dataclass(frozen=True, slots=True)
class Urls:
    """Base URLs: the auth host, and the fleet host of each region."""

    auth: str
    eu: str
    na: str
    cn: str

    def fleet(self, region: str) -> str:
        """Base URL of a region's fleet host."""
        url: str = getattr(self, region)
        return url

    def fleets(self) -> tuple[str, ...]:
        """All fleet hosts."""
        return (self.eu, self.na, self.cn)


class State:
    """Clock, world, tokens, faults and ledger of one simulator."""

    def __init__(self, config: SimulatorConfig, urls: Urls, endpoints: frozenset[str]) -> None:
        self.config, self.urls, self._endpoints = config, urls, endpoints
        self.ledger = Ledger(config.ledger_calls)
        self.faults = FaultBook(config.seed, endpoints)
        self.reset()

    def reset(self) -> None:
        """Back to the beginning: a new world of the same seed, no tokens, faults or calls."""
        self.clock = Clock(self.config.clock_rate)
        self.world = World(self.config, self.clock)
        self.tokens = TokenStore(self.config, self.clock, f"{self.urls.auth}/oauth2/v3/nts")
        self.tickets: dict[str, object] = {}
        self.registered: dict[str, dict[str, Json]] = {"eu": {}, "na": {}, "cn": {}}
        self.regions = {"eu", "na", "cn"} - set(self.config.unregistered)
        self.limiter = Limiter()
        self.ledger.clear()
        self.faults.clear()


@dataclass(slots=True)
class Exchange:
    """One request as handlers see it."""

    state: State
    host: str
    method: str
    path: str
    params: dict[str, str]
    query_string: str
    body: bytes
    content_type: str
    authorization: str
    principal: Principal | None = None
    sub: str | None = None
    _query: dict[str, str] | None = field(default=None)

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of a repeated one."""
        if self._query is None:
            self._query = dict(parse_qsl(self.query_string, keep_blank_values=True)) if self.query_string else {}
        return self._query

    @property
    def account(self) -> Account:
        """The owner that the access token stands for."""
        if self.principal is None or self.principal.account is None:
            raise refuse(403, "Unauthorized missing scopes")
        return self.principal.account

    def vehicle(self) -> Vehicle | None:
        """The car that path or query names, whoever owns it."""
        return self.state.world.vehicle(self.params.get("tag") or self.query.get("vin"))

    def json_body(self) -> Json:
        """The body as a JSON object.

        Raises:
            Refusal: 406 for another content type, 400 for anything but an object.
        """
        if self.content_type != "application/json":
            raise refuse(406, "Content-Type must be application/json")
        try:
            return msgspec.json.decode(self.body, type=Json)
        except msgspec.DecodeError as error:
            raise refuse(400, "invalid_request", str(error)) from error


Handler = Callable[[Exchange], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of the catalogue and what a caller must bring.

    Attributes:
        name: Its name in ledger and faults.
        handler: Makes the answer.
        token: Which access tokens it takes; `none` needs no token at all.
        scopes: One of them must have been granted; empty needs none.
        registered: Whether the application must be registered in this region (412).
        at_home: Whether the owner's region must be this one (421).
    """

    name: str
    handler: Handler
    token: str = "user"
    scopes: frozenset[str] = frozenset()
    registered: bool = True
    at_home: bool = True

"""A small service on the embedded store, through which the tests look at the HTTP edge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
from werkzeug.test import Client

from shared.edge.idempotency import COLLECTION, KEEP_S, Idempotency
from shared.edge.oidc import OidcVerifier
from shared.edge.problems import ProblemType
from shared.edge.web import Auth, Call, Grant, Guard, HttpApp, Reply, Route, grant_key
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.embedded.secrets import EnvironmentSecrets
from shared.platform.once import Once
from shared.platform.sealing import Sealer, new_key
from tests.unit.edge import HeldClock, KeyServer, client, settings, token

KEY = "0123456789abcdef"
FULL = ProblemType("full", 409, "There is no room")


class Extra(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A nested object."""

    note: str = ""


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body with a field of each kind."""

    package: Literal["basic", "complete"]
    wake: bool = False
    count: int = 0
    since: dt.datetime | None = None
    extras: list[Extra] = []


class Search(msgspec.Struct, frozen=True):
    """Query parameters."""

    code: str
    limit: int = 10
    dry: bool = False


class Created(msgspec.Struct, frozen=True):
    """An answer."""

    order_id: str
    number: int


@dataclass
class Shop:
    """The services: counts what ran, and does what a test tells it to."""

    calls: list[Call] = field(default_factory=list)
    act: Callable[[Call], Reply] = lambda _: Reply(body={"done": True})

    def take(self, call: Call) -> Reply:
        self.calls.append(call)
        return self.act(call)


def create(shop: Shop, call: Call) -> Reply:
    shop.take(call)
    number = len(shop.calls)
    return Reply(body=Created(f"o{number}", number), headers={"Location": f"/o/{number}"}, subject=f"o{number}")


def page(_shop: Shop, _call: Call) -> Reply:
    return Reply(html="<p>hello</p>")


def key_file(_shop: Shop, _call: Call) -> Reply:
    return Reply(body=b"PEM", headers={"Content-Type": "application/x-pem-file", "Cache-Control": "public"})


def redirect(_shop: Shop, call: Call) -> Reply:
    return Reply(status=302, headers={"Location": f"https://app.example/#claim={call.query.code}"})


def route(method: str, path: str, name: str, **changes: Any) -> Route[Shop]:
    return Route(**{"method": method, "path": path, "name": name, "summary": name, "handler": Shop.take, **changes})


ROUTES = [
    route("POST", "/orders", "create", handler=create, auth=Auth.CREATOR, body=Order, status=201, idempotent=True),
    route("POST", "/public", "createPublic", handler=create, body=Order, status=201, idempotent=True),
    route("GET", "/orders/<order_id>", "read", auth=Auth.GRANT),
    route("DELETE", "/orders/<order_id>", "erase", auth=Auth.GRANT, status=202),
    route("POST", "/orders/<order_id>/cancel", "cancel", auth=Auth.GRANT, idempotent=True),
    route("GET", "/orders/<order_id>/vehicles/<vehicle_id>", "vehicle", auth=Auth.GRANT),
    route("POST", "/initiate", "initiate", auth=Auth.GRANT, grant_subject=None, body=Extra),
    route("GET", "/operators", "operators", auth=Auth.OPERATOR),
    route("GET", "/search", "search", query=Search),
    route("GET", "/callback", "callback", handler=redirect, query=Search),
    route("GET", "/page", "page", handler=page),
    route("GET", "/key.pem", "key", handler=key_file),
    route("POST", "/any", "any", body=Order),
]


class Grants:
    """Grants by the hash of their token; counts look-ups."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        key = grant_key("mine")
        self.known = {key: Grant(key, "order", "o1", dt.datetime.max.replace(tzinfo=dt.UTC))}

    def find(self, key: str) -> Grant | None:
        self.asked.append(key)
        return self.known.get(key)


class Edge:
    """An app on an embedded store, and everything around it that tests look at."""

    def __init__(self, folder: Path, keys: KeyServer, **changes: str) -> None:
        self.store = SqliteDocuments(folder / "documents.db")
        self.clock, self.shop, self.grants = HeldClock(), Shop(), Grants()
        self.settings = settings(OIDC_JWKS_URL=keys.url, **changes)
        self.once = Once(self.store, self.clock, collection=COLLECTION, keep_s=KEEP_S)
        self.touched: list[str] = []
        secrets = EnvironmentSecrets({"SECRET_TOKEN_KEY": new_key()})
        self.keeper = Idempotency(self.once, Sealer(secrets, "token-key"))
        self.guard = Guard(
            settings=self.settings,
            clock=self.clock,
            verifier=OidcVerifier(self.settings, self.clock, {}),
            find_grant=self.grants.find,
            idempotency=self.idempotency,
        )
        self.app = HttpApp(ROUTES, self.services, self.guard)
        self.http: Client = client(self.app)

    def idempotency(self) -> Idempotency:
        self.touched.append("idempotency")
        return self.keeper

    def services(self) -> Shop:
        self.touched.append("services")
        return self.shop

    def order(self, body: object = None, *, key: str | None = KEY, who: str | None = None, **more: Any) -> Any:
        """POST /orders as the operator."""
        headers = {"Authorization": who or token(), **({"Idempotency-Key": key} if key is not None else {})}
        return self.http.post("/orders", json=body or {"package": "basic"}, headers=headers, **more)


@contextmanager
def running(folder: Path, keys: KeyServer, **changes: str) -> Iterator[Edge]:
    """An edge with its files in the folder and settings changed by variable name."""
    made = Edge(folder, keys, **changes)
    yield made
    made.store.close()


MINE = {"Authorization": "Bearer mine"}

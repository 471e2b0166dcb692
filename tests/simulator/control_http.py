"""The control operations under /_sim on the auth port, for tests in another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from .answers import Answer, error_answer, json_answer
from .config import Region
from .control import AccountChange, Control, VehicleChange
from .energy_control import Affliction, SiteChange
from .faults import Fault
from .routes import RouteTable

T = TypeVar("T")
PREFIX = "/_sim"


class _Request(msgspec.Struct):
    """What a control handler sees."""

    control: Control
    params: dict[str, str]
    query: dict[str, str]
    body: bytes

    def read(self, type_: type[T]) -> T:
        """The body as a typed value."""
        return msgspec.json.decode(self.body or b"{}", type=type_)


class _Clock(msgspec.Struct):
    advance_s: float = 0
    rate: float | None = None


class _Sites(msgspec.Struct):
    count: int = 1


class _Who(msgspec.Struct):
    account: int | str = 0
    scopes: tuple[str, ...] = ("vehicle_device_data", "vehicle_charging_cmds")
    region: Region | None = None
    count: int = 1


def _ledger(request: _Request) -> object:
    query, ledger = request.query, request.control.state.ledger
    calls = ledger.calls(endpoint=query.get("endpoint"), vin=query.get("vin"))
    return [call for call in calls if call.index >= int(query.get("since", 0))]


def _clear_ledger(request: _Request) -> object:
    request.control.state.ledger.clear()
    return {}


def _add_fault(request: _Request) -> object:
    return request.control.add_fault(request.read(Fault))


def _clear_faults(request: _Request) -> object:
    faults = request.control.state.faults
    if "id" in request.query:
        return {"removed": faults.remove(int(request.query["id"]))}
    faults.clear()
    return {}


def _clock(request: _Request) -> object:
    clock, change = request.control.state.clock, request.read(_Clock)
    if change.rate is not None:
        clock.rate = change.rate
    return {"now_s": clock.advance(change.advance_s), "rate": clock.rate}


def _time(request: _Request) -> object:
    clock = request.control.state.clock
    return {"now_s": clock.now(), "rate": clock.rate}


def _fleet(request: _Request) -> object:
    hours = request.query.get("hours", "1,2,3")
    return request.control.fleet([float(hour) for hour in hours.split(",") if hour])


def _forget_commands(request: _Request) -> object:
    request.control.forget_commands()
    return {}


def _afflict(request: _Request) -> object:
    return request.control.afflict(request.read(Affliction))


def _add_sites(request: _Request) -> object:
    return {"sites": request.control.add_sites(request.params["key"], request.read(_Sites).count)}


def _grant(request: _Request) -> object:
    who = request.read(_Who)
    if who.count == 1:
        return request.control.grant(who.account, list(who.scopes), who.region)
    first = int(who.account)
    return [request.control.grant(n, list(who.scopes), who.region) for n in range(first, first + who.count)]


def _revoke(request: _Request) -> object:
    request.control.revoke(request.read(_Who).account)
    return {}


def _reset(request: _Request) -> object:
    request.control.state.reset()
    return request.control.state.world.describe()


def _change_account(request: _Request) -> object:
    account = request.control.change_account(request.params["key"], request.read(AccountChange))
    return {"email": account.email, "region": account.region, "consented": sorted(account.consented or ())}


def _change_vehicle(request: _Request) -> object:
    return request.control.change_vehicle(request.params["vin"], request.read(VehicleChange))


def _change_site(request: _Request) -> object:
    return request.control.change_site(request.params["site_id"], request.read(SiteChange))


ROUTES: tuple[tuple[str, str, Callable[[_Request], object]], ...] = (
    ("GET", "/_sim/ledger", _ledger),
    ("DELETE", "/_sim/ledger", _clear_ledger),
    ("GET", "/_sim/faults", lambda request: request.control.state.faults.all()),
    ("POST", "/_sim/faults", _add_fault),
    ("DELETE", "/_sim/faults", _clear_faults),
    ("GET", "/_sim/clock", _time),
    ("POST", "/_sim/clock", _clock),
    ("GET", "/_sim/world", lambda request: request.control.state.world.describe()),
    ("GET", "/_sim/config", lambda request: request.control.configure({})),
    ("PATCH", "/_sim/config", lambda request: request.control.configure(request.read(dict[str, Any]))),
    ("PATCH", "/_sim/vehicles/{vin}", _change_vehicle),
    ("PATCH", "/_sim/sites/{site_id}", _change_site),
    ("POST", "/_sim/troubles", _afflict),
    ("GET", "/_sim/fleet", _fleet),
    ("DELETE", "/_sim/fleet/commands", _forget_commands),
    ("PATCH", "/_sim/accounts/{key}", _change_account),
    ("POST", "/_sim/accounts/{key}/sites", _add_sites),
    ("POST", "/_sim/tokens", _grant),
    ("POST", "/_sim/revoke", _revoke),
    ("POST", "/_sim/reset", _reset),
)


class ControlApi:
    """Answers requests under /_sim; they never reach the ledger."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._routes: RouteTable[Callable[[_Request], object]] = RouteTable()
        for method, path, handler in ROUTES:
            self._routes.add(method, path, handler)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one control request: 200 with JSON, 400 for bad input, 404 for what does not exist."""
        found = self._routes.find(request.method, request.path)
        answer = error_answer(404, "no such control operation")
        if found is not None:
            handler, params = found
            body = await request.read()
            answer = _run(handler, _Request(self._control, params, dict(request.query), body))
        return web.Response(status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type})


def _run(handler: Callable[[_Request], object], request: _Request) -> Answer:
    try:
        return json_answer(handler(request))
    except KeyError as error:
        return error_answer(404, f"not found: {error.args[0]}")
    except (ValueError, msgspec.MsgspecError) as error:
        return error_answer(400, str(error))

"""Fetching one module: one call, and the outcome that is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec

from shared.accounts.session import AccountSession
from shared.orders.packages import Ask, Module
from shared.platform.ports import Clock
from shared.reports.snapshot import ModuleResult, ModuleStatus
from shared.tesla import errors
from shared.tesla.client import Tally
from shared.tesla.decode import Undecodable, decode
from shared.tesla.models.table import MODELS
from shared.tesla.scopes import LOCATION

IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "asleep": "The vehicle slept and could not be asked.",
        "missing_scope": "The owner did not grant access to this.",
        "location_not_asked": "The order did not ask for the vehicle's location, so that is left out.",
        "location_not_granted": "The owner did not grant the vehicle's location, so that is left out.",
        "forbidden": "Tesla does not give this to the application for this vehicle.",
        "not_found": "Tesla does not know this vehicle or has nothing here.",
        "login_required": "The consent at Tesla has ended.",
        "audience_missing": "The consent at Tesla is not for the owner's region; the owner has to consent again.",
        "application_refused": "Tesla does not accept the service's credentials.",
        "disconnected": "The Tesla account was disconnected.",
        "unauthorized": "Tesla did not accept the access token.",
        "billing_limit": "The service's allowance at Tesla is used up.",
        "plan_limit": "The service has made as many calls to Tesla as it may for now.",
        "budget": "The budget for calls to Tesla was used up.",
        "rate_limited": "Tesla asked to wait, longer than this order could.",
        "server_error": "Tesla's servers failed repeatedly.",
        "timed_out": "Tesla did not answer in time.",
        "connection_lost": "Tesla could not be reached.",
        "unreadable": "Tesla's answer could not be read.",
        "empty": "Tesla sent an empty document.",
        "not_a_pdf": "Tesla sent something that is no PDF.",
        "region_unregistered": "The service is not yet registered in the vehicle's region.",
        "wrong_region": "Tesla places the account in a region that is not known.",
        "rejected": "Tesla refused the request.",
        "refresh_busy": "The access token was being renewed.",
        "build_now": "The report was asked for before this could be fetched.",
        "deadline": "The time for this order ended before this could be fetched.",
        "in_progress": "There was more to fetch than the time allowed.",
        "not_in_package": "Not part of the ordered package.",
    }
)
"""Reason codes as the owner reads them."""
PARKED = (errors.RegionUnregistered, errors.LimitExceeded, errors.HeldBack)
"""What the operator has to see to: work waits for it and uses up no tries."""
WAITED_FOR = (errors.Asleep, *PARKED)
IN_PROGRESS = "in_progress"
"""The reason of what goes on in the next run, because this one has used up its time."""


class Later(msgspec.Struct, frozen=True):
    """No outcome yet: try again at `at`. Some `wait`, for a vehicle to wake or for the operator; others count as
    failed tries.

    `asked`: it was tried in this run; if not, it was too early to. `partial`: what there is of it, kept if it
    is given up.
    """

    module: str
    reason: str
    at: datetime
    calls: int
    price_usd: float
    waits: bool
    asked: bool = True
    partial: bytes = b""


class Patience(msgspec.Struct, frozen=True):
    """How long outcomes are waited for: pauses in seconds, `attempts` of a failing module."""

    retry_s: float
    attempts: int
    asleep_retry_s: float
    asleep_wait_s: float


def fetch(
    module: Module, vin: str, session: AccountSession, clock: Clock, patience: Patience, *, location: bool
) -> ModuleResult | Later:
    """Ask Tesla for the module. Never raises for what Tesla does; the outcome says it.

    `location`: the order asked for the vehicle's place. Without that it is not fetched, although the account may have
    granted it through another order.
    """
    tally = Tally()
    try:
        scopes = usable(session.scopes, location=location)
        found = ok(module.name, _call(module.name, module.ask(vin, scopes), session, tally), tally)
        return _without_place(found, asked=location) if module.placed and LOCATION not in scopes else found
    except errors.TeslaError as error:
        if error.retryable:
            return later(module.name, error, tally, clock, patience)
        return failed(module.name, error.reason, tally, clock, skipped=isinstance(error, errors.NotSent))
    except Undecodable:
        return failed(module.name, "unreadable", tally, clock)


def usable(granted: frozenset[str], *, location: bool) -> frozenset[str]:
    """The scopes that an order may make use of."""
    return granted if location else granted - {LOCATION}


def ok(module: str, fetched: tuple[bytes, datetime], tally: Tally) -> ModuleResult:
    """The outcome of a good answer."""
    body, fetched_at = fetched
    return ModuleResult(
        module=module,
        status=ModuleStatus.OK,
        fetched_at=fetched_at,
        calls=tally.calls,
        price_usd=tally.price_usd,
        body=msgspec.Raw(body),
    )


def failed(module: str, reason: str, tally: Tally, clock: Clock, *, skipped: bool = False) -> ModuleResult:
    """The outcome where there is no usable answer."""
    return ModuleResult(
        module=module,
        status=ModuleStatus.SKIPPED if skipped else ModuleStatus.FAILED,
        reason=reason,
        detail=IN_WORDS.get(reason),
        fetched_at=clock.now(),
        calls=tally.calls,
        price_usd=tally.price_usd,
    )


def _without_place(found: ModuleResult, *, asked: bool) -> ModuleResult:
    """A good answer that lacks the vehicle's place, and why."""
    reason = "location_not_granted" if asked else "location_not_asked"
    return msgspec.structs.replace(found, reason=reason, detail=IN_WORDS[reason])


def _call(name: str, ask: Ask, session: AccountSession, tally: Tally) -> tuple[bytes, datetime]:
    answer = session.call(name, path=ask.path, query=ask.query, json=ask.json, tally=tally)
    decode(answer.body, MODELS[name])
    return answer.body, answer.fetched_at


def later(module: str, error: errors.TeslaError, tally: Tally, clock: Clock, patience: Patience) -> Later:
    """The next try of what Tesla may still answer, not before it said so."""
    waits = isinstance(error, WAITED_FOR)
    at = clock.now() + timedelta(seconds=pause_s(error, patience))
    return Later(module, error.reason, at, tally.calls, tally.price_usd, waits)


def pause_s(error: errors.TeslaError, patience: Patience) -> float:
    """How long to wait before the next try, in seconds."""
    if isinstance(error, errors.HeldBack):
        return error.retry_after_s
    if isinstance(error, WAITED_FOR):
        return patience.asleep_retry_s
    asked = error.retry_after_s if isinstance(error, errors.RateLimited) else 0.0
    return max(asked, patience.retry_s)

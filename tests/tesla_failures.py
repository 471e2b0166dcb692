"""What each failure of Tesla's comes to: the table of docs/fleet-api.md and the cases of its test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.tesla import errors

BUDGET_S = 0.4
"""How long the test's client waits for an answer that is late."""
READ_BYTES = 200_000
"""How much of an answer the test's client reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row.

    Attributes:
        name: Id of the test case.
        condition: Status, and what tells it from others with the same one.
        outcome: What the call raises; None where the answer is good in the end.
        calls: How many calls are sent.
        billed: How many of them Tesla bills.
        operator: What follows from it, beyond what the owner reads.
        kind, spoil: The simulator's fault and its options; no fault where `kind` is empty.
        endpoint: Which endpoint is called.
        token, scopes: What it is called with; the scope is the endpoint's own where none is given.
        account: Owner 0 lives in the region that is called first, owner 1 in another one.
        heard: Whether the client can tell the price: an answer that never came may have been billed.
        held: Whether Tesla's billing limit was reached just before.
        limited: Whether the vehicle has had all calls that its day allows.
        reaches: The regions that the token is for, where that matters.
    """

    name: str
    condition: str
    outcome: type[errors.TeslaError] | None
    calls: int
    billed: int
    operator: str
    kind: str = ""
    spoil: Mapping[str, Any] = field(default_factory=dict)
    endpoint: str = "vehicle_data"
    token: str = "user"
    scopes: tuple[str, ...] | None = None
    account: int = 0
    heard: bool = True
    held: bool = False
    limited: bool = False
    reaches: tuple[str, ...] = ()


def _status(
    status: int, condition: str, outcome: type[errors.TeslaError], operator: str, error: str = "", **more: Any
) -> Failure:
    """A status that does not go away and is not worth a second call."""
    body = {"response": None, "error": error, "error_description": ""} if error else None
    name = more.pop("name", str(status))
    return Failure(
        name=name,
        condition=condition,
        outcome=outcome,
        calls=1,
        billed=int(status < 500),
        operator=operator,
        kind="status",
        spoil={"status": status, "body": body},
        **more,
    )


_UNSENT = (
    Failure(
        name="scope-not-granted",
        condition="not sent: the owner did not grant a scope",
        outcome=errors.ScopeMissing,
        calls=0,
        billed=0,
        operator="the scope is named; a new consent with it mends the next order",
        scopes=("openid",),
    ),
    Failure(
        name="wrong-token",
        condition="not sent: an owner's token for `specs`, or the application's for an owner's data",
        outcome=errors.NotSent,
        calls=0,
        billed=0,
        operator="a fault of the program; the log names the endpoint",
        endpoint="specs",
        scopes=("vehicle_specs",),
    ),
    Failure(
        name="held-back",
        condition="not sent: less than `TESLA_BREAKER_S` after a 402 or an `EXCEEDED_LIMIT`",
        outcome=errors.HeldBack,
        calls=0,
        billed=0,
        operator="logged as an error once; one call tries when the time is over, and lets the others go on",
        held=True,
    ),
    Failure(
        name="plan-limit",
        condition="not sent: over one of the limits that `TESLA_LIMITS` sets",
        outcome=errors.PlanLimitReached,
        calls=0,
        billed=0,
        operator="the work waits until the limit's day is over, or for its turn",
        limited=True,
    ),
    Failure(
        name="business-only",
        condition="not sent: `charging_sessions` for a person's account",
        outcome=errors.NotSent,
        calls=0,
        billed=0,
        operator="a fault of the program; no package asks for it",
        endpoint="charging_sessions",
    ),
)

_REFUSED = (
    Failure(
        name="401",
        condition="401",
        outcome=errors.Unauthorized,
        calls=1,
        billed=1,
        operator="the account's token is refreshed and the call made once more",
        kind="status",
        spoil={"status": 401},
    ),
    _status(
        401,
        "401 `mobile_access_disabled`",
        errors.Forbidden,
        "the owner switched mobile access off in the car",
        "mobile_access_disabled",
        name="401-mobile-access",
    ),
    _status(402, "402", errors.LimitExceeded, "pay Tesla's bill or add a payment method; all calls are held back"),
    _status(
        403,
        "403 `Unauthorized missing scopes`",
        errors.Forbidden,
        "the owner took a scope back after the token was issued",
        "Unauthorized missing scopes",
        name="403-scopes",
    ),
    Failure(
        name="403-exceeded-limit",
        condition="403 `EXCEEDED_LIMIT`",
        outcome=errors.LimitExceeded,
        calls=1,
        billed=1,
        operator="raise the limit at developer.tesla.com, or wait for the next month; all calls are held back",
        kind="exceeded_limit",
    ),
    _status(
        403,
        "403 `Tesla Vehicle Command Protocol required`",
        errors.Forbidden,
        "the car takes signed commands only; reads are not affected",
        "Tesla Vehicle Command Protocol required, please refer to the documentation",
        name="403-protocol",
        endpoint="wake_up",
    ),
    _status(
        404,
        "404",
        errors.Missing,
        "the vehicle has left the account; where Tesla never confirmed the region, it is asked for first",
        "not_found",
    ),
    _status(
        404,
        "404 of an energy write",
        errors.Missing,
        "where `site_info` answers, the site takes the other contract's endpoint",
        "not_found",
        name="404-energy",
        endpoint="operation",
    ),
    _status(405, "405", errors.Rejected, "the car is in service", "vehicle is currently in service"),
    Failure(
        name="405-energy",
        condition="405 of an energy write",
        outcome=errors.Rejected,
        calls=1,
        billed=1,
        operator="the site takes the other contract's endpoint",
        endpoint="operation_put",
    ),
    _status(406, "406", errors.Rejected, "a body that is not JSON: a fault of the program"),
    Failure(
        name="408-asleep",
        condition="408 `vehicle is offline or asleep`",
        outcome=errors.Asleep,
        calls=1,
        billed=1,
        operator="asked again after a cheap look at the car's state, up to a day",
        kind="asleep",
    ),
    Failure(
        name="408-timeout",
        condition='408 `{"error": "timeout"}`',
        outcome=errors.Asleep,
        calls=1,
        billed=1,
        operator="as above: the car is online but slow to answer",
        kind="timeout408",
    ),
    _status(410, "410", errors.Missing, "Tesla retired the endpoint"),
    _status(
        412,
        "412",
        errors.RegionUnregistered,
        "register the application in the region; the work waits",
        "Account x must be registered in the current region",
    ),
    _status(418, "418", errors.Rejected, "Tesla wants a newer client"),
    Failure(
        name="421-named",
        condition="421 that names a known region",
        outcome=None,
        calls=2,
        billed=2,
        operator="asked once more in that region, which is remembered",
        account=1,
    ),
    Failure(
        name="421-out-of-reach",
        condition="421 that names a region which the token is not for",
        outcome=errors.WrongRegion,
        calls=1,
        billed=1,
        operator="remembered; asked there with a token refreshed for it, else the owner has to consent again",
        account=1,
        reaches=("eu",),
    ),
    _status(
        421,
        "421 that names no known region",
        errors.WrongRegion,
        "hosts that are not listed are never called",
        "user out of region, use base URL: https://fleet-api.example.com",
        name="421-unknown",
    ),
    _status(422, "422", errors.Rejected, "Tesla does not accept a value"),
    _status(423, "423", errors.Rejected, "Tesla has locked the account"),
    _status(
        424,
        "424",
        errors.Rejected,
        "Tesla could not fetch the public key from the domain",
        "Public key download failed",
        endpoint="partner_accounts",
        token="partner",
    ),
    Failure(
        name="429-short",
        condition="429, a wait of at most 10 s",
        outcome=None,
        calls=2,
        billed=2,
        operator="waited for (`Retry-After`, else `RateLimit-*-Reset`), then asked again",
        kind="rate_limited",
        spoil={"retry_after_s": 5, "times": 1},
    ),
    Failure(
        name="429-long",
        condition="429, a longer wait",
        outcome=errors.RateLimited,
        calls=1,
        billed=1,
        operator="not before the time that Tesla names",
        kind="rate_limited",
        spoil={"retry_after_s": 300},
    ),
    _status(451, "451", errors.Rejected, "privacy settings or the region's law"),
    _status(499, "499", errors.Rejected, "Tesla saw us hang up"),
)

_SERVERS = (
    Failure(
        name="500-once",
        condition="5xx, once or twice",
        outcome=None,
        calls=3,
        billed=1,
        operator="",
        kind="server_error",
        spoil={"status": 500, "times": 2},
    ),
    *(
        Failure(
            name=str(status),
            condition=f"{status} that lasts",
            outcome=errors.ServerError,
            calls=3,
            billed=0,
            operator="the device answers nonsense; it may need a restart" if status == 540 else "Tesla is down",
            kind="server_error",
            spoil={"status": status},
        )
        for status in (500, 502, 503, 504, 540)
    ),
    Failure(
        name="500-write",
        condition="5xx of a call that changes something",
        outcome=errors.ServerError,
        calls=1,
        billed=0,
        operator="never sent twice: it may have taken effect",
        kind="server_error",
        endpoint="wake_up",
    ),
)

_NO_ANSWER = (
    Failure(
        name="timeout",
        condition="no answer in time",
        outcome=errors.TimedOut,
        calls=1,
        billed=1,
        operator="may have been billed",
        kind="slow",
        spoil={"delay_s": 2 * BUDGET_S},
        heard=False,
    ),
    Failure(
        name="lost",
        condition="the connection breaks",
        outcome=errors.ConnectionLost,
        calls=3,
        billed=3,
        operator="may have been billed each time",
        kind="drop",
        heard=False,
    ),
    Failure(
        name="lost-write",
        condition="the connection breaks under a call that changes something",
        outcome=errors.ConnectionLost,
        calls=1,
        billed=1,
        operator="never sent twice: it may have taken effect",
        kind="drop",
        endpoint="wake_up",
        heard=False,
    ),
    Failure(
        name="html",
        condition="200 with a web page",
        outcome=errors.Unreadable,
        calls=1,
        billed=1,
        operator="a proxy or an edge in between answers",
        kind="html",
    ),
    Failure(
        name="truncated",
        condition="200 with half a body",
        outcome=errors.Unreadable,
        calls=1,
        billed=1,
        operator="",
        kind="truncated",
    ),
    Failure(
        name="empty",
        condition="200 without a body",
        outcome=errors.Unreadable,
        calls=1,
        billed=1,
        operator="",
        kind="empty_body",
    ),
    Failure(
        name="oversized",
        condition="200 with more than `TESLA_BODY_BYTES`",
        outcome=errors.Unreadable,
        calls=1,
        billed=1,
        operator="reading stops at the limit",
        kind="oversized",
        spoil={"size_bytes": 2 * READ_BYTES},
        heard=False,
    ),
)

FAILURES = (*_UNSENT, *_REFUSED, *_SERVERS, *_NO_ANSWER)

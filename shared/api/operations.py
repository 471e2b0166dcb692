"""Routes for the operator: partner registration and what Tesla was asked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from shared.accounts.registration import Registration, plain_host
from shared.api.services import Services
from shared.edge.problems import Problem, ProblemType
from shared.edge.routes import Auth, Call, Reply, Route
from shared.tesla.ledger import UsageDay
from shared.tesla.metering import metered

_MOST_DAYS = 400
_USUAL_DAYS = 30
_MOST_DAYS_BY_ACCOUNT = 31
DOMAIN_INVALID = ProblemType("domain-invalid", 422, "This is no host that Tesla registers")
WINDOW_TOO_LONG = ProblemType("usage-window-invalid", 422, "The window is empty or too long")


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to register; `domain` is this service's own host unless it is given."""

    region: Literal["na", "eu", "cn", "all"]
    domain: str = ""


class Registrations(msgspec.Struct, frozen=True, kw_only=True):
    """How the application stands, one entry per region."""

    registrations: list[Registration]


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """First and last day; the last 30 days without them. `accounts`: how many are named of each day, at most 31 days
    then.
    """

    first: date | None = None
    last: date | None = None
    accounts: Annotated[int, msgspec.Meta(ge=0, le=50)] = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What Tesla was asked on each day and in all, in US dollars at the configured prices."""

    calls: int
    price_usd: float
    days: list[UsageDay]


def register(services: Services, call: Call) -> Reply:
    """Register in one region, or in all that are enabled."""
    body: Register = call.body
    registrar, domain = services.registrar(), plain_host(body.domain or _own_domain(services))
    if not domain:
        raise Problem(DOMAIN_INVALID, "name the host alone, such as api.example.com, without https://, port or path")
    regions = ("eu", "na", "cn") if body.region == "all" else (body.region,)
    with metered(services.ledger().meter()):
        outcomes = [registrar.register(region, domain) for region in regions]
    for outcome in outcomes:
        if outcome.status == "registered":
            services.desk.release_region(outcome.region)
    return Reply(Registrations(registrations=outcomes))


def registrations(services: Services, _call: Call) -> Reply:
    """How the application stands in each region."""
    return Reply(Registrations(registrations=services.registrar().status(_own_domain(services))))


def usage(services: Services, call: Call) -> Reply:
    """What Tesla was asked and what it cost."""
    query: UsageQuery = call.query
    last = query.last or services.desk.clock.now().date()
    first = query.first or date.fromordinal(max(1, last.toordinal() - _USUAL_DAYS + 1))
    most = _MOST_DAYS_BY_ACCOUNT if query.accounts else _MOST_DAYS
    if not timedelta() <= last - first <= timedelta(days=most):
        raise Problem(WINDOW_TOO_LONG, f"first must not be after last, nor more than {most} days before it")
    days = services.ledger().usage(first, last, accounts=query.accounts)
    price = round(sum(day.price_usd for day in days), 6)
    return Reply(Usage(calls=sum(day.calls for day in days), price_usd=price, days=days))


def _own_domain(services: Services) -> str:
    return urlsplit(services.settings.public_url).hostname or ""


REGISTRATION_ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/api/v1/tesla/partner/registrations",
        name="registerPartner",
        summary="Register the application at Tesla in a region, or in all that are enabled",
        handler=register,
        auth=Auth.OPERATOR,
        body=Register,
        answer=Registrations,
        problems=(DOMAIN_INVALID,),
    ),
    Route(
        method="GET",
        path="/api/v1/tesla/partner/registrations",
        name="listRegistrations",
        summary="Where the application is registered",
        handler=registrations,
        auth=Auth.OPERATOR,
        answer=Registrations,
    ),
)
USAGE_ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path="/api/v1/usage",
        name="getUsage",
        summary="What Tesla was asked and what it cost, by day, endpoint and outcome, and the costliest accounts",
        handler=usage,
        auth=Auth.OPERATOR,
        query=UsageQuery,
        answer=Usage,
        problems=(WINDOW_TOO_LONG,),
    ),
)
